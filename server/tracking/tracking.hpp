#pragma once

#include <map>
#include <memory>
#include <string>

#include "server/tracking/follower.hpp"
#include "server/tracking/trackers.hpp"

namespace fanout::tracking {

/// The tracker side of all runs. A run without a tracker is nobody's business here.
/// Lives on the I/O thread. Not thread-safe. Lifetime: stop() before destruction.
class Tracking {
 public:
  Tracking(const async::Executor& executor, store::EventLog& log, async::WorkerPool& workers,
           std::filesystem::path outbox, github::Environment environment, std::chrono::milliseconds patience);

  /// Whether the run's tracker can be used. Error precondition: nobody is logged in.
  awaitable<void> prepare(RunSpec spec);
  /// Begins to follow a run that is open in the log. Failures are recorded as the run's.
  void follow(const RunSpec& spec);
  /// Follows it no longer: to be called before the log lets go of the run. What is not done goes on without being
  /// recorded as an event.
  awaitable<void> leave(std::string run_id);

  /// Everything that the run's events come to is done, or nothing is to be.
  bool settled(const std::string& run_id) const;
  std::size_t pending(const std::string& run_id) const;
  std::string waiting_for(const std::string& run_id) const;
  /// Waits until the run is settled, but not for ever: for as long as `patience`, and less when nothing gets through.
  /// What is left then, and why, is recorded, unless it is known.
  awaitable<void> settle(std::string run_id);
  /// Whoever waits in settle() waits no longer.
  void hurry(const std::string& run_id);
  awaitable<void> log_in_again(RunSpec spec) { return trackers_.log_in_again(repository_of(spec).host); }

  awaitable<void> stop();

 private:
  struct Following {
    RunSpec spec;
    std::unique_ptr<async::TaskGroup> life;
    github::Tracker* tracker = nullptr;
    std::unique_ptr<Follower> follower;  ///< Null until its tracker is there.
    bool failed = false, hurried = false;
  };
  awaitable<void> live(Following& following);
  awaitable<void> wait_until_settled(std::string run_id);
  awaitable<void> tell_failure(std::string run_id, std::string reason);
  void tell(const github::Notice& notice);
  const Follower* find(const std::string& run_id) const;

  async::Executor executor_;
  store::EventLog& log_;
  const std::chrono::milliseconds patience_;
  async::Signal changed_;
  Trackers trackers_;
  std::map<std::string, Following> followings_;
};

}  // namespace fanout::tracking
