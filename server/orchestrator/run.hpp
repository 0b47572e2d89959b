#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/subagent/subagent.hpp"
#include "server/tracking/tracking.hpp"

namespace fanout::orchestrator {

using async::awaitable;

/// One run under way: starts all its subagents at once, lets dependents begin when what they need is
/// there, and records the end when the last has ended. Lives on the I/O thread. Not thread-safe.
/// Lifetime: outlives its live().
class Run {
 public:
  /// The run is open in the event log. Its pending subagents start at once; they begin in live().
  Run(subagent::Services& services, tracking::Tracking& tracking, fanout::internal::v1::RunSpec spec);
  /// One that a daemon left which has died: subagents under way go on from where `progress` has them.
  using Progress = std::map<std::string, domain::Progress>;
  Run(subagent::Services& services, tracking::Tracking& tracking, fanout::internal::v1::RunSpec spec,
      Progress progress);

  /// Until every subagent has ended and RunEnded is recorded.
  awaitable<void> live();

  /// Gives `task_ids` another attempt; each has ended. Before live(), or while it is not closing(). `fresh`: in new
  /// worktrees, from the base.
  awaitable<void> retry(std::vector<std::string> task_ids, bool fresh);
  /// Asks these subagents to end.
  awaitable<void> cancel(std::vector<std::string> task_ids);
  /// Ends all because the daemon stops.
  void interrupt();

  /// All have ended, and the end is being recorded: nothing can be retried until live() is over.
  bool closing() const { return closing_; }
  const std::string& id() const { return spec_.run_id(); }
  /// As the event log has it.
  const fanout::v1::Run& state() const;

 private:
  using TaskSpec = fanout::internal::v1::TaskSpec;

  subagent::Subagent& start(const TaskSpec& task, const fanout::v1::Subagent& from);
  awaitable<void> follow(subagent::Subagent& agent);
  awaitable<void> skip(std::string task_id);
  awaitable<void> release_ready();
  awaitable<std::vector<git::Tip>> tips_of(std::vector<std::string> dependencies);
  const TaskSpec* find_task(const std::string& id) const;

  subagent::Services& services_;
  tracking::Tracking& tracking_;
  fanout::internal::v1::RunSpec spec_;
  async::Slots slots_;
  async::TaskGroup lives_;
  async::Signal changed_;
  std::map<std::string, std::unique_ptr<subagent::Subagent>> agents_;
  std::vector<std::unique_ptr<subagent::Subagent>> former_;  ///< Of earlier attempts, until the run ends.
  std::map<std::string, bool> released_;                     ///< Told to begin, or that it cannot.
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::set<std::string> retrying_;                           ///< Their RetryRequested is being recorded.
  std::size_t living_ = 0;     ///< Subagents whose live() is not over.
  std::exception_ptr lost_;    ///< The event log failed: the run cannot go on.
  bool dirty_ = true;
  bool interrupted_ = false;
  bool closing_ = false;
  bool settled_ = false;  ///< The tracker has had its time.
};

}  // namespace fanout::orchestrator
