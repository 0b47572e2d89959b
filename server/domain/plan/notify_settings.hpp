#pragma once

#include <set>
#include <string>

#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

/// What the user wants to be told of, and how: [notify] of the user's configuration.
struct NotifySettings {
  std::set<std::string> on;  ///< Of notify_events(). Empty: nothing.
  bool desktop = true;       ///< By notify-send, where there is one.
  std::string command;       ///< A line for `sh -c`. Empty: none.
};

/// "needs_input", "task_failed", "run_finished".
const std::vector<std::string>& notify_events();

/// Takes the table `notify` of a file, where there is one.
NotifySettings read_notify(const Reader& file);

/// The same of the whole text of a user's configuration. What is wrong in it is told when a plan is read, not here.
NotifySettings notify_settings_in(const std::string& config);

}  // namespace fanout::domain
