#include "server/domain/run/fold.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "server/domain/run/usage.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMaxMessageColumns = 200;

void change_phase(v1::Subagent& agent, const v1::Event& event) {
  const auto& change = event.phase_changed();
  agent.set_phase(change.to());
  *agent.mutable_phase_started_at() = event.time();
  agent.clear_waiting_for();
  agent.clear_retry_at();
  if (change.from() == v1::PHASE_PENDING && !is_end(change.to())) *agent.mutable_started_at() = event.time();
  if (is_end(change.to())) {
    agent.set_ended_in(is_success(change.to()) ? v1::PHASE_UNSPECIFIED : change.from());
    agent.set_reason(change.reason());
    *agent.mutable_ended_at() = event.time();
    agent.clear_pid();
  }
}

void begin_attempt(v1::Run& run, v1::Subagent& agent, const v1::Event& event) {
  agent.set_attempt(event.attempt());
  agent.set_phase(v1::PHASE_PENDING);
  agent.clear_ended_in();
  agent.clear_reason();
  agent.clear_waiting_for();
  agent.clear_last_message();
  agent.clear_started_at();
  agent.clear_ended_at();
  agent.clear_gates();
  agent.clear_report();
  agent.clear_tracker_faults();
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
}

void await_retry(v1::Run& run, v1::Subagent& agent, const v1::Event& event) {
  const auto& retry = event.retry_scheduled();
  begin_attempt(run, agent, event);
  agent.set_waiting_for("retry " + std::to_string(retry.retry()) + " of " + std::to_string(retry.retries()) + ": " +
                        retry.reason());
  *agent.mutable_retry_at() = retry.wake_time();
}

void take_output(v1::Subagent& agent, const v1::Output& output) {
  for (auto line = output.lines().rbegin(); line != output.lines().rend(); ++line) {
    const auto text = printable(line->text());
    if (trimmed(text).empty()) continue;
    agent.set_last_message(fit(trimmed(text), kMaxMessageColumns));
    return;
  }
}

void say(v1::Subagent& agent, std::string_view text) {
  text = trimmed(text);
  const auto line = printable(text.substr(0, text.find('\n')));
  if (!trimmed(line).empty()) agent.set_last_message(fit(trimmed(line), kMaxMessageColumns));
}

void take_activity(v1::Subagent& agent, const v1::AgentActivity& activity) {
  switch (activity.activity_case()) {
    case v1::AgentActivity::kSession:
      if (!activity.session().id().empty()) agent.set_agent_session(activity.session().id());
      return begin_session(*agent.mutable_usage_ledger(), activity.session().id());
    case v1::AgentActivity::kUsage:
      take_usage(*agent.mutable_usage_ledger(), activity.usage());
      *agent.mutable_usage() = total(agent.usage_ledger());
      return;
    case v1::AgentActivity::kMessage:
      return say(agent, activity.message().text());
    case v1::AgentActivity::kToolCall:
      return say(agent, activity.tool_call().title());
    case v1::AgentActivity::kPermission:
      return say(agent, "asks: " + activity.permission().title());
    case v1::AgentActivity::kQuestion: {
      const auto& question = activity.question();
      return say(agent, "asks: " + (question.items_size() > 0 ? question.items(0).text() : question.text()));
    }
    case v1::AgentActivity::kLimit:
      return say(agent, activity.limit().text());
    case v1::AgentActivity::kRetrying:
      return say(agent, "tries again: " + activity.retrying().reason());
    default:  // the rest is told by what follows, or by lines of its own
      return;
  }
}

void apply_to_task(v1::Run& run, v1::Subagent& agent, const v1::Event& event) {
  switch (event.payload_case()) {
    case v1::Event::kPhaseChanged:
      return change_phase(agent, event);
    case v1::Event::kWorktreeReady:
      agent.set_branch(event.worktree_ready().branch());
      agent.set_worktree(event.worktree_ready().worktree());
      agent.set_base_commit(event.worktree_ready().base_commit());
      return;
    case v1::Event::kCommandStarted:
      if (event.command_started().role() == "agent" && agent.has_usage_ledger())
        begin_process(*agent.mutable_usage_ledger());
      agent.set_pid(event.command_started().pid());
      return;
    case v1::Event::kCommandEnded:
      agent.clear_pid();
      return;
    case v1::Event::kOutput:
      return take_output(agent, event.output());
    case v1::Event::kAgentActivity:
      return take_activity(agent, event.agent_activity());
    case v1::Event::kWaiting:
      agent.set_waiting_for(event.waiting().for_());
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
      if (event.retry_requested().fresh()) leave_work(agent);
      return begin_attempt(run, agent, event);
    case v1::Event::kRetryScheduled:
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
    case v1::Event::kAgentStalled:
    case v1::Event::kTrackerWaiting:
    case v1::Event::kEnvironmentReady:
    case v1::Event::kPushed:
    case v1::Event::kRebased:
    case v1::Event::kRunTakenUp:
    case v1::Event::kSnapshotTaken:
    case v1::Event::kNotice:
    case v1::Event::kCancelRequested:
    case v1::Event::kRunStarted:
    case v1::Event::kRunEnded:
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
  } else if (event.has_run_ended()) {
    run.set_state(event.run_ended().state());
    *run.mutable_ended_at() = event.time();
    run.set_tracker_pending(event.run_ended().tracker_pending());
    if (run.tracker_pending() == 0) run.clear_tracker_waiting();
  } else if (event.has_tracker_waiting()) {
    run.set_tracker_waiting(event.tracker_waiting().reason());
    run.set_tracker_pending(event.tracker_waiting().pending());
  } else if (auto* agent = find_subagent(run, event.task_id())) {
    apply_to_task(run, *agent, event);
  }
  run.set_last_sequence(event.sequence());
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
    return std::any_of(run.subagents().begin(), run.subagents().end(),
                       [&](const auto& agent) { return ((agent.phase() == phases) || ...); });
  };
  if (any(v1::PHASE_INTERRUPTED)) return v1::RUN_STATE_INTERRUPTED;
  if (any(v1::PHASE_FAILED)) return v1::RUN_STATE_FAILED;
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
