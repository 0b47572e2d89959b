#pragma once

#include <string>
#include <vector>

#include "client/render/arrangement.hpp"
#include "client/render/live.hpp"

namespace fanout::client {

/// One line for each of `shown`: state, task, phase, time, what it changed and used where there is room for it and it
/// is known, and its last words. Each is narrower than `columns`, and columns stay where they are while phases change.
std::vector<std::string> task_rows(const fanout::v1::Run& run, const std::vector<Placed>& shown, const View& view,
                                   std::size_t columns);

/// How far it has come: five steps from setting up to reporting, such as "▰▰▱▱▱".
std::string phase_bar(const fanout::v1::Subagent& agent);

/// Lines that its branch adds and removes, such as "+120 −4"; empty until it has reported.
std::string changed_lines(const fanout::v1::Subagent& agent);

}  // namespace fanout::client
