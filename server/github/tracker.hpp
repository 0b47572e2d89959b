#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/async/async.hpp"
#include "server/github/describe.hpp"
#include "server/github/issue_maker.hpp"
#include "server/github/pull_watch.hpp"
#include "server/github/task_steps.hpp"

namespace fanout::github {

struct TrackerOptions {
  Endpoints endpoints;
  std::string token;
  std::string account;  ///< Under which the limiter's state is kept; one budget for each. "": that of the host.
  Limits limits;
  Patience patience;
  milliseconds follow_interval{30'000};  ///< Between two looks at pull requests that are followed.
  Clock clock;
  http::ClientOptions http;
  std::function<void(Notice)> tell;  ///< Called on the I/O thread; must not throw.
};

struct PullRequestWanted {
  std::string base;
  bool draft = false;
  std::string title;  ///< Empty: the task's.
  Evidence evidence;
};

struct TrackerStatus {
  LimiterStatus limiter;
  std::size_t open_steps = 0;  ///< Issues, comments … that are not there yet, of all runs taken up.
  std::string trouble;         ///< Why nothing gets through, in words; empty: it does.
  bool paused = false;         ///< The token was refused; see use_token().
  std::uint64_t requests = 0, unchanged = 0;  ///< Sent; and of them those that said that nothing had changed.
};

/// A step that is not done yet.
struct PendingStep {
  std::string run, task;
  StepKind kind;
  bool failed = false;
  std::string reason;
};

/// The tracker: what a subagent asks of GitHub. One for each host and account, shared by all runs and
/// repositories.
///
/// Everything asked for is recorded before it is sent, and is done by run() in the background: a caller that
/// is cancelled, and even the end of the process, leaves it recorded; recover() takes it up. Limits, outages
/// and refused tokens are waited out; only a plain refusal fails. Asking twice for the same is asking once.
///
/// All calls throw ApiError for a refusal, Error{system} when the outbox cannot be written, and
/// operation_aborted when cancelled.
/// Lives on the I/O thread. Not thread-safe. Lifetime: the store outlives it; it outlives run() and all calls.
class Tracker {
 public:
  /// BLOCKS for a moment: reads certificates.
  Tracker(async::Executor executor, TrackerOptions options, OutboxStore& store);
  ~Tracker();

  /// Does the work until it is cancelled; spawn it once. What was written is on the disk when it ends.
  awaitable<void> run();
  /// Takes up what an earlier process left; of one run unless empty. Returns what that is, before it is done.
  awaitable<std::vector<PendingStep>> recover(std::string run_id = "");
  /// The run began then, in an earlier process or before it was ended. Where the outbox has nothing at all of it, its
  /// steps were lost: each thing is then looked for by its marker before it is made. Before anything is asked for.
  awaitable<void> take_up(std::string run_id, Time began);

  /// Returns once the issue is there. A task has one, whatever its attempts.
  awaitable<Issue> open_issue(TaskInfo task);
  /// Returns once it is recorded; it is shown in the task's one comment as soon as the limits allow, unless a
  /// newer one comes first.
  awaitable<void> progress(TaskInfo task, Progress progress);
  /// Returns once it is there. The branch must have been pushed. ApiError::reason "no_commits", "not_pushed".
  awaitable<PullRequest> open_pull_request(TaskInfo task, PullRequestWanted wanted);
  /// Says of the task's pull request what is known by now; with `make_ready` it is no draft any more.
  /// False where it is not ours to describe.
  awaitable<bool> describe_pull_request(TaskInfo task, PullRequestWanted wanted, bool make_ready);
  /// Has GitHub merge it by itself once it may. Error permanent, where there is nothing for it to wait for.
  awaitable<void> merge_when_ready(TaskInfo task, std::string method);
  /// Returns once it is closed, after the last progress was shown. `reason`: "completed" or "not_planned".
  awaitable<void> close_issue(TaskInfo task, std::string reason = "completed");
  /// Returns once it is recorded; the issue's body is edited as soon as the limits allow, unless a newer one comes first.
  awaitable<void> edit_issue(TaskInfo task);
  /// Returns once the task's issue is in "OWNER/NUMBER".
  awaitable<void> add_to_project(TaskInfo task, std::string project);
  /// Waits until nothing of the task is open.
  awaitable<void> settled(std::string run_id, std::string task_id);

  /// Goes on with another token (or with the same, should it be accepted now).
  void use_token(std::string token);
  TrackerStatus status() const;
  /// Lets go of an ended run's steps in memory.
  void forget(const std::string& run_id);
  /// For reading: whose token it is, checks, reviews.
  Client& client() { return client_; }
  /// Pull requests that somebody follows.
  PullWatch& pulls() { return pulls_; }

 private:
  awaitable<WorkPtr> submit(TaskInfo task, StepKind kind, std::function<std::string(const Marker&)> payload);
  void make_good(Step& wanted, const TaskInfo& task) const;
  void start(WorkPtr work);
  awaitable<void> perform(WorkPtr work);
  awaitable<void> guarded_perform(WorkPtr work);
  awaitable<void> keep_saving();
  awaitable<void> load_limiter();
  awaitable<void> save_limiter();

  async::Executor executor_;
  TrackerOptions options_;
  http::Client http_;
  Limiter limiter_;
  Api api_;
  Client client_;
  Ledger ledger_;
  Services services_;
  Places places_;
  IssueMaker issues_;
  TaskSteps steps_;
  PullWatch pulls_;
  async::TaskGroup background_;
  async::Signal limiter_changed_;
  bool limiter_dirty_ = false;
  bool running_ = false, stopping_ = false;
  std::vector<WorkPtr> waiting_;  ///< Asked for before run().
  std::size_t open_steps_ = 0;
};

}  // namespace fanout::github
