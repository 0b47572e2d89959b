#pragma once

#include <filesystem>
#include <functional>

namespace fanout {

struct AppOptions {
  std::filesystem::path socket;
  std::filesystem::path state_directory;
  std::filesystem::path user_config;
};

/// The daemon from start to end: the one place that knows all the parts, and the one order in which
/// they stop. `ready` is called when calls are served. Returns after SIGTERM, SIGINT or a Shutdown call,
/// when everything has ended and is recorded. Throws Error when it cannot start.
void run_app(const AppOptions& options, const std::function<void()>& ready);

}  // namespace fanout
