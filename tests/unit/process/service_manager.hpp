#pragma once

#include <sys/types.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/git_sandbox.hpp"

struct sd_bus;

namespace fanout::process {

/// A message bus of its own, and on it something that answers as the user's systemd does when it is asked for a scope:
/// it puts the process into a control group of that name, and says when the job is done.
class ServiceManager {
 public:
  /// Why it cannot be had here; empty: it can.
  static std::string why_not();

  /// Whoever looks for the user's bus in this process finds this one.
  ServiceManager();
  ~ServiceManager();

  /// Units that were made.
  std::vector<std::string> units() const;

 private:
  void serve();

  test::TempDir folder_;
  pid_t bus_daemon_ = -1;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace fanout::process
