#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "server/github/tracker.hpp"
#include "server/tracking/doors.hpp"
#include "server/tracking/run_view.hpp"

namespace fanout::tracking {

/// What becomes of a run's pull requests once they are open, where they are followed: checks and reviews go back to the
/// agents, and a merge or an end without one ends the following. Lives on the I/O thread.
/// Lifetime: outlives what it has spawned in `lives`; the run is open in the log until then.
class PullRequests {
 public:
  PullRequests(const async::Executor& executor, async::TaskGroup& lives, RunView& run, github::Tracker& tracker,
               const Doors& doors);

  /// Follows the task's, from now on. Twice is once.
  void follow(const TaskSpec& task);
  /// Something has happened in the run.
  void news();
  /// Ends it for one task, or all: somebody has asked for it. Returns those that were followed.
  awaitable<std::vector<std::string>> stop(std::string task_id);
  /// Whether some task's is followed just now.
  bool watching() const { return !followed_.empty(); }

 private:
  awaitable<void> follow_up(const TaskSpec& task);
  awaitable<bool> look(const TaskSpec& task, github::PullRequest seen, std::string& reacted);
  awaitable<bool> react(const TaskSpec& task, github::PullRequest seen);
  awaitable<bool> pass_on(const TaskSpec& task, fanout::v1::Feedback feedback);
  awaitable<void> tell(const TaskSpec& task, const github::PullRequest& seen);
  bool has_no_checks(const TaskSpec& task, const github::PullRequest& seen);
  awaitable<void> merge_where_nobody_else_does(const TaskSpec& task, github::PullRequest seen);
  awaitable<void> set_state(const TaskSpec& task, fanout::v1::Following::State state, std::string reason);

  RunView& run_;
  github::Tracker& tracker_;
  const Doors& doors_;
  async::TaskGroup& lives_;
  async::Signal happened_;
  std::uint64_t news_ = 0;
  std::set<std::string> followed_;
  std::map<std::string, std::pair<std::string, std::chrono::steady_clock::time_point>> first_seen_;  ///< Commits.
  std::set<std::string> not_merged_;  ///< GitHub does not merge these by itself, and has said why.
};

}  // namespace fanout::tracking
