#pragma once

#include "fanout/v1/agents.pb.h"
#include "server/agent/adapter.hpp"

namespace fanout::subagent {

/// What a person's answer means for what was asked. Pure. Throws Error{invalid_input} with what may be answered.
agent::Answer answer_from(const fanout::v1::AnswerAgentRequest& request, const fanout::v1::Attention& asked);

}  // namespace fanout::subagent
