#include "server/tracking/pull_requests.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/text.hpp"
#include "server/tracking/feedback.hpp"

namespace fanout::tracking {

namespace v1 = fanout::v1;
using State = v1::Following;

namespace {

constexpr std::chrono::minutes kChecksBegin{1};

/// Nobody is told any more once this has gone.
class Watching {
 public:
  explicit Watching(std::shared_ptr<github::Watched> watched) : watched_(std::move(watched)) {}
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;
  ~Watching() { watched_->looked = nullptr; }
  const std::optional<github::PullRequest>& seen() const { return watched_->seen; }

 private:
  std::shared_ptr<github::Watched> watched_;
};

/// All that a reaction depends on.
std::string state_of(const github::PullRequest& seen, const v1::Subagent& agent) {
  const std::vector<std::string> parts = {seen.state, seen.head_commit, seen.checks, seen.review, seen.base,
                                          seen.draft ? "draft" : "", seen.auto_merge ? "auto" : "",
                                          std::to_string(agent.phase()), std::to_string(agent.attempt()),
                                          agent.report().head_commit()};
  return join(parts, "/");
}

}  // namespace

PullRequests::PullRequests(const async::Executor& executor, async::TaskGroup& lives, RunView& run,
                           github::Tracker& tracker, const Doors& doors)
    : run_(run), tracker_(tracker), doors_(doors), lives_(lives), happened_(executor) {}

void PullRequests::follow(const TaskSpec& task) {
  if (is_over(run_.of(task).following()) || !followed_.insert(task.id()).second) return;
  lives_.spawn(follow_up(task));
}

void PullRequests::news() {
  ++news_;
  happened_.notify();
}

awaitable<void> PullRequests::follow_up(const TaskSpec& task) {
  const auto number = run_.of(task).pull_request().number();
  const Watching watching(tracker_.pulls().watch(repository_of(run_.spec()), number, [this] { news(); }));
  if (run_.of(task).following().state() != State::STATE_WATCHING) co_await set_state(task, State::STATE_WATCHING, "");
  std::string reacted;
  for (bool over = false; !over;) {
    const auto known = news_;
    if (is_over(run_.of(task).following())) break;
    if (watching.seen()) over = co_await look(task, *watching.seen(), reacted);
    while (!over && known == news_) co_await happened_.wait();
  }
  followed_.erase(task.id());
  doors_.look_again(run_.id());
}

/// Whether it is over. Where nothing is another than it was, nothing is done; what fails is tried at the next look.
awaitable<bool> PullRequests::look(const TaskSpec& task, github::PullRequest seen, std::string& reacted) {
  auto now = state_of(seen, run_.of(task)) + (has_no_checks(task, seen) ? "/none" : "");
  if (now == reacted) co_return false;
  std::string trouble;
  try {
    co_await tell(task, seen);
    const bool over = co_await react(task, seen);
    reacted = std::move(now);
    co_return over;
  } catch (const Error& error) {
    trouble = error.what();
  }
  spdlog::warn("run {}, task {}: pull request #{}: {}", run_.id(), task.id(), seen.number, trouble);
  co_return false;
}

awaitable<void> PullRequests::tell(const TaskSpec& task, const github::PullRequest& seen) {
  const auto& known = run_.of(task).pull_request();
  auto now = told(seen, known);
  if (now.SerializeAsString() == known.SerializeAsString()) co_return;
  v1::Event event;
  *event.mutable_pull_request_changed()->mutable_pull_request() = std::move(now);
  co_await run_.record(task.id(), std::move(event));
}

awaitable<bool> PullRequests::react(const TaskSpec& task, github::PullRequest seen) {
  const auto repository = repository_of(run_.spec());
  switch (reaction_to(seen, run_.of(task))) {
    case Reaction::none:
      co_await merge_where_nobody_else_does(task, seen);
      co_return false;
    case Reaction::merged:
      co_await set_state(task, State::STATE_MERGED, "");
      co_return true;
    case Reaction::closed:
      co_await set_state(task, State::STATE_CLOSED, "pull request #" + std::to_string(seen.number) + " was closed");
      co_return true;
    case Reaction::lost:
      co_await set_state(task, State::STATE_GAVE_UP, run_.of(task).reason());
      co_return true;
    case Reaction::read_checks: {
      const auto failed = co_await tracker_.client().failed_checks(repository, seen.head_commit);
      if (failed.empty()) co_return false;  // they have begun anew
      auto feedback = feedback_of(failed, seen.head_commit);
      co_return co_await pass_on(task, std::move(feedback));
    }
    case Reaction::read_review: {
      const auto review = co_await tracker_.client().wanted_changes(repository, seen.number);
      if (!review) co_return false;
      auto feedback = feedback_of(*review);
      const auto& known = run_.of(task).following().fingerprints();
      // The agent has answered it; now it is the reviewer's turn again.
      if (std::find(known.begin(), known.end(), feedback.fingerprint()) != known.end()) co_return false;
      co_return co_await pass_on(task, std::move(feedback));
    }
  }
  co_return false;
}

awaitable<bool> PullRequests::pass_on(const TaskSpec& task, v1::Feedback feedback) {
  const auto& options = run_.spec().tracker_options();
  const auto following = run_.of(task).following();
  const auto refusal = why_not(feedback, following, options.ci_retries());
  if (!refusal.empty()) {
    co_await set_state(task, State::STATE_GAVE_UP, refusal);
    co_return true;
  }
  feedback.set_retry(following.retries() + 1);
  feedback.set_retries(options.ci_retries());
  co_await doors_.give_feedback(run_.id(), task.id(), std::move(feedback));
  co_return false;
}

/// Where none has begun for a while after a push, none will.
bool PullRequests::has_no_checks(const TaskSpec& task, const github::PullRequest& seen) {
  const auto now = std::chrono::steady_clock::now();
  auto& first = first_seen_[task.id()];
  if (first.first != seen.head_commit) first = {seen.head_commit, now};
  return seen.checks.empty() && now - first.second >= kChecksBegin;
}

/// GitHub merges by itself only what it holds back: where a branch asks for nothing, there is nothing to wait for, and
/// it says so. Then we wait for the checks that there are.
awaitable<void> PullRequests::merge_where_nobody_else_does(const TaskSpec& task, github::PullRequest seen) {
  const auto& method = run_.spec().tracker_options().auto_merge();
  const auto& agent = run_.of(task);
  const bool at_rest = agent.phase() == v1::PHASE_COMPLETED && seen.head_commit == agent.report().head_commit();
  const bool ready = !seen.draft && !seen.auto_merge && seen.checks != "FAILURE";
  if (method.empty() || !at_rest || !ready || not_merged_.contains(task.id())) co_return;
  std::optional<github::ApiError> refused;
  try {
    co_await tracker_.client().enable_auto_merge(seen.node_id, method);
  } catch (const github::ApiError& error) {
    refused = error;
  }
  if (!refused) co_return;
  if (refused->reason != "clean") {
    not_merged_.insert(task.id());
    co_return co_await run_.record_fault(task.id(), "auto_merge", refused->what());
  }
  const bool passed = seen.checks == "SUCCESS" || has_no_checks(task, seen);
  if (!passed || seen.review == "REVIEW_REQUIRED" || seen.review == "CHANGES_REQUESTED") co_return;
  co_await tracker_.client().merge(repository_of(run_.spec()), seen.number, method, seen.head_commit);
  tracker_.pulls().look_now();
}

awaitable<void> PullRequests::set_state(const TaskSpec& task, State::State state, std::string reason) {
  v1::Event event;
  event.mutable_following_changed()->set_state(state);
  event.mutable_following_changed()->set_reason(reason);
  co_await run_.record(task.id(), std::move(event));
}

awaitable<std::vector<std::string>> PullRequests::stop(std::string task_id) {
  std::vector<std::string> stopped;
  const auto followed = followed_;
  for (int i = 0; i < run_.spec().tasks_size(); ++i) {  // tasks may come meanwhile
    const auto& task = run_.spec().tasks(i);
    const bool asked = task_id.empty() || task.id() == task_id;
    if (!asked || !followed.contains(task.id()) || is_over(run_.of(task).following())) continue;
    co_await set_state(task, State::STATE_STOPPED, "cancelled on request");
    stopped.push_back(task.id());
  }
  news();
  co_return stopped;
}

}  // namespace fanout::tracking
