#include "server/domain/run/fold_attempt.hpp"

#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/fold_agent.hpp"
#include "server/domain/run/spent.hpp"
#include "server/domain/run/waits.hpp"

namespace fanout::domain::folding {

namespace v1 = fanout::v1;

namespace {

void begin_attempt(v1::Run& run, v1::Subagent& agent, const v1::Event& event) {
  agent.set_attempt(event.attempt());
  agent.set_phase(v1::PHASE_PENDING);
  agent.clear_ended_in();
  agent.clear_reason();
  clear_waiting(agent);
  clear_condition(agent);
  agent.clear_peak_memory_bytes();
  agent.clear_last_message();
  agent.clear_started_at();
  agent.clear_ended_at();
  agent.clear_gates();
  agent.clear_report();
  agent.clear_tracker_faults();
  agent.clear_gate_retry();
  agent.clear_parked_until();
  agent.clear_agent_plan();
  agent.clear_tool_calls();
  end_agent(agent);
  *agent.mutable_phase_started_at() = event.time();
  agent.clear_retry_at();
  run.set_state(v1::RUN_STATE_RUNNING);
  run.clear_ended_at();
}

/// From here on it has no branch and no worktree, whatever becomes of the attempt.
void leave_work(v1::Subagent& agent) {
  if (agent.worktree().empty()) return;
  auto& left = *agent.add_left_work();
  left.set_branch(agent.branch());
  left.set_worktree(agent.worktree());
  left.set_base_commit(agent.base_commit());
  agent.clear_branch();
  agent.clear_worktree();
  agent.clear_base_commit();
  agent.clear_commit_count();
  agent.clear_agent_session();  // it knows another worktree
  agent.clear_session_agent();
  agent.clear_pushed_commit();
  agent.clear_race_winner();
}

/// What a person asks for anew has its whole budget.
void write_off(v1::Run& run, v1::Subagent& agent, const google::protobuf::Timestamp& now) {
  *agent.mutable_spent_before() = spent(agent, now);
  *run.mutable_spent_before() = spent(run, now);
  agent.clear_budget_notes();
  run.clear_budget_notes();
}

}  // namespace

void change_phase(v1::Subagent& agent, const v1::Event& event) {
  const auto& change = event.phase_changed();
  agent.set_phase(change.to());
  *agent.mutable_phase_started_at() = event.time();
  clear_waiting(agent);
  clear_condition(agent);
  agent.clear_retry_at();
  agent.clear_parked_until();
  if (change.from() == v1::PHASE_PENDING && !is_end(change.to())) *agent.mutable_started_at() = event.time();
  if (is_end(change.to())) {
    agent.set_ended_in(is_success(change.to()) ? v1::PHASE_UNSPECIFIED : change.from());
    agent.set_reason(change.reason());
    *agent.mutable_ended_at() = event.time();
    end_agent(agent);
  }
}

void take_request(v1::Run& run, v1::Subagent& agent, const v1::Event& event) {
  const auto& request = event.retry_requested();
  end_work(run, agent, event.time());
  if (!request.has_feedback()) write_off(run, agent, event.time());
  if (request.fresh()) leave_work(agent);
  if (request.has_budget()) *agent.mutable_budget() = overlaid(agent.budget(), request.budget());
  begin_attempt(run, agent, event);
  if (!request.has_feedback()) return agent.clear_following();
  agent.mutable_following()->set_retries(request.feedback().retry());
  agent.mutable_following()->add_fingerprints(request.feedback().fingerprint());
}

void await_retry(v1::Run& run, v1::Subagent& agent, const v1::Event& event) {
  const auto& retry = event.retry_scheduled();
  begin_attempt(run, agent, event);
  *agent.mutable_waiting_since() = event.time();
  agent.set_waiting_for("retry " + std::to_string(retry.retry()) + " of " + std::to_string(retry.retries()) + ": " +
                        retry.reason());
  *agent.mutable_retry_at() = retry.wake_time();
}

void return_work(v1::Subagent& agent, const v1::Event& event) {
  agent.set_phase(v1::PHASE_IMPLEMENTING);
  *agent.mutable_phase_started_at() = event.time();
  agent.set_gate_retry(event.work_returned().retry());
  agent.clear_gates();
}

void park(v1::Subagent& agent, const v1::AgentParked& parked) {
  *agent.mutable_parked_until() = parked.until();
  agent.set_waiting_for("its agent's account: " + printable(parked.reason()));
}

}  // namespace fanout::domain::folding
