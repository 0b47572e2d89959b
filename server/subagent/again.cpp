// The agent begins again in the same attempt: after a gate that failed, when its account is free again, or as another
// agent.
#include <google/protobuf/util/time_util.h>

#include <ctime>

#include "common/text.hpp"
#include "server/agent/limits.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/subagent/retry.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using domain::Input;
using domain::InputKind;
using domain::Parking;
using domain::WallTime;
using fanout::internal::v1::AgentSpec;
using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;

namespace {

/// What an agent that keeps its session is worth being told of. A plain command has none to go on with: it would do all
/// of its work again, and is not made to unless the plan says so.
constexpr unsigned kGateRetries = 2;

std::tm local_time(std::time_t time) {
  std::tm local{};
  localtime_r(&time, &local);
  return local;
}

/// "15:04:05", with the day where it is not today.
std::string moment(WallTime time) {
  const auto seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  const auto then = local_time(seconds), now = local_time(std::time(nullptr));
  char text[64];
  std::strftime(text, sizeof text, then.tm_yday == now.tm_yday ? "%T" : "%T on %F", &then);
  return text;
}

const char* name_of(v1::AgentLimit::Kind kind) {
  switch (kind) {
    case v1::AgentLimit::KIND_USAGE: return "the limit of its account's usage";
    case v1::AgentLimit::KIND_OVERLOADED: return "a provider that is overloaded";
    case v1::AgentLimit::KIND_CREDIT: return "the end of its account's money";
    default: return "a limit of requests";
  }
}

std::optional<WallTime> reset_of(const v1::AgentLimit& limit) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto local = local_time(std::chrono::system_clock::to_time_t(now));
  const auto reset = agent::reset_time(limit, now, std::chrono::seconds(local.tm_gmtoff));
  return reset ? std::optional<WallTime>(*reset) : std::nullopt;
}

}  // namespace

/// A run that an older daemon began has no more than the command.
AgentSpec Subagent::agent_at(unsigned index) const {
  const auto& task = manned();
  if (index > 0 && task.fallbacks_size() > 0)
    return task.fallbacks(std::min(static_cast<int>(index), task.fallbacks_size()) - 1);
  if (task.has_agent_spec()) return task.agent_spec();
  AgentSpec plain;
  plain.set_name(task.agent());
  plain.set_kind("command");
  plain.set_command(task.agent_command());
  return plain;
}

AgentSpec Subagent::agent_spec() const { return agent_at(state_.agent); }

domain::Traits Subagent::traits() const {
  domain::Traits traits;
  traits.push = spec_.push() && task_.race_of().empty();  // of a race only the winner's work is pushed, by the task
  traits.retries = task_.retries();
  traits.gate_retries = task_.has_gate_retries() ? task_.gate_retries() : runs_plain_command() ? 0 : kGateRetries;
  traits.agents = 1 + static_cast<unsigned>(manned().fallbacks_size());
  return traits;
}

std::string Subagent::account() const { return account_of(agent_spec(), environment_of_agent()); }

/// What follows from how the agent's run ended. No retry helps one that is not logged in, or not there.
Input Subagent::after_run(const v1::AgentVerdict& verdict) {
  switch (verdict.outcome()) {
    case v1::AgentVerdict::OUTCOME_SUCCEEDED: return {InputKind::agent_succeeded, {}, {}};
    case v1::AgentVerdict::OUTCOME_NEEDS_LOGIN:
    case v1::AgentVerdict::OUTCOME_NOT_STARTED: return {InputKind::agent_unfit, verdict.reason(), {}};
    case v1::AgentVerdict::OUTCOME_LIMITED: return meet_limit(verdict);
    default: break;
  }
  if (!budget_spent_.empty()) return {InputKind::effect_failed, budget_spent_, {}};
  return {InputKind::work_failed, verdict.reason(), {}};
}

/// The account is parked in any case. Who has another agent does not wait for a quota; and nobody waits for money.
Input Subagent::meet_limit(const v1::AgentVerdict& verdict) {
  const auto& limit = verdict.limit();
  const auto* row = agent::find_agent(agent_spec().kind());
  const auto title = row ? std::string(row->title) : agent_spec().name();
  parked_ = services_.accounts.meet_limit(account(), reset_of(limit), title + " met " + name_of(limit.kind()));
  parked_limit_ = limit;
  const bool quota = limit.kind() == v1::AgentLimit::KIND_USAGE || limit.kind() == v1::AgentLimit::KIND_CREDIT;
  const bool another = state_.agent + 1 < traits().agents;
  if (limit.kind() == v1::AgentLimit::KIND_CREDIT || (quota && another)) return {InputKind::agent_unfit, verdict.reason(), {}};
  return {InputKind::limited, verdict.reason(), {}};
}

std::string Subagent::text_of(const Parking::Parked& parked) const {
  return parked.reason + (parked.told ? "; it goes on at " : "; it tries again at ") + moment(parked.until);
}

awaitable<void> Subagent::park() {
  v1::Event event;
  auto& parked = *event.mutable_agent_parked();
  parked.set_agent(agent_spec().kind());
  *parked.mutable_limit() = parked_limit_;
  parked.set_reason(text_of(*parked_));
  *parked.mutable_until() = TimeUtil::MillisecondsToTimestamp(parked_->until.time_since_epoch().count());
  parked.set_told(parked_->told);
  parked.set_strike(parked_->strike);
  parked_.reset();
  return record_round(std::move(event));
}

/// As the daemon before this one had it.
void Subagent::restore_parking(const v1::AgentParked& parked) {
  const WallTime until{milliseconds(TimeUtil::TimestampToMilliseconds(parked.until()))};
  const auto reason = parked.reason().substr(0, parked.reason().find(';'));
  services_.accounts.restore(account(), {until, parked.told(), parked.strike(), reason, false});
}

awaitable<Input> Subagent::await_account() {
  const auto mine = account();
  while (services_.accounts.parked(mine)) {
    co_await services_.accounts.wait(mine);
  }
  co_return Input{InputKind::account_free, {}, {}};
}

/// One event both takes the task back and says why: there is no moment between them.
awaitable<void> Subagent::return_work(domain::Decision decision) {
  v1::Event event;
  event.set_phase(decision.state.phase);
  auto& returned = *event.mutable_work_returned();
  returned.set_retry(decision.state.gate_retries);
  returned.set_retries(traits().gate_retries);
  returned.set_gate(gates_.back().name());
  returned.set_reason(decision.reason);
  returned.set_output_tail(gates_.back().output_tail());
  returned.set_fingerprint(decision.state.gate_failure.fingerprint);
  returned.set_tree(decision.state.gate_failure.tree);
  gates_.clear();
  phase_began_ = Clock::now();
  return record_round(std::move(event));
}

awaitable<void> Subagent::pass_over(domain::Decision decision) {
  v1::Event event;
  auto& passed = *event.mutable_agent_passed_over();
  passed.set_agent(agent_at(state_.agent).name());
  passed.set_next(agent_at(decision.state.agent).name());
  passed.set_reason(decision.reason);
  return record_round(std::move(event));
}

awaitable<void> Subagent::record_round(v1::Event event) {
  const auto told = event;
  co_await record(std::move(event));
  domain::apply(progress_, told);
}

/// What an agent is told that is put to work again: in its session only what has happened since.
awaitable<AgentOrder> Subagent::order_again(AgentOrder order) {
  std::string news;
  switch (progress_.again) {
    case domain::Again::after_gate:
      order.reason = progress_.returned->reason();
      news = domain::about_the_gate(*progress_.returned);
      break;
    case domain::Again::after_limit:
      order.reason = "the limit of its account is over";
      news = "The limit that you met is over. Go on where you were, and finish the task.";
      break;
    case domain::Again::as_another:
    case domain::Again::no:
      order.reason = progress_.passed_over ? progress_.passed_over->reason() : "";
      break;
  }
  const auto* me = known();
  const auto* row = agent::find_agent(order.agent.kind());
  if (row && row->resumes && me->session_agent() == order.agent.kind() && !me->agent_session().empty()) {
    order.session = me->agent_session();
    order.message = news;
    co_return order;
  }
  order.message = prompt(known_issue());
  if (progress_.again == domain::Again::after_gate) order.message += "\n\n## What does not pass yet\n\n" + news;
  const bool has_begun = me->tool_calls() + me->agent_session().size() > 0;
  if (!has_begun || order.agent.kind() == "command") co_return order;
  const auto so_far = co_await work_so_far(order.reason);
  order.message += so_far;
  co_return order;
}

}  // namespace fanout::subagent
