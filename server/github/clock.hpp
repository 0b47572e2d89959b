#pragma once

#include <chrono>

#include "server/github/types.hpp"

namespace fanout::github {

/// The wall clock, or one that runs `speed` times as fast from now on. A value: copies tell the same time.
class Clock {
 public:
  explicit Clock(double speed = 1) : speed_(speed), began_(wall()), steady_(std::chrono::steady_clock::now()) {}

  Time now() const {
    if (speed_ == 1) return wall();
    const auto real = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - steady_);
    return began_ + std::chrono::duration_cast<milliseconds>(real * speed_);
  }

  /// How long `duration` of this clock takes in fact.
  std::chrono::nanoseconds real(milliseconds duration) const {
    const std::chrono::duration<double, std::milli> scaled(static_cast<double>(duration.count()) / speed_);
    return std::chrono::duration_cast<std::chrono::nanoseconds>(scaled);
  }

 private:
  static Time wall() { return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()); }

  double speed_;
  Time began_;
  std::chrono::steady_clock::time_point steady_;
};

}  // namespace fanout::github
