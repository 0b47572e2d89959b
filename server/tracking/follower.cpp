#include "server/tracking/follower.hpp"

#include <google/protobuf/util/time_util.h>

#include <boost/system/system_error.hpp>

#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

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
  return text + '/' + agent.report().head_commit() + '/' + agent.pull_request().url();
}

/// "14:03", by the clock on the wall.
std::string clock_time(github::Time time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char text[8];
  std::strftime(text, sizeof text, "%H:%M", &local);
  return text;
}

const char* text_of(github::WaitReason reason) {
  switch (reason) {
    case github::WaitReason::primary_limit: return "GitHub's limit on requests";
    case github::WaitReason::secondary_limit: return "GitHub asks for a pause";
    case github::WaitReason::creations: return "GitHub's limit on new objects";
    case github::WaitReason::points: return "GitHub's limit on requests a minute";
    case github::WaitReason::outage: return "GitHub is out of reach";
    case github::WaitReason::paused: return "the token was refused";
    case github::WaitReason::spacing:
    case github::WaitReason::none: break;
  }
  return "";
}

}  // namespace

Follower::Follower(const async::Executor& executor, store::EventLog& log, github::Tracker& tracker,
                   async::Signal& changed, const RunSpec& spec)
    : log_(log), tracker_(tracker), spec_(spec), steps_(executor), changed_(changed), pause_(executor) {}

awaitable<void> Follower::live() {
  steps_.spawn(follow());
  steps_.spawn(report_waiting());
  co_await steps_.join();
}

awaitable<void> Follower::follow() {
  for (;;) {
    seen_ = state().last_sequence();
    for (const auto& task : spec_.tasks()) {
      if (state_of(task).phase() == v1::PHASE_SKIPPED || task.skipped()) continue;
      ask_for(task);
      co_await tell_progress(task);
    }
    changed_.notify();
    co_await log_.wait_for_more(spec_.run_id(), seen_);
  }
}

/// Whatever can be asked for now. Each step is asked for once in an attempt, and waits for nobody here.
void Follower::ask_for(const TaskSpec& task) {
  auto& asked = asked_[task.id()];
  const auto& agent = state_of(task);
  if (std::exchange(asked.attempt, agent.attempt()) != agent.attempt()) {
    asked.issue = asked.pull_request = asked.end = false;  // each is done once, and tried again if it was refused
  }
  if (!std::exchange(asked.issue, true)) steps_.spawn(guarded("issue", task.id(), open_issue(task)));
  const bool is_pushed = agent.has_report() && !agent.report().pushed_to().empty();
  if (is_pushed && !spec_.pull_request_base().empty() && !std::exchange(asked.pull_request, true)) {
    steps_.spawn(guarded("pull_request", task.id(), open_pull_request(task)));
  }
  if (ended(agent) && !std::exchange(asked.end, true)) steps_.spawn(guarded("close", task.id(), finish(task)));
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
  auto info = task_info(spec_, task, state_of(task));
  const auto issue = co_await tracker_.open_issue(std::move(info));
  if (state_of(task).issue().number() == issue.number) co_return;
  v1::Event event;
  event.mutable_issue_opened()->mutable_issue()->set_number(issue.number);
  event.mutable_issue_opened()->mutable_issue()->set_url(issue.url);
  co_await record(task.id(), std::move(event));
}

awaitable<void> Follower::open_pull_request(const TaskSpec& task) {
  const auto base = pull_request_base(spec_, task, state());
  auto info = task_info(spec_, task, state_of(task));
  auto wanted = pull_request_of(state_of(task), base);
  const auto request = co_await tracker_.open_pull_request(std::move(info), std::move(wanted));
  if (state_of(task).pull_request().number() == request.number) co_return;
  v1::Event event;
  auto& told = *event.mutable_pull_request_opened()->mutable_pull_request();
  told.set_number(request.number);
  told.set_url(request.url);
  told.set_base(base);
  told.set_adopted(request.adopted);
  co_await record(task.id(), std::move(event));
}

/// An issue with a pull request is closed by its merge; one without, when its task is complete. What did not
/// complete stays open, and its comment has the reason.
awaitable<void> Follower::finish(const TaskSpec& task) {
  const bool by_merge = asked_[task.id()].pull_request;
  if (state_of(task).phase() == v1::PHASE_COMPLETED && !by_merge) {
    auto info = task_info(spec_, task, state_of(task));
    co_await tracker_.close_issue(std::move(info));
    if (!state_of(task).issue().closed()) {
      v1::Event event;
      event.mutable_issue_closed();
      co_await record(task.id(), std::move(event));
    }
  }
  co_await tracker_.settled(spec_.run_id(), task.id());
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
  v1::Event event;
  event.mutable_tracker_step_failed()->set_step(step);
  event.mutable_tracker_step_failed()->set_reason(refused);
  co_await record(task_id, std::move(event));
}

void Follower::tell(const github::Notice& notice) {
  if (notice.kind == github::Notice::Kind::step_failed) return;  // The step itself fails, and is recorded.
  v1::Event event;
  event.mutable_notice()->set_severity(v1::Notice::SEVERITY_WARNING);
  event.mutable_notice()->set_text("GitHub: " + notice.text);
  steps_.spawn(record(notice.task, std::move(event)));
}

awaitable<void> Follower::record(std::string task_id, v1::Event event) {
  event.set_run_id(spec_.run_id());
  event.set_task_id(task_id);
  if (const auto* agent = domain::find_subagent(state(), task_id)) {
    event.set_attempt(agent->attempt());
    event.set_phase(agent->phase());
  }
  co_await log_.append(std::move(event));
}

bool Follower::settled() const {
  return pending_ == 0 && state().last_sequence() == seen_;
}

std::string Follower::trouble() const { return pending_ == 0 ? "" : tracker_.status().trouble; }

std::string Follower::waiting_for() const {
  if (pending_ == 0) return "";
  const auto status = tracker_.status();
  if (!status.trouble.empty()) return status.trouble;
  const std::string reason = text_of(status.limiter.reason);
  if (reason.empty() || status.limiter.until == github::Time{}) return reason;
  return reason + ": goes on at " + clock_time(status.limiter.until);
}

/// While steps are pending, what they wait for becomes an event whenever it is another.
awaitable<void> Follower::report_waiting() {
  for (;;) {
    while (pending_ == 0 && told_waiting_.empty()) co_await changed_.wait();
    auto reason = waiting_for();
    if (reason != told_waiting_) {
      v1::Event event;
      event.mutable_tracker_waiting()->set_reason(reason);
      event.mutable_tracker_waiting()->set_pending(static_cast<std::uint32_t>(pending_));
      told_waiting_ = std::move(reason);
      co_await record("", std::move(event));
    }
    pause_.expires_after(kLook);
    co_await pause_.async_wait(boost::asio::use_awaitable);
  }
}

const v1::Run& Follower::state() const { return *log_.open(spec_.run_id()); }

const v1::Subagent& Follower::state_of(const TaskSpec& task) const { return *domain::find_subagent(state(), task.id()); }

}  // namespace fanout::tracking
