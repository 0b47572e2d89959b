#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "client/render/times.hpp"
#include "fanout/v1/agents.pb.h"
#include "fanout/v1/run.pb.h"

namespace fanout::client {

/// What is asked, in one line.
std::string asked_in_words(const fanout::v1::Attention& attention);

/// Who is to be answered: the selected task if it asks something, else the first that does. Null: nobody asks.
const fanout::v1::Subagent* asking(const fanout::v1::Run& run, const std::string& selected);

/// Which keys answer it, such as "y allow · n deny · 1 Always · a in words".
std::string answer_keys(const fanout::v1::Attention& attention);

/// All that waits, with what may be answered and when it is answered otherwise.
std::vector<std::string> attention_lines(const fanout::v1::WatchAttentionResponse& waiting, Time now, const Style& style,
                                         std::size_t columns);

/// What a key says to it: y or n to a permission, a number to what is offered; empty: nothing.
std::optional<fanout::v1::AnswerAgentRequest> answer_by_key(const fanout::v1::Attention& attention, char key);

/// The command that answers it; of several answers one.
std::string answer_command(const fanout::v1::Attention& attention);

}  // namespace fanout::client
