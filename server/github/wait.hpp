#pragma once

#include "server/async/async.hpp"
#include "server/github/clock.hpp"

namespace fanout::github {

using async::awaitable;

/// A sleep by our clock that can be ended early.
class Alarm {
 public:
  Alarm(const async::Executor& executor, Clock clock) : timer_(executor), clock_(clock) {}

  /// Returns at `time`, or when somebody rings meanwhile. Cancellation: throws operation_aborted.
  awaitable<void> until(Time time);
  /// Wakes who sleeps now; nothing is remembered.
  void ring() { timer_.cancel(); }

 private:
  boost::asio::steady_timer timer_;
  Clock clock_;
};

/// Sleeps for `duration` of `clock`. Cancellation: throws operation_aborted.
awaitable<void> pause(Clock clock, milliseconds duration);

/// How long to wait after so many failures in a row (from 1): doubles from `first` to `longest`, and is any
/// part between a half and the whole of that, so that many do not come back at the same moment.
milliseconds backoff(unsigned failures, milliseconds first, milliseconds longest);

}  // namespace fanout::github
