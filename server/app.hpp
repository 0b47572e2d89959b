#pragma once

#include <chrono>
#include <filesystem>
#include <functional>

namespace fanout {

struct AppOptions {
  std::filesystem::path socket;
  std::filesystem::path state_directory;
  std::filesystem::path user_config;
  std::chrono::milliseconds snapshot_interval{std::chrono::minutes(3)};
  std::chrono::milliseconds retry_delay{std::chrono::seconds(5)};  ///< The longest before a first retry.
  std::chrono::milliseconds tracker_patience{std::chrono::minutes(1)};  ///< Of a run that is done but for its tracker.
  std::filesystem::path shim;  ///< The supervisor that programs run under.
  int listener = -1;  ///< Listens on `socket` already, and is taken over; -1: there is none.
};

/// The daemon from start to end: the one place that knows all the parts, and the one order in which
/// they stop. `ready` is called when calls are served. Returns after SIGTERM, SIGINT or a Shutdown call,
/// when everything has ended and is recorded; or does not return at all: a daemon that leaves its agents to the
/// next one ends the process once all clients were answered, as any crash would, since that is a way to end that
/// must be right in any case. Throws Error when it cannot start.
void run_app(const AppOptions& options, const std::function<void()>& ready);

}  // namespace fanout
