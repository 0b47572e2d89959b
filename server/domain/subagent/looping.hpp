#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string_view>

namespace fanout::domain {

/// Whether somebody does the same again and again. Told what is done, one after the other; new is what was not among
/// the last few dozen different ones. A value; pure: time is a parameter.
class Repetition {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void see(std::string_view what, Time now);
  /// Nothing new for so long, though something was done at least `least` times since.
  bool goes_on(std::size_t least, std::chrono::milliseconds span, Time now) const;
  std::size_t times() const { return repeats_; }

 private:
  static constexpr std::size_t kKnown = 64;

  std::deque<std::size_t> known_;  ///< Hashes, oldest first.
  std::size_t repeats_ = 0;        ///< Since something was new.
  Time last_new_{};
};

/// The line is one that people are to answer: "Continue? [y/N]", "Password:".
bool asks_for_input(std::string_view line);

}  // namespace fanout::domain
