#include "server/domain/run/fold.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "server/domain/run/escape_text.hpp"
#include "server/domain/run/race.hpp"
#include "server/domain/run/setup_times.hpp"
#include "server/domain/run/spent.hpp"
#include "server/domain/run/usage.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMaxMessageColumns = 200;

/// Of a subagent or a run.
template <class Waits>
void clear_waiting(Waits& waits) {
  waits.clear_waiting_for();
  waits.clear_waiting_since();
  waits.clear_waiting_kind();
  waits.clear_waiting_release();
}

template <class Waits>
void take_waiting(Waits& waits, const v1::Event& event) {
  const auto& waiting = event.waiting();
  clear_waiting(waits);
  if (waiting.for_().empty()) return;
  waits.set_waiting_for(waiting.for_());
  waits.set_waiting_kind(waiting.kind());
  waits.set_waiting_release(waiting.release());
  *waits.mutable_waiting_since() = event.time();
}

void clear_condition(v1::Subagent& agent) {
  agent.clear_condition();
  agent.clear_condition_text();
  agent.clear_condition_since();
}

void take_condition(v1::Subagent& agent, const v1::Event& event) {
  const auto& change = event.agent_condition_changed();
  clear_condition(agent);
  if (change.condition() == v1::AGENT_CONDITION_UNSPECIFIED) return;
  agent.set_condition(change.condition());
  agent.set_condition_text(change.text());
  *agent.mutable_condition_since() = event.time();
}

/// Nothing of it waits for anybody, or stands still, once its program has ended.
void end_agent(v1::Subagent& agent) {
  agent.clear_pid();
  agent.clear_attention();
  agent.clear_paused();
  clear_condition(agent);
}

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

/// Another attempt because of what was said of the work; or a person's wish, with which all counting begins anew.
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
    take_waiting(run, event);
  } else if (event.has_issue_opened()) {
    *run.mutable_tracking_issue() = event.issue_opened().issue();
  } else if (event.has_issue_closed()) {
    run.mutable_tracking_issue()->set_closed(true);
  } else if (event.has_budget_used()) {
    run.add_budget_notes(event.budget_used().text());
  }
}

void await_retry(v1::Run& run, v1::Subagent& agent, const v1::Event& event) {
  const auto& retry = event.retry_scheduled();
  begin_attempt(run, agent, event);
  *agent.mutable_waiting_since() = event.time();
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

/// The winner's work is the task's own from now on, and so is the agent.
void decide_race(const v1::Run& run, v1::Subagent& agent, const v1::RaceDecided& decided) {
  agent.set_race_winner(decided.winner());
  agent.set_base_commit(decided.base_commit());
  clear_waiting(agent);
  const auto* winner = find_subagent(run, decided.winner());
  if (!winner) return;
  agent.set_agent(winner->agent());
  agent.set_agent_kind(winner->agent_kind());
  agent.set_agent_level(winner->agent_level());
  agent.set_agent_version(winner->agent_version());
  agent.set_agent_model(winner->agent_model());
}

/// What is known of it before it has said anything itself.
void launch(v1::Subagent& agent, const v1::AgentLaunched& launched) {
  agent.set_agent_kind(launched.agent());
  if (!launched.name().empty()) agent.set_agent(launched.name());
  agent.set_agent_level(launched.level());
  agent.set_agent_version(launched.version());
  agent.set_agent_model(launched.model());
  agent.clear_untold();
}

void take_session(v1::Subagent& agent, const v1::AgentSession& session) {
  if (!session.id().empty()) {
    agent.set_agent_session(session.id());
    agent.set_session_agent(agent.agent_kind());
  }
  if (!session.version().empty()) agent.set_agent_version(session.version());
  if (!session.model().empty()) agent.set_agent_model(session.model());
}

v1::Attention& begin_to_wait(v1::Subagent& agent, const v1::Event& event, const std::string& id) {
  auto& attention = *agent.add_attention();
  attention.set_run_id(event.run_id());
  attention.set_task_id(event.task_id());
  attention.set_id(id);
  *attention.mutable_asked_at() = event.time();
  return attention;
}

void end_attention(v1::Subagent& agent, const std::string& id) {
  auto& all = *agent.mutable_attention();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.id() == id; });
  if (found != all.end()) all.erase(found);
}

void take_activity(v1::Subagent& agent, const v1::Event& event) {
  const auto& activity = event.agent_activity();
  if (activity.within().empty()) {
    count_turns(*agent.mutable_usage_ledger(), activity);
    agent.set_turns(agent.usage_ledger().turns_before() + agent.usage_ledger().turns_seen());
  }
  switch (activity.activity_case()) {
    case v1::AgentActivity::kSession:
      take_session(agent, activity.session());
      return begin_session(*agent.mutable_usage_ledger(), activity.session().id());
    case v1::AgentActivity::kUsage:
      take_usage(*agent.mutable_usage_ledger(), activity.usage());
      *agent.mutable_usage() = total(agent.usage_ledger());
      return;
    case v1::AgentActivity::kMessage:
      return say(agent, activity.message().text());
    case v1::AgentActivity::kToolCall:
      return say(agent, activity.tool_call().title());
    case v1::AgentActivity::kToolResult:
      agent.set_tool_calls(agent.tool_calls() + 1);
      return;
    case v1::AgentActivity::kPlan:
      *agent.mutable_agent_plan() = activity.plan();
      return;
    case v1::AgentActivity::kAnswer:
      return end_attention(agent, activity.answer().id());
    case v1::AgentActivity::kPermission:
      if (activity.permission().decided()) return;
      *begin_to_wait(agent, event, activity.permission().id()).mutable_permission() = activity.permission();
      return say(agent, "asks: " + activity.permission().title());
    case v1::AgentActivity::kQuestion: {
      const auto& question = activity.question();
      *begin_to_wait(agent, event, question.id()).mutable_question() = question;
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

void note_escape(v1::Subagent& agent, const v1::EscapeNoticed& escape) {
  constexpr int kMostEscapes = 20;
  if (agent.escapes_size() < kMostEscapes) agent.add_escapes(escape_text(escape));
}

void apply_to_task(v1::Run& run, v1::Subagent& agent, const v1::Event& event) {
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
    clear_waiting(run);
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
