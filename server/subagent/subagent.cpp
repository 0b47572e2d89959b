#include "server/subagent/subagent.hpp"

#include <google/protobuf/util/time_util.h>

#include <boost/system/system_error.hpp>

#include "common/crash_point.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using domain::Effect;
using domain::Input;
using domain::InputKind;
using google::protobuf::util::TimeUtil;

namespace {

constexpr std::chrono::seconds kPoliteness{3};  ///< For an agent that can be asked to end its turn.

}  // namespace
google::protobuf::Duration since(std::chrono::steady_clock::time_point start) {
  const auto passed = std::chrono::steady_clock::now() - start;
  return TimeUtil::MicrosecondsToDuration(std::chrono::duration_cast<std::chrono::microseconds>(passed).count());
}

Subagent::Subagent(Services& services, const fanout::internal::v1::RunSpec& spec,
                   const fanout::internal::v1::TaskSpec& task, unsigned attempt,
                   EarlierWork earlier)
    : services_(services),
      spec_(spec),
      task_(task),
      attempt_(attempt),
      earlier_(std::move(earlier)),
      inputs_(services.executor),
      effects_(services.executor),
      importing_(services.executor, 1),
      doors_(services.executor) {
  progress_.feedback = earlier_.feedback;
  progress_.last_pushed = earlier_.pushed_commit;
  for (const auto& other : spec_.tasks()) {
    if (other.race_of() == task_.id()) contenders_.push_back(other.id());
  }
}

void Subagent::begin(std::vector<git::Tip> tips) {
  tips_ = std::move(tips);
  if (taken_up_ && state_.phase != v1::PHASE_PENDING) return input(InputKind::resume);
  began_ = Clock::now();
  input(InputKind::begin);
}

void Subagent::resume(const v1::Subagent& from, domain::Progress progress) {
  state_.phase = from.phase();
  state_.rebased = progress.rebased;
  if (progress.retry) {
    state_.retries = progress.retry->retry();
    state_.failure = {progress.retry->fingerprint(), progress.retry->tree()};
    state_.backing_off = from.phase() == v1::PHASE_PENDING;
  }
  if (progress.returned) {
    state_.gate_retries = progress.returned->retry();
    state_.gate_failure = {progress.returned->fingerprint(), progress.returned->tree()};
  }
  state_.agent = progress.agent;
  const auto wall_now = TimeUtil::TimestampToMilliseconds(TimeUtil::GetCurrentTime());
  const auto ago = [&](const google::protobuf::Timestamp& time) {
    return Clock::now() - std::chrono::milliseconds(std::max<std::int64_t>(0, wall_now - TimeUtil::TimestampToMilliseconds(time)));
  };
  if (from.has_started_at()) began_ = ago(from.started_at());
  if (from.has_phase_started_at()) phase_began_ = ago(from.phase_started_at());
  if (progress.worktree) {
    worktree_ = {progress.worktree->worktree(), progress.worktree->branch(), false};
    base_commit_ = progress.worktree->base_commit();
    ports_ = {static_cast<std::uint16_t>(from.first_port()), from.port_count()};
  }
  if (progress.race) base_commit_ = progress.race->base_commit();
  if (progress.pushed) pushed_to_ = progress.pushed->remote();
  // Its agent may be at work already, so it has a slot whether or not one is free; unless it waits for its account.
  const bool parked = progress.parked.has_value() && state_.phase == v1::PHASE_IMPLEMENTING;
  if (parked) restore_parking(*progress.parked);
  if (state_.phase == v1::PHASE_IMPLEMENTING && !parked && !races(progress)) {
    slot_ = services_.admission.seize(request(admission::Kind::agent));
    slot_.started(from.pid());
  }
  const bool untested = progress.untested && state_.phase == v1::PHASE_PUSHING;
  condition_ = from.condition();
  const bool cancelled = progress.cancel_requested;
  progress_ = std::move(progress);
  taken_up_ = true;
  if (state_.phase != v1::PHASE_PENDING && !parked) mark_at_work(Effect::make_worktree);
  if (!waits_for_begin()) input(untested ? InputKind::rebased : parked ? InputKind::limited : InputKind::resume);
  if (cancelled) cancel();
  if (!task_.race_of().empty()) leave_race_that_is_over();
}

bool Subagent::waits_for_begin() const {
  return state_.phase == v1::PHASE_PENDING || (state_.phase == v1::PHASE_SETTING_UP && !progress_.worktree);
}

void Subagent::lose_dependency(std::vector<std::string> tasks, std::vector<std::string> absent) {
  std::string words;
  const auto add = [&](const std::vector<std::string>& some, const char* what) {
    if (!some.empty()) words += (words.empty() ? "it needs " : ", and ") + join(some, ", ") + what;
  };
  add(tasks, ", which did not complete");
  add(absent, ", which never came");
  tasks.insert(tasks.end(), absent.begin(), absent.end());
  input(InputKind::dependency_lost, words, std::move(tasks));
}

void Subagent::cancel() { input(InputKind::cancel, "cancelled on request"); }
void Subagent::interrupt() { input(InputKind::interrupt, "the daemon was stopped"); }
bool Subagent::ended() const { return domain::is_end(state_.phase); }

void Subagent::input(InputKind kind, std::string reason, std::vector<std::string> needs) {
  inputs_.put(Input{kind, std::move(reason), std::move(needs)});
}

awaitable<void> Subagent::live() {
  std::exception_ptr lost;
  try {
    while (!ended()) {
      const auto next = co_await inputs_.take();
      co_await take(domain::decide(traits(), state_, next));
    }
  } catch (...) {
    lost = std::current_exception();  // the event log: what cannot be recorded must not go on
  }
  if (lost) effects_.cancel();
  co_await effects_.join();
  doors_.cancel();
  co_await doors_.join();
  slot_.release();  // taken, and then it was cancelled before its agent began
  if (lost) std::rethrow_exception(lost);
}

/// The one door: every change of state goes through here, and a change of phase is recorded before
/// anything follows from it.
awaitable<void> Subagent::take(domain::Decision decision) {
  const auto effect = decision.effect;
  co_await tell_of(decision);
  state_ = std::move(decision.state);
  mark_at_work(effect);
  if (effect == Effect::stop) {
    if (const auto session = session_) co_await session->interrupt(kPoliteness);
    if (state_.phase == v1::PHASE_IMPLEMENTING) co_await take_snapshot_soon("before it is stopped");
    effects_.cancel();
    co_await effects_.join();
    if (taken_up_) co_await process::end_all(runner(), attempt_directory());
    co_await end_escape_watch();
    if (state_.phase != v1::PHASE_SETTING_UP) {
      co_await take_commits(Taking::after_failure);
      co_await take_snapshot("it was stopped");
    }
    input(InputKind::stopped);
  } else if (effect != Effect::none) {
    effects_.spawn(perform(effect));
  }
}

awaitable<void> Subagent::tell_of(domain::Decision decision) {
  if (decision.state.gate_retries > state_.gate_retries) return return_work(std::move(decision));
  if (decision.state.agent > state_.agent) return pass_over(std::move(decision));
  if (decision.effect == Effect::await_account && parked_) return park();
  if (decision.state.phase == state_.phase) return async::checkpoint();
  if (decision.effect == Effect::await_retry) return schedule_retry(state_.phase, std::move(decision));
  return record_transition(state_.phase, std::move(decision));
}

awaitable<void> Subagent::record_transition(v1::Phase from, domain::Decision decision) {
  const auto now = Clock::now();
  v1::Event event;
  event.set_phase(decision.state.phase);
  auto& change = *event.mutable_phase_changed();
  change.set_from(from);
  change.set_to(decision.state.phase);
  change.set_reason(decision.reason);
  for (auto& need : decision.needs) change.add_needs(std::move(need));
  *change.mutable_duration() =
      TimeUtil::MicrosecondsToDuration(std::chrono::duration_cast<std::chrono::microseconds>(now - phase_began_).count());
  phase_began_ = now;
  co_await record(std::move(event));
  if (domain::is_end(decision.state.phase)) end_rivals("the task it raced for is " + std::string(domain::phase_name(decision.state.phase)));
  if (domain::is_end(decision.state.phase) && !task_.race_of().empty()) services_.races.notify();
  if (!spec_.write_status() || task_.file().empty()) co_return;
  std::string trouble;
  try {
    co_await services_.files.run(
        [&](std::stop_token) { write_task_status(task_.file(), decision.state.phase); });
  } catch (const Error& error) {
    trouble = error.what();
  }
  if (!trouble.empty()) co_await notice(v1::Notice::SEVERITY_WARNING, trouble);
}

awaitable<void> Subagent::perform(Effect effect) {
  Input outcome{InputKind::effect_failed, {}, {}};
  try {
    crash_point("effect.begin");
    outcome = co_await outcome_of(effect);
    outcome = co_await with_failure(outcome);
    crash_point("effect.done");
  } catch (const Error& error) {
    outcome.reason = error.what();
  } catch (const boost::system::system_error& error) {
    if (error.code() == boost::asio::error::operation_aborted) co_return;  // stopped: no outcome counts
    outcome.reason = error.code().message();
  } catch (const std::exception& error) {
    outcome.reason = error.what();
  }
  inputs_.put(std::move(outcome));
}

awaitable<Input> Subagent::outcome_of(Effect effect) {
  switch (effect) {
    case Effect::make_worktree: return make_worktree();
    case Effect::prepare_environment: return prepare_environment();
    case Effect::verify_environment: return verify_environment();
    case Effect::take_slot: return take_slot();
    case Effect::run_agent: return run_agent();
    case Effect::commit_work: return commit_work();
    case Effect::run_gates: return run_gates();
    case Effect::push: return push();
    case Effect::rebase: return rebase();
    case Effect::report: return report();
    case Effect::await_retry: return await_retry();
    case Effect::await_account: return await_account();
    case Effect::none:
    case Effect::stop: break;  // not effects of their own: see take()
  }
  throw std::logic_error("no such effect");
}

void Subagent::address(v1::Event& event) const {
  event.set_run_id(spec_.run_id());
  event.set_task_id(task_.id());
  event.set_attempt(attempt_);
  if (event.phase() == v1::PHASE_UNSPECIFIED) event.set_phase(state_.phase);
}

awaitable<void> Subagent::record(v1::Event event) {
  if (event.has_agent_activity()) watch_.activity(event.agent_activity(), Clock::now());
  address(event);
  return services_.log.append(std::move(event));
}

awaitable<void> Subagent::notice(v1::Notice::Severity severity, std::string text) {
  v1::Event event;
  event.mutable_notice()->set_severity(severity);
  event.mutable_notice()->set_text(std::move(text));
  return record(std::move(event));
}

}  // namespace fanout::subagent
