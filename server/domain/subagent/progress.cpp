#include "server/domain/subagent/progress.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

/// The agent begins again in the same attempt: what followed its last work is void.
void begin_round(Progress& progress, Again again) {
  progress.again = again;
  ++progress.rounds;
  progress.sessions_before = progress.sessions.size();
  progress.committed.reset();
  progress.gates.clear();
  progress.untested = false;
  progress.parked.reset();
}

void take_output(ProgramProgress& program, const v1::Output& output) {
  auto& last = output.stream() == v1::Output::STREAM_STDERR ? program.err_line : program.out_line;
  for (const auto& line : output.lines()) {
    last = line.offset();
    program.output_bytes += line.text().size() + 1;
  }
  program.muted = program.muted || output.muted();
}

void take_activity(Progress& progress, const v1::AgentActivity& activity) {
  if (progress.sessions.empty()) return;
  auto& session = progress.sessions.back();
  if (activity.ordinal() > 0) session.ordinal = activity.ordinal();
  if (activity.file_change().source() == v1::AgentFileChange::SOURCE_GIT) ++session.git_changes;
}

}  // namespace

Progress next_attempt(Progress before) {
  Progress next;
  next.feedback = std::move(before.feedback);
  next.last_pushed = std::move(before.last_pushed);
  next.agent = before.agent;
  return next;
}

void apply(Progress& progress, const v1::Event& event) {
  switch (event.payload_case()) {
    // A person may have mended what an agent lacked: they are tried from the first again.
    case v1::Event::kRetryRequested:
      progress = next_attempt(std::move(progress));
      progress.feedback.reset();
      progress.agent = 0;
      if (event.retry_requested().fresh()) progress.last_pushed.clear();
      if (event.retry_requested().has_feedback()) progress.feedback = event.retry_requested().feedback();
      return;
    case v1::Event::kRetryScheduled: {
      const bool cancelled = progress.cancel_requested;  // of the attempt that has just failed
      progress = next_attempt(std::move(progress));
      progress.retry = event.retry_scheduled();
      progress.cancel_requested = cancelled;
      return;
    }
    case v1::Event::kWorkReturned:
      begin_round(progress, Again::after_gate);
      progress.returned = event.work_returned();
      return;
    case v1::Event::kAgentParked:
      begin_round(progress, Again::after_limit);
      progress.parked = event.agent_parked();
      return;
    case v1::Event::kAgentPassedOver:
      begin_round(progress, Again::as_another);
      progress.passed_over = event.agent_passed_over();
      ++progress.agent;
      return;
    case v1::Event::kAgentStalled: {
      const auto& sessions = progress.sessions;
      progress.programs[sessions.empty() ? "agent" : sessions.back().launched.program()].stalled = true;
      return;
    }
    case v1::Event::kAgentLaunched: progress.sessions.push_back({event.agent_launched(), {}, 0, 0}); return;
    case v1::Event::kAgentVerdict:
      if (!progress.sessions.empty()) progress.sessions.back().verdict = event.agent_verdict();
      return;
    case v1::Event::kAgentActivity: return take_activity(progress, event.agent_activity());
    case v1::Event::kWorktreeReady: progress.worktree = event.worktree_ready(); return;
    case v1::Event::kEnvironmentReady: progress.environment = event.environment_ready(); return;
    case v1::Event::kCommandStarted: progress.programs[event.command_started().program()].started = true; return;
    case v1::Event::kCommandEnded: progress.programs[event.command_ended().program()].ended = true; return;
    case v1::Event::kOutput: return take_output(progress.programs[event.output().program()], event.output());
    case v1::Event::kWorkCommitted: progress.committed = event.work_committed(); return;
    case v1::Event::kRaceDecided: progress.race = event.race_decided(); return;
    case v1::Event::kGateEnded: progress.gates.push_back(event.gate_ended().result()); return;
    case v1::Event::kRebased:
      progress.rebased = true;
      progress.untested = true;
      progress.gates.clear();
      return;
    case v1::Event::kPhaseChanged:
      if (event.phase_changed().to() == v1::PHASE_TESTING) progress.untested = false;
      return;
    case v1::Event::kCancelRequested: progress.cancel_requested = true; return;
    case v1::Event::kPushed:
      progress.pushed = event.pushed();
      progress.last_pushed = event.pushed().commit();
      return;
    case v1::Event::kReported: progress.reported = true; return;
    default: return;
  }
}

}  // namespace fanout::domain
