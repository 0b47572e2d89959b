#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace fanout::process {

/// What is said to one program while it runs; given to run(), and outlives it. All that is written arrives once and
/// in order, whichever daemon sends it: one that takes the program up writes all of it again, from the first byte,
/// and what arrived already is left out. Lives on the I/O thread. Not thread-safe.
class Channel {
 public:
  /// For its standard input, behind what was written before. Kept until the program's supervisor has it.
  void write(std::string_view bytes);
  /// Its standard input ends behind what was written.
  void close_input();
  /// All its processes stop where they stand, or go on. Its deadline stands still meanwhile.
  void pause(bool on);
  /// Asks for its end, as at the deadline: run() returns how it ended.
  void stop();
  /// While it is excused, its silence does not count: it waits for somebody, and not the other way round.
  void excuse(bool on);

  bool paused() const { return paused_; }
  bool input_closed() const { return closed_; }
  bool stopped() const { return stopped_; }

 private:
  friend class Running;
  void changed() const {
    if (on_change_) on_change_();
  }

  std::string unsent_;         ///< What the supervisor is not known to have.
  std::uint64_t sent_ = 0;     ///< Bytes before that.
  bool closed_ = false, paused_ = false, stopped_ = false, excused_ = false;
  std::function<void()> on_change_;  ///< While the program runs.
};

}  // namespace fanout::process
