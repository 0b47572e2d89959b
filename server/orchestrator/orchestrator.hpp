#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/orchestrator/figures.hpp"
#include "server/orchestrator/run.hpp"

namespace fanout::orchestrator {

struct RetryOptions {
  bool only_interrupted = false;  ///< Of those that may be, the tasks that were interrupted.
  bool fresh = false;             ///< In new worktrees and branches; the old ones stay, and are snapshots first.
  fanout::v1::Budget budget = {};  ///< What they may use from now on, figure by figure.
};

/// All runs of this daemon: admits plans, and answers for every run ever recorded.
/// Lives on the I/O thread. Not thread-safe.
class Orchestrator {
 public:
  Orchestrator(subagent::Services& services, tracking::Tracking& tracking);

  /// Goes on with what a daemon that died left open; where the machine was restarted since, what was under way
  /// becomes interrupted. Call before anything else.
  awaitable<void> recover();

  /// Starts a run and returns its state once it is recorded. The spec needs no run id yet. The same
  /// request id gives the same run.
  awaitable<fanout::v1::Run> execute(fanout::internal::v1::RunSpec spec);

  /// The spec of a run whose plan is open; null: it is closed, or its run is over. Good until the caller waits.
  const fanout::internal::v1::RunSpec* open_plan(const std::string& run_id) const;
  /// Adds tasks to it that were checked beside the first `known` of its tasks. False: it has others by now, or is closed.
  awaitable<bool> extend(std::string run_id, std::vector<fanout::internal::v1::TaskSpec> tasks, std::size_t known);
  /// No more tasks come. `reason` may be empty. False: it was not open.
  awaitable<bool> close_plan(std::string run_id, std::string reason);

  /// The id that `prefix` stands for; the newest run's when it is empty.
  /// Error: not_found; invalid_input when several runs begin so.
  awaitable<std::string> find(std::string prefix);
  awaitable<fanout::v1::Run> get(std::string run_id);
  /// What it was begun with. Error not_found.
  awaitable<fanout::internal::v1::RunSpec> spec(std::string run_id);
  awaitable<std::vector<fanout::v1::Run>> list(std::size_t limit, bool active_only);

  /// Asks one task, or all when `task_id` is empty, to end; returns those that were under way.
  /// Error: not_found, precondition when nothing is under way.
  awaitable<std::vector<std::string>> cancel(std::string run_id, std::string task_id);

  /// Gives one task, or all that ended without completing, another attempt, and those they blocked.
  /// Error: not_found, precondition when there is nothing to retry.
  awaitable<std::vector<std::string>> retry(std::string run_id, std::string task_id, RetryOptions options);

  /// Gives a completed task another attempt, in which its agent reacts to `feedback`; a run that has ended lives again.
  /// Error: not_found; precondition when it is not completed.
  awaitable<void> react(std::string run_id, std::string task_id, fanout::v1::Feedback feedback);

  /// What is left to do at a run's tracker.
  struct TrackerWork {
    std::size_t pending = 0;
    std::string reason;  ///< Why it waits, in one sentence; may be empty.
  };
  /// Does what an ended run left undone at its tracker, for about a minute at most.
  /// Error: not_found; precondition when it has no tracker or nobody is logged in.
  awaitable<TrackerWork> sync(std::string run_id);

  /// The task's subagent, in its present attempt. Error: not_found; precondition when it is not under way.
  awaitable<subagent::Subagent*> at_work(std::string run_id, std::string task_id);
  /// Puts its outcome in the place of its events. False: it is under way, or is being looked at just now.
  awaitable<bool> compact(std::string run_id);
  /// Removes what its programs printed, in every attempt. False as with compact().
  awaitable<bool> remove_archive(std::string run_id);
  /// Has plan and outcome lie in its folder too.
  awaitable<void> keep_records(std::string run_id);

  /// Admits nothing any more: the daemon leaves, and the next one goes on with everything.
  void leave() { stopping_ = true; }

  /// Ends every subagent as interrupted and waits until all is recorded. Nothing is admitted after it.
  awaitable<void> stop();

  Figures& figures() { return figures_; }

  std::size_t active_runs() const { return runs_.size(); }
  std::size_t active_subagents() const;

 private:
  awaitable<std::vector<std::string>> reopen(std::string run_id, std::string task_id, RetryOptions options);
  awaitable<void> follow(Run& run);
  /// Returns once it is neither closing nor open for its tracker alone. Throws Error{unavailable} when the daemon stops.
  awaitable<void> wait_until_free(std::string run_id);
  awaitable<void> give_feedback(std::string run_id, std::string task_id, fanout::v1::Feedback feedback);
  awaitable<void> restack(std::string run_id, std::string task_id, std::string base);
  awaitable<bool> alone_with(std::string run_id, awaitable<void> work);
  awaitable<void> keep_outcome(std::string run_id);
  awaitable<TrackerWork> sync_ended(store::StoredRun stored);
  awaitable<std::string> new_id(std::string name);
  awaitable<void> recover_run(std::string id, bool same_boot);
  awaitable<void> take_up(store::StoredRun stored);
  awaitable<void> interrupt_left_over(store::StoredRun stored);
  awaitable<void> close_left_over(fanout::internal::v1::RunSpec spec);
  void refuse_when_stopping() const;

  subagent::Services& services_;
  tracking::Tracking& tracking_;
  Figures figures_;
  async::TaskGroup lives_;
  async::Signal ended_;
  std::map<std::string, std::unique_ptr<Run>> runs_;
  std::set<std::string> syncing_;  ///< Ended runs at which something is at work that nothing may cross.
  bool stopping_ = false;
};

/// Error not_found, with the nearest id: the run has no such task. An empty id is none.
void require_task(const fanout::v1::Run& run, const std::string& task_id);

}  // namespace fanout::orchestrator
