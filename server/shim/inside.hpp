#pragma once

#include <string>
#include <vector>

namespace fanout::shim {

/// What is done within a sandbox, before the program there begins.
struct Inside {
  /// A Unix socket of the daemon's, to which connections to the loopback's `port` are passed on. Empty: none are.
  std::string forward_to;
  unsigned short port = 0;
  bool landlock = false;               ///< As far as the kernel has it.
  std::vector<std::string> writable;   ///< With it: what may be written to, and nothing else; empty: anything.
  std::vector<std::string> argv;
};

/// Becomes the program; it listens already by then. Returns an exit code where that cannot be.
int run_inside(const Inside& inside);

}  // namespace fanout::shim
