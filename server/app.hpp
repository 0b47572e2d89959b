#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fanout {

struct AppOptions {
  std::filesystem::path socket;
  std::filesystem::path state_directory;
  std::filesystem::path user_config;
  std::chrono::milliseconds snapshot_interval{std::chrono::minutes(3)};
  std::chrono::milliseconds retry_delay{std::chrono::seconds(5)};  ///< The longest before a first retry.
  std::chrono::milliseconds tracker_patience{std::chrono::minutes(1)};  ///< Of a run that is done but for its tracker.
  std::string http;  ///< Address and port on the loopback to serve HTTP on, such as 127.0.0.1:9464; empty: none.
  std::string webhook_secret;        ///< Empty: no webhooks are served.
  std::uint16_t webhook_port = 0;    ///< On the loopback.
  /// When to look for what a tracker may have made though its answer was lost, after the loss. Empty: see github::Patience.
  std::vector<std::chrono::milliseconds> tracker_looks;
  std::chrono::milliseconds housekeeping_interval{std::chrono::hours(1)};  ///< Between two looks at old runs.
  std::filesystem::path shim;  ///< The supervisor that programs run under.
  /// Runs the program from its beginning in this process's place; returns when that cannot be. Where there is none the
  /// process ends, and whoever looks after it starts it anew.
  std::function<void()> start_anew;
  std::string tree_kill = "auto";  ///< auto, scope, cgroup, namespace or supervisor: which may be used.
  std::string sandbox = "workspace";  ///< off, workspace or strict, for tasks that name none.
  std::filesystem::path memory_info = "/proc";  ///< Where "meminfo" and "pressure/memory" are read.
  int listener = -1;  ///< Listens on `socket` already, and is taken over; -1: there is none.
};

/// The daemon from start to end: the one place that knows all the parts, and the one order in which
/// they stop. `ready` is called when calls are served. Returns after SIGTERM, SIGINT or a Shutdown call,
/// when everything has ended and is recorded; or does not return at all: a daemon that leaves its agents to the
/// next one ends the process once all clients were answered, as any crash would, since that is a way to end that
/// must be right in any case. Throws Error when it cannot start.
void run_app(const AppOptions& options, const std::function<void()>& ready);

}  // namespace fanout
