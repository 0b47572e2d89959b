#include "server/domain/run/fold.hpp"

#include <algorithm>

#include "server/domain/run/escape_text.hpp"
#include "server/domain/run/fold_agent.hpp"
#include "server/domain/run/fold_attempt.hpp"
#include "server/domain/run/race.hpp"
#include "server/domain/run/setup_times.hpp"
#include "server/domain/run/spent.hpp"
#include "server/domain/run/usage.hpp"
#include "server/domain/run/waits.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

void change_following(v1::Subagent& agent, const v1::FollowingChanged& change) {
  agent.mutable_following()->set_state(change.state());
  agent.mutable_following()->set_reason(change.reason());
}

/// Into a plan that is still being written.
void add_tasks(v1::Run& run, const v1::Event& event) {
  for (const auto& task : event.tasks_added().subagents()) {
    if (find_subagent(run, task.task_id())) continue;
    auto& added = *run.add_subagents();
    added = task;
    *added.mutable_phase_started_at() = event.time();
    note_setup(added, event);
  }
}

/// What is about the run as a whole.
void apply_to_run(v1::Run& run, const v1::Event& event) {
  if (event.has_tasks_added()) {
    add_tasks(run, event);
  } else if (event.has_plan_closed()) {
    run.set_open(false);
  } else if (event.has_tracker_waiting()) {
    run.set_tracker_waiting(event.tracker_waiting().reason());
    run.set_tracker_pending(event.tracker_waiting().pending());
  } else if (event.has_waiting()) {
    folding::take_waiting(run, event);
  } else if (event.has_issue_opened()) {
    *run.mutable_tracking_issue() = event.issue_opened().issue();
  } else if (event.has_issue_closed()) {
    run.mutable_tracking_issue()->set_closed(true);
  } else if (event.has_budget_used()) {
    run.add_budget_notes(event.budget_used().text());
  }
}

void note_escape(v1::Subagent& agent, const v1::EscapeNoticed& escape) {
  constexpr int kMostEscapes = 20;
  if (agent.escapes_size() < kMostEscapes) agent.add_escapes(escape_text(escape));
}

void apply_to_task(v1::Run& run, v1::Subagent& agent, const v1::Event& event) {
  using namespace folding;
  switch (event.payload_case()) {
    case v1::Event::kPhaseChanged:
      if (is_end(event.phase_changed().to())) end_work(run, agent, event.time());
      return change_phase(agent, event);
    case v1::Event::kWorktreeReady:
      agent.set_branch(event.worktree_ready().branch());
      agent.set_worktree(event.worktree_ready().worktree());
      agent.set_base_commit(event.worktree_ready().base_commit());
      return;
    case v1::Event::kPortsReserved:
      agent.set_first_port(event.ports_reserved().first_port());
      agent.set_port_count(event.ports_reserved().count());
      agent.set_slug(event.ports_reserved().slug());
      return;
    case v1::Event::kCommandStarted:
      agent.clear_waiting_for();
      agent.clear_parked_until();
      if (event.command_started().role() == "agent") begin_work(run, agent, event.time());
      if (event.command_started().role() == "agent" && agent.has_usage_ledger())
        begin_process(*agent.mutable_usage_ledger());
      agent.set_pid(event.command_started().pid());
      return;
    case v1::Event::kCommandEnded:
      if (event.command_ended().role() == "agent") end_work(run, agent, event.time());
      end_agent(agent);
      agent.set_peak_memory_bytes(std::max(agent.peak_memory_bytes(), event.command_ended().peak_memory_bytes()));
      return;
    case v1::Event::kOutput:
      return take_output(agent, event.output());
    case v1::Event::kAgentActivity:
      return take_activity(agent, event);
    case v1::Event::kWaiting:
      take_waiting(agent, event);
      agent.clear_parked_until();
      return;
    case v1::Event::kWorkCommitted:
      agent.set_commit_count(event.work_committed().commit_count());
      return;
    case v1::Event::kGateEnded: {
      // After a rebase the gates run again: the newest result of a name counts.
      auto& gates = *agent.mutable_gates();
      const auto& result = event.gate_ended().result();
      const auto same = std::find_if(gates.begin(), gates.end(), [&](const auto& g) { return g.name() == result.name(); });
      (same != gates.end() ? *same : *gates.Add()) = result;
      return;
    }
    case v1::Event::kReported:
      *agent.mutable_report() = event.reported().report();
      agent.set_commit_count(event.reported().report().commit_count());
      return;
    case v1::Event::kRetryRequested:
      return take_request(run, agent, event);
    case v1::Event::kRetryScheduled:
      end_work(run, agent, event.time());
      return await_retry(run, agent, event);
    case v1::Event::kIssueOpened:
      *agent.mutable_issue() = event.issue_opened().issue();
      return;
    case v1::Event::kIssueClosed:
      agent.mutable_issue()->set_closed(true);
      return;
    case v1::Event::kPullRequestOpened:
      *agent.mutable_pull_request() = event.pull_request_opened().pull_request();
      return;
    case v1::Event::kTrackerStepFailed:
      agent.add_tracker_faults(event.tracker_step_failed().reason());
      return;
    case v1::Event::kPushed:
      agent.set_pushed_commit(event.pushed().commit());
      if (agent.has_report()) agent.mutable_report()->set_head_commit(event.pushed().commit());
      return;
    case v1::Event::kRebased:
      if (event.rebased().base_commit().empty()) return;
      agent.set_base_commit(event.rebased().base_commit());
      if (agent.has_report()) agent.mutable_report()->set_base_commit(event.rebased().base_commit());
      return;
    case v1::Event::kPullRequestChanged:
      *agent.mutable_pull_request() = event.pull_request_changed().pull_request();
      return;
    case v1::Event::kFollowingChanged:
      return change_following(agent, event.following_changed());
    case v1::Event::kAgentConditionChanged:
      return take_condition(agent, event);
    case v1::Event::kSandboxChosen:
      agent.set_sandbox(event.sandbox_chosen().level());
      agent.set_sandbox_reason(event.sandbox_chosen().reason());
      agent.set_sandbox_network(event.sandbox_chosen().network());
      *agent.mutable_sandbox_hosts() = event.sandbox_chosen().hosts();
      agent.set_tracker_access(event.sandbox_chosen().tracker_access());
      return;
    case v1::Event::kEscapeNoticed:
      return note_escape(agent, event.escape_noticed());
    case v1::Event::kWorkReturned:
      return return_work(agent, event);
    case v1::Event::kAgentParked:
      return park(agent, event.agent_parked());
    case v1::Event::kBudgetUsed:
      agent.add_budget_notes(event.budget_used().text());
      return;
    case v1::Event::kAgentPassedOver:
      agent.set_agent(event.agent_passed_over().next());
      return;
    case v1::Event::kAgentLaunched:
      return launch(agent, event.agent_launched());
    case v1::Event::kAgentTold:
      if (event.agent_told().delivery() == v1::AgentTold::DELIVERY_NEXT_SESSION)
        agent.add_untold(event.agent_told().text());
      return;
    case v1::Event::kAgentPaused:
      agent.set_paused(true);
      return;
    case v1::Event::kAgentContinued:
      agent.set_paused(false);
      return;
    case v1::Event::kRaceDecided:
      return decide_race(run, agent, event.race_decided());
    case v1::Event::kCommitsTaken:
    case v1::Event::kCommitsRefused:
    case v1::Event::kAgentVerdict:
    case v1::Event::kAgentStalled:
    case v1::Event::kTrackerWaiting:
    case v1::Event::kEnvironmentReady:
    case v1::Event::kRunTakenUp:
    case v1::Event::kSnapshotTaken:
    case v1::Event::kNotice:
    case v1::Event::kCancelRequested:
    case v1::Event::kRunStarted:
    case v1::Event::kRunEnded:
    case v1::Event::kRunCompacted:
    case v1::Event::kTasksAdded:
    case v1::Event::kPlanClosed:
    case v1::Event::kEnvironmentVerified:
    case v1::Event::kEnvironmentCached:
    case v1::Event::PAYLOAD_NOT_SET:
      return;
  }
}

}  // namespace

void apply(v1::Run& run, const v1::Event& event) {
  if (event.sequence() <= run.last_sequence()) return;
  if (event.has_run_started()) {
    run = event.run_started().run();
    run.set_state(v1::RUN_STATE_RUNNING);
    note_start(run, event);
  } else if (event.has_run_compacted()) {
    run = event.run_compacted().run();
    run.set_compacted_until(event.sequence());
  } else if (event.has_run_ended()) {
    run.set_state(event.run_ended().state());
    *run.mutable_ended_at() = event.time();
    run.set_tracker_pending(event.run_ended().tracker_pending());
    run.set_tracker_requests(event.run_ended().tracker_requests());
    run.set_open(false);
    if (run.tracker_pending() == 0) run.clear_tracker_waiting();
    folding::clear_waiting(run);
  } else if (event.task_id().empty()) {
    apply_to_run(run, event);
  } else if (auto* agent = find_subagent(run, event.task_id())) {
    apply_to_task(run, *agent, event);
    note_setup(*agent, event);
  }
  run.set_last_sequence(event.sequence());
  if (event.has_elapsed()) *run.mutable_elapsed() = event.elapsed();
}

bool is_end(v1::Phase phase) {
  switch (phase) {
    case v1::PHASE_COMPLETED:
    case v1::PHASE_FAILED:
    case v1::PHASE_BLOCKED:
    case v1::PHASE_CANCELLED:
    case v1::PHASE_SKIPPED:
    case v1::PHASE_INTERRUPTED:
      return true;
    default:
      return false;
  }
}

bool is_success(v1::Phase phase) { return phase == v1::PHASE_COMPLETED || phase == v1::PHASE_SKIPPED; }

v1::RunState outcome(const v1::Run& run) {
  const auto any = [&](auto... phases) {
    return std::any_of(run.subagents().begin(), run.subagents().end(), [&](const auto& agent) {
      return !is_contender(agent) && ((agent.phase() == phases) || ...);
    });
  };
  if (run.open() || any(v1::PHASE_INTERRUPTED)) return v1::RUN_STATE_INTERRUPTED;
  if (run.subagents().empty()) return v1::RUN_STATE_FAILED;
  if (any(v1::PHASE_FAILED)) return v1::RUN_STATE_FAILED;
  const auto gave_up = [](const auto& agent) { return agent.following().state() == v1::Following::STATE_GAVE_UP; };
  if (std::any_of(run.subagents().begin(), run.subagents().end(), gave_up)) return v1::RUN_STATE_FAILED;
  if (any(v1::PHASE_CANCELLED)) return v1::RUN_STATE_CANCELLED;
  if (any(v1::PHASE_BLOCKED)) return v1::RUN_STATE_FAILED;
  return v1::RUN_STATE_COMPLETED;
}

const char* phase_name(v1::Phase phase) {
  switch (phase) {
    case v1::PHASE_PENDING: return "pending";
    case v1::PHASE_SETTING_UP: return "setting_up";
    case v1::PHASE_IMPLEMENTING: return "implementing";
    case v1::PHASE_TESTING: return "testing";
    case v1::PHASE_PUSHING: return "pushing";
    case v1::PHASE_REPORTING: return "reporting";
    case v1::PHASE_COMPLETED: return "completed";
    case v1::PHASE_FAILED: return "failed";
    case v1::PHASE_BLOCKED: return "blocked";
    case v1::PHASE_CANCELLED: return "cancelled";
    case v1::PHASE_SKIPPED: return "skipped";
    case v1::PHASE_INTERRUPTED: return "interrupted";
    default: return "unspecified";
  }
}

v1::Subagent* find_subagent(v1::Run& run, const std::string& task_id) {
  return const_cast<v1::Subagent*>(find_subagent(std::as_const(run), task_id));
}

const v1::Subagent* find_subagent(const v1::Run& run, const std::string& task_id) {
  const auto& agents = run.subagents();
  const auto found =
      std::find_if(agents.begin(), agents.end(), [&](const auto& agent) { return agent.task_id() == task_id; });
  return found == agents.end() ? nullptr : &*found;
}

}  // namespace fanout::domain
