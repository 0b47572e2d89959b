#pragma once

#include <array>
#include <csignal>
#include <optional>

#include "client/descriptor.hpp"

namespace fanout::client {

/// While it lives, the signals that concern whoever watches a run (interrupt, end, stop, new window size)
/// are numbers to be read, and end nothing by themselves. At most one at a time. One per process.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Readable when take() has something.
  int descriptor() const { return read_end_.get(); }
  std::optional<int> take();

 private:
  Descriptor read_end_;
  Descriptor write_end_;
  std::array<struct sigaction, 6> before_{};
};

/// Threads that are started while it lives never take a signal: those are the main thread's, which waits
/// for them, while others may sit in a call for long.
class ThreadsWithoutSignals {
 public:
  ThreadsWithoutSignals();
  ~ThreadsWithoutSignals();
  ThreadsWithoutSignals(const ThreadsWithoutSignals&) = delete;
  ThreadsWithoutSignals& operator=(const ThreadsWithoutSignals&) = delete;

 private:
  sigset_t before_;
};

/// Stops this process as Ctrl-Z would; returns when it is continued.
void stop_until_continued();

}  // namespace fanout::client
