#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "client/connection.hpp"
#include "client/mcp/call.hpp"

namespace fanout::mcp {

/// The events of a run after a number, as they come, also across a daemon that is started anew.
///
/// Cancellation: the call's stop ends a wait at once.
/// Failure: CallFailed when the daemon refuses, or stays away for ten seconds.
class Following {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Next {
    events,     ///< Some came.
    ended,      ///< The run has ended, and all of its events were given.
    timed_out,  ///< None came in time.
    stopped,    ///< The call was stopped.
  };

  /// Both must outlive it.
  Following(client::Connection& daemon, Call& call, std::string run_id, std::uint64_t after);

  /// Waits for what comes next; `events` holds it, and nothing else, when it returns `events`.
  Next next(std::vector<fanout::v1::Event>& events, Clock::time_point deadline);
  /// The number of the last event that was given.
  std::uint64_t seen() const { return seen_; }

 private:
  void open();
  void lose(const client::CallFailed& failure);
  void wait(Clock::time_point deadline) const;
  Next take(std::vector<fanout::v1::Event>& events);

  client::Connection& daemon_;
  Call& call_;
  const std::string run_id_;
  std::uint64_t seen_;
  std::unique_ptr<client::EventStream> stream_;  // null while the connection is lost
  Clock::time_point give_up_ = Clock::time_point::max();
};

}  // namespace fanout::mcp
