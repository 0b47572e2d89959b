#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>

namespace fanout::client {

/// How the start of a daemon went.
struct Launched {
  pid_t pid = -1;
  bool ready = false;  ///< It serves calls now.
  std::string error;   ///< Otherwise why not, in one sentence: its own, where it gave one.
};

/// Starts `program` as a daemon of its own session for `socket`, and waits until it says that it is ready,
/// gives up, or the deadline passes. What it prints goes to fanoutd.log in the state folder, which is made
/// when it is missing. It inherits no descriptor of ours.
/// Throws Error when the state folder or the log cannot be made.
Launched launch_daemon(const std::filesystem::path& program, const std::filesystem::path& socket,
                       std::chrono::steady_clock::time_point deadline);

}  // namespace fanout::client
