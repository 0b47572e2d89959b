#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/agent/adapter.hpp"
#include "server/agent/json.hpp"

namespace fanout::agent::test {

/// The worktree of all recordings.
inline constexpr const char* kWorktree = "/home/dev/wt";

/// A recording's bytes, as they came.
std::string recording(const std::string& name);
/// The names of all recordings.
std::vector<std::string> recordings();

/// One line of a recording of both directions.
struct Spoken {
  bool by_us = false;
  std::string line;  ///< With its end.
  json::value message;
};
std::vector<Spoken> dialogue(const std::string& name);
/// What the agent said, of either kind of recording.
std::string agent_bytes(const std::string& name);

/// The adapter for a recording, by the recording's name.
std::unique_ptr<Adapter> adapter_for(const std::string& name);

/// Everything that `bytes` gives, fed whole.
std::vector<Activity> read(Adapter& adapter, std::string_view bytes);
/// Everything that a recording of one direction gives.
std::vector<Activity> read(const std::string& name);

/// One line for each activity, such as "tool Write hello.txt (EDIT)"; partial ones are left out.
std::vector<std::string> told(const std::vector<Activity>& activities);

/// The only activity of a kind, or the last.
template <typename Has>
const Activity* last(const std::vector<Activity>& activities, Has has) {
  const Activity* found = nullptr;
  for (const auto& activity : activities) {
    if ((activity.*has)()) found = &activity;
  }
  return found;
}

}  // namespace fanout::agent::test
