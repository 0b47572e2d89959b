#include "server/tracking/follower.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <boost/system/system_error.hpp>

#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/tracking/waiting.hpp"

namespace fanout::tracking {

namespace v1 = fanout::v1;
using namespace std::chrono_literals;

namespace {

constexpr auto kLook = 1s;  ///< At what the tracker waits for, while it does.

bool ended(const v1::Subagent& agent) { return domain::is_end(agent.phase()); }

/// A person looks at a comment now and then: what its lines depend on, and nothing else.
std::string fingerprint(const v1::Subagent& agent) {
  std::string text = std::to_string(agent.phase()) + '/' + std::to_string(agent.attempt()) + '/' + agent.reason();
  for (const auto& gate : agent.gates()) text += '/' + gate.name() + (gate.passed() ? '+' : '-');
  return text + '/' + agent.report().head_commit() + '/' + agent.pull_request().url() + '/' +
         std::to_string(agent.following().state()) + agent.following().reason();
}

}  // namespace

Follower::Follower(const async::Executor& executor, store::EventLog& log, github::Tracker& tracker,
                   async::Signal& changed, const RunSpec& spec, const Doors& doors)
    : log_(log),
      tracker_(tracker),
      spec_(spec),
      doors_(doors),
      run_(log, spec_),
      steps_(executor),
      pulls_(executor, steps_, run_, tracker, doors_),
      changed_(changed),
      pause_(executor) {}

awaitable<void> Follower::live() {
  steps_.spawn(follow());
  steps_.spawn(report_waiting());
  co_await steps_.join();
}

awaitable<void> Follower::follow() {
  for (;;) {
    seen_ = state().last_sequence();
    for (int i = 0; i < spec_.tasks_size(); ++i) {  // tasks may come meanwhile
      const auto& task = spec_.tasks(i);
      if (!run_.has(task)) continue;
      if (state_of(task).phase() == v1::PHASE_SKIPPED || task.skipped()) continue;
      begin(task);
      // Before the end is asked for, which waits for the last word.
      if (!has_one_issue(spec_)) co_await tell_progress(task);
      ask_for(task);
    }
    if (has_one_issue(spec_)) co_await keep_run_issue();
    pulls_.news();
    changed_.notify();
    co_await log_.wait_for_more(spec_.run_id(), seen_);
  }
}

/// Each step is asked for once in an attempt, and tried again in the next if it was refused.
void Follower::begin(const TaskSpec& task) {
  auto& asked = asked_[task.id()];
  const auto& agent = state_of(task);
  if (std::exchange(asked.attempt, agent.attempt()) != agent.attempt()) {
    auto progress = std::move(asked.progress);
    asked = {};
    asked.progress = std::move(progress);
    asked.attempt = agent.attempt();
  }
  if (!has_one_issue(spec_)) ask_for_issue(task);
}

/// Whatever can be asked for now. It waits for nobody here.
void Follower::ask_for(const TaskSpec& task) {
  ask_for_pull_request(task);
  const bool over = ended(state_of(task)) && !follows_task(task);
  if (over && !std::exchange(asked_[task.id()].end, true)) steps_.spawn(guarded("close", task.id(), finish(task)));
}

void Follower::ask_for_issue(const TaskSpec& task) {
  if (std::exchange(asked_[task.id()].issue, true)) return;
  steps_.spawn(guarded("issue", task.id(), open_issue(task)));
  if (task.project().empty()) return;
  auto info = task_info(spec_, task, state_of(task));
  steps_.spawn(guarded("issue", task.id(), tracker_.add_to_project(std::move(info), task.project())));
}

/// As soon as the branch is pushed, which for drafts is before its gates have run.
bool Follower::wants_pull_request(const TaskSpec& task) const {
  const auto& agent = state_of(task);
  const bool early = spec_.tracker_options().draft() && !agent.pushed_commit().empty();
  const bool is_pushed = agent.has_report() && !agent.report().pushed_to().empty();
  return !spec_.pull_request_base().empty() && (is_pushed || early);
}

/// It stands on a branch that has been merged.
bool Follower::needs_new_base(const TaskSpec& task) const {
  if (task.dependencies_size() != 1) return false;
  const auto* needed = domain::find_subagent(state(), task.dependencies(0));
  return needed && needed->following().state() == v1::Following::STATE_MERGED &&
         state_of(task).pull_request().base() == needed->branch();
}

void Follower::ask_for_pull_request(const TaskSpec& task) {
  if (!wants_pull_request(task)) return;
  auto& asked = asked_[task.id()];
  const auto& agent = state_of(task);
  if (!std::exchange(asked.pull_request, true)) {
    steps_.spawn(guarded("pull_request", task.id(), open_pull_request(task)));
  }
  const bool there = agent.pull_request().number() > 0, completed = agent.phase() == v1::PHASE_COMPLETED;
  if (!there || is_over(agent.following())) return;
  const bool shown = !agent.pull_request().draft() && agent.attempt() == 1;
  if (completed && !shown && !std::exchange(asked.ready, true)) {
    steps_.spawn(guarded("ready", task.id(), show_result(task)));
  }
  if (completed && !spec_.tracker_options().follow() && !spec_.tracker_options().auto_merge().empty() &&
      !agent.pull_request().draft() && !std::exchange(asked.auto_merge, true)) {
    steps_.spawn(guarded("auto_merge", task.id(), enable_auto_merge(task)));
  }
  if (completed && needs_new_base(task) && !std::exchange(asked.base, true)) {
    steps_.spawn(guarded("base", task.id(), change_base(task)));
  }
  if (spec_.tracker_options().follow()) pulls_.follow(task);
}

awaitable<void> Follower::tell_progress(const TaskSpec& task) {
  const auto& agent = state_of(task);
  auto now = fingerprint(agent);
  auto& asked = asked_[task.id()];
  if (agent.phase() == v1::PHASE_PENDING || now == asked.progress) co_return;
  asked.progress = std::move(now);
  auto info = task_info(spec_, task, agent);
  auto progress = progress_of(agent);
  auto telling = tracker_.progress(std::move(info), std::move(progress));
  co_await guarded("comment", task.id(), std::move(telling));
}

awaitable<void> Follower::open_issue(const TaskSpec& task) {
  const auto asked = std::chrono::steady_clock::now();
  auto info = task_info(spec_, task, state_of(task));
  info.body = issue_text(spec_, task, state_of(task));
  const auto issue = co_await tracker_.open_issue(std::move(info));
  if (state_of(task).issue().number() == issue.number) co_return;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - asked);
  v1::Event event;
  *event.mutable_issue_opened()->mutable_duration() =
      google::protobuf::util::TimeUtil::MicrosecondsToDuration(took.count());
  event.mutable_issue_opened()->mutable_issue()->set_number(issue.number);
  event.mutable_issue_opened()->mutable_issue()->set_url(issue.url);
  co_await run_.record(task.id(), std::move(event));
}

awaitable<void> Follower::open_pull_request(const TaskSpec& task) {
  const auto base = pull_request_base(spec_, task, state());
  auto info = task_info(spec_, task, state_of(task));
  auto wanted = pull_request_of(spec_, task, state(), base);
  const auto request = co_await tracker_.open_pull_request(std::move(info), std::move(wanted));
  if (state_of(task).pull_request().number() == request.number) co_return;
  v1::Event event;
  auto& told = *event.mutable_pull_request_opened()->mutable_pull_request();
  told.set_number(request.number);
  told.set_url(request.url);
  told.set_base(base);
  told.set_adopted(request.adopted);
  told.set_draft(request.draft);
  co_await run_.record(task.id(), std::move(event));
}

/// What the agent has done since it was opened; and it is no draft any more.
awaitable<void> Follower::show_result(const TaskSpec& task) {
  auto info = task_info(spec_, task, state_of(task));
  auto wanted = pull_request_of(spec_, task, state(), state_of(task).pull_request().base());
  const bool is_draft = state_of(task).pull_request().draft();
  const bool ready = co_await tracker_.describe_pull_request(std::move(info), std::move(wanted), is_draft);
  if (!ready || !is_draft) co_return;
  v1::Event event;
  auto& changed = *event.mutable_pull_request_changed()->mutable_pull_request();
  changed = state_of(task).pull_request();
  changed.set_draft(false);
  co_await run_.record(task.id(), std::move(event));
}

awaitable<void> Follower::enable_auto_merge(const TaskSpec& task) {
  auto info = task_info(spec_, task, state_of(task));
  co_await tracker_.merge_when_ready(std::move(info), spec_.tracker_options().auto_merge());
  v1::Event event;
  auto& changed = *event.mutable_pull_request_changed()->mutable_pull_request();
  changed = state_of(task).pull_request();
  changed.set_auto_merge(true);
  co_await run_.record(task.id(), std::move(event));
}

/// First the commits: until then the request would show those of its dependency too.
awaitable<void> Follower::change_base(const TaskSpec& task) {
  const auto base = pull_request_base(spec_, task, state());
  co_await doors_.restack(spec_.run_id(), task.id(), base);
  const auto number = state_of(task).pull_request().number();
  co_await tracker_.client().retarget(repository_of(spec_), number, base);
  v1::Event event;
  auto& changed = *event.mutable_pull_request_changed()->mutable_pull_request();
  changed = state_of(task).pull_request();
  changed.set_base(base);
  co_await run_.record(task.id(), std::move(event));
}

bool Follower::follows_task(const TaskSpec& task) const {
  const auto& agent = state_of(task);
  if (!spec_.tracker_options().follow() || is_over(agent.following())) return false;
  if (agent.following().state() == v1::Following::STATE_WATCHING) return true;
  const auto asked = asked_.find(task.id());
  const bool refused = asked != asked_.end() && asked->second.refused;
  return agent.phase() == v1::PHASE_COMPLETED && wants_pull_request(task) && !refused;
}

bool Follower::follows() const {
  return std::any_of(spec_.tasks().begin(), spec_.tasks().end(),
                     [&](const TaskSpec& task) { return run_.has(task) && follows_task(task); });
}

awaitable<std::vector<std::string>> Follower::stop_following(std::string task_id) {
  return pulls_.stop(std::move(task_id));
}

/// An issue with a pull request is closed by its merge; one without, when its task is complete, unless somebody else
/// opened it: whoever did says when it is solved. What did not complete stays open, and its comment has the reason.
awaitable<void> Follower::finish(const TaskSpec& task) {
  const auto& agent = state_of(task);
  const bool merged = agent.following().state() == v1::Following::STATE_MERGED;
  const bool by_its_task = !asked_[task.id()].pull_request && task.issue() == 0;
  const bool done = agent.phase() == v1::PHASE_COMPLETED && (merged || by_its_task);
  if (done && !has_one_issue(spec_) && !agent.issue().closed()) {
    auto info = task_info(spec_, task, agent);
    co_await tracker_.close_issue(std::move(info));
    v1::Event event;
    event.mutable_issue_closed();
    co_await run_.record(task.id(), std::move(event));
  }
  co_await tracker_.settled(spec_.run_id(), task.id());
}

/// Its body is the list of all tasks; only the newest is ever sent.
awaitable<void> Follower::keep_run_issue() {
  if (!std::exchange(run_asked_.issue, true)) steps_.spawn(guarded("issue", "", open_run_issue()));
  auto info = run_info(spec_, state());
  const auto& tasks = state().subagents();
  const bool over = std::all_of(tasks.begin(), tasks.end(), [](const auto& agent) { return ended(agent); }) && !follows() &&
                    !state().open();
  if (info.body != run_asked_.progress) {
    run_asked_.progress = info.body;
    run_asked_.end = false;
    if (state().tracking_issue().number() > 0) co_await guarded("comment", "", tracker_.edit_issue(std::move(info)));
  }
  if (over && !std::exchange(run_asked_.end, true)) steps_.spawn(guarded("close", "", close_run_issue()));
}

awaitable<void> Follower::open_run_issue() {
  auto info = run_info(spec_, state());
  const auto issue = co_await tracker_.open_issue(info);
  if (state().tracking_issue().number() != issue.number) {
    v1::Event event;
    event.mutable_issue_opened()->mutable_issue()->set_number(issue.number);
    event.mutable_issue_opened()->mutable_issue()->set_url(issue.url);
    co_await run_.record("", std::move(event));
  }
  auto newest = run_info(spec_, state());
  co_await tracker_.edit_issue(std::move(newest));
}

/// Closed when nothing is left to look at.
awaitable<void> Follower::close_run_issue() {
  if (domain::outcome(state()) == v1::RUN_STATE_COMPLETED) {
    auto info = run_info(spec_, state());
    co_await tracker_.close_issue(std::move(info));
    if (!state().tracking_issue().closed()) {
      v1::Event event;
      event.mutable_issue_closed();
      co_await run_.record("", std::move(event));
    }
  }
  co_await tracker_.settled(spec_.run_id(), "");
}

/// One refusal ends its step and nothing else.
awaitable<void> Follower::guarded(std::string step, std::string task_id, awaitable<void> work) {
  ++pending_;
  std::string refused;
  std::exception_ptr stopped;
  try {
    co_await std::move(work);
  } catch (const Error& error) {
    refused = error.what();
  } catch (...) {
    stopped = std::current_exception();
  }
  --pending_;
  changed_.notify();
  if (stopped) std::rethrow_exception(stopped);
  if (refused.empty()) co_return;
  if (step == "pull_request") asked_[task_id].refused = true;
  co_await run_.record_fault(task_id, step, refused);
  if (step == "pull_request") doors_.look_again(spec_.run_id());
}

void Follower::tell(const github::Notice& notice) {
  if (notice.kind == github::Notice::Kind::step_failed) return;  // The step itself fails, and is recorded.
  v1::Event event;
  event.mutable_notice()->set_severity(v1::Notice::SEVERITY_WARNING);
  const bool paused = notice.kind == github::Notice::Kind::paused;
  event.mutable_notice()->set_text("GitHub: " + notice.text +
                                   (paused ? "; nothing goes there until fanout auth login or fanout auth refresh, and agents go on"
                                           : ""));
  steps_.spawn(run_.record(notice.task, std::move(event)));
}

bool Follower::settled() const {
  return pending_ == 0 && state().last_sequence() == seen_;
}

std::string Follower::trouble() const { return pending_ == 0 ? "" : tracker_.status().trouble; }

std::string Follower::waiting_for() const { return pending_ == 0 ? "" : waiting_text(tracker_.status()); }

/// While steps are pending, what they wait for becomes an event whenever it is another.
awaitable<void> Follower::report_waiting() {
  for (;;) {
    while (pending_ == 0 && told_waiting_.empty()) co_await changed_.wait();
    auto reason = waiting_for();
    if (reason != told_waiting_) {
      v1::Event event;
      event.mutable_tracker_waiting()->set_reason(reason);
      if (const auto until = tracker_.status().limiter.until; !reason.empty() && until != github::Time{}) {
        *event.mutable_tracker_waiting()->mutable_until() =
            google::protobuf::util::TimeUtil::MillisecondsToTimestamp(until.time_since_epoch().count());
      }
      event.mutable_tracker_waiting()->set_pending(static_cast<std::uint32_t>(pending_));
      told_waiting_ = std::move(reason);
      co_await run_.record("", std::move(event));
    }
    pause_.expires_after(kLook);
    co_await pause_.async_wait(boost::asio::use_awaitable);
  }
}

}  // namespace fanout::tracking
