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

/// A run's spec beside the log too, for the day that is damaged. What cannot be written then is only missed on that day.
awaitable<void> keep_spec(subagent::Services& services, fanout::internal::v1::RunSpec spec);

/// Why a run whose plan is closed takes no more tasks, in one sentence.
std::string no_more_tasks(const std::string& run_id);

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

  /// Until every subagent has ended, no more can come, and RunEnded is recorded.
  awaitable<void> live();

  /// Gives `task_ids` another attempt; each has ended. Before live(), or while it is not closing(). What each of them is
  /// asked is `request`.
  awaitable<void> retry(std::vector<std::string> task_ids, fanout::v1::RetryRequested request);
  /// Gives a completed task another attempt, in which its agent reacts to `feedback`. While it is not closing().
  awaitable<void> give_feedback(std::string task_id, fanout::v1::Feedback feedback);
  /// Puts a completed task's branch upon `base` of the remote, without what its dependency had, and pushes it.
  /// Error precondition: it is under way, it conflicts, or its worktree is gone.
  awaitable<void> restack(std::string task_id, std::string base);
  /// Its plan is still being written.
  bool open() const;
  /// Records more tasks, which were checked beside the first `known` of those that it has, and starts them. False: it has
  /// others by now, or its plan is closed, and nothing was done.
  awaitable<bool> extend(std::vector<fanout::internal::v1::TaskSpec> tasks, std::size_t known);
  /// No more tasks come: what depends on one that has not is blocked. `reason` may be empty. False: it was not open.
  awaitable<bool> close_plan(std::string reason);
  /// Whoever kept the run open has gone.
  void look_again();
  /// Asks these subagents to end.
  awaitable<void> cancel(std::vector<std::string> task_ids);
  /// Ends all because the daemon stops.
  void interrupt();
  /// The task's present attempt; null: it has not begun under this daemon. Stays until the run ends.
  subagent::Subagent* find(const std::string& task_id) const;

  /// All have ended, and the end is being recorded: nothing can be retried until live() is over.
  bool closing() const { return closing_; }
  const std::string& id() const { return spec_.run_id(); }
  const fanout::internal::v1::RunSpec& spec() const { return spec_; }
  /// As the event log has it.
  const fanout::v1::Run& state() const;

 private:
  using TaskSpec = fanout::internal::v1::TaskSpec;

  /// `why` the attempt before ended, where that is known.
  subagent::Subagent& start(const TaskSpec& task, const fanout::v1::Subagent& from, const std::string& why = {},
                            std::optional<fanout::v1::Feedback> feedback = std::nullopt);
  awaitable<void> follow(subagent::Subagent& agent);
  awaitable<void> skip(std::string task_id);
  awaitable<void> wait_until_grown();
  awaitable<void> grow(fanout::v1::Event event);
  awaitable<void> take_growth(fanout::v1::Event event);
  awaitable<void> record_for(std::string task_id, fanout::v1::Event event);
  bool stays_open();
  awaitable<void> begin_again(std::string task_id, fanout::v1::RetryRequested request);
  awaitable<void> release_ready();
  bool has_begun() const;
  awaitable<void> enter();
  awaitable<void> wait_for_room();
  awaitable<std::uint64_t> size_of_checkout(std::string repository);
  std::uint64_t worktrees_to_come(const std::string& repository) const;
  awaitable<std::vector<git::Tip>> tips_of(std::string task_id);
  const TaskSpec* find_task(const std::string& id) const;
  const fanout::internal::v1::RunSpec& spec_for(const TaskSpec& task) const;

  subagent::Services& services_;
  tracking::Tracking& tracking_;
  fanout::internal::v1::RunSpec spec_;
  /// As it is for each repository, where there are several. Nothing in here moves: subagents refer to it.
  std::map<std::string, fanout::internal::v1::RunSpec> specs_;
  async::TaskGroup lives_;
  async::TaskGroup entrance_;  ///< Waits until the run may begin.
  async::Signal changed_;
  async::Signal grown_;  ///< growing_ holds no more.
  std::map<std::string, std::unique_ptr<subagent::Subagent>> agents_;
  std::vector<std::unique_ptr<subagent::Subagent>> former_;  ///< Of earlier attempts, until the run ends.
  std::map<std::string, bool> released_;                     ///< Told to begin, or that it cannot.
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::set<std::string> retrying_;                           ///< Their RetryRequested is being recorded.
  std::size_t living_ = 0;     ///< Subagents whose live() is not over.
  std::exception_ptr lost_;    ///< The event log failed: the run cannot go on.
  admission::Ticket place_;
  bool admitted_ = false;  ///< Its tasks may begin.
  bool dirty_ = true;
  bool interrupted_ = false;
  bool closing_ = false;
  bool growing_ = false;  ///< Tasks that came, or the plan's end, are being recorded: spec_ has them already.
  bool settled_ = false;  ///< The tracker has had its time.
};

}  // namespace fanout::orchestrator
