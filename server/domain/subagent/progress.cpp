#include "server/domain/subagent/progress.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

void take_output(ProgramProgress& program, const v1::Output& output) {
  auto& last = output.stream() == v1::Output::STREAM_STDERR ? program.err_line : program.out_line;
  for (const auto& line : output.lines()) {
    last = line.offset();
    program.output_bytes += line.text().size() + 1;
  }
  program.muted = program.muted || output.muted();
}

}  // namespace

void apply(Progress& progress, const v1::Event& event) {
  switch (event.payload_case()) {
    case v1::Event::kRetryRequested: progress = {}; return;
    case v1::Event::kRetryScheduled: {
      const bool cancelled = progress.cancel_requested;  // of the attempt that has just failed
      progress = {};
      progress.retry = event.retry_scheduled();
      progress.cancel_requested = cancelled;
      return;
    }
    case v1::Event::kAgentStalled: progress.programs["agent"].stalled = true; return;
    case v1::Event::kWorktreeReady: progress.worktree = event.worktree_ready(); return;
    case v1::Event::kEnvironmentReady: progress.environment = event.environment_ready(); return;
    case v1::Event::kCommandStarted: progress.programs[event.command_started().program()].started = true; return;
    case v1::Event::kCommandEnded: progress.programs[event.command_ended().program()].ended = true; return;
    case v1::Event::kOutput: return take_output(progress.programs[event.output().program()], event.output());
    case v1::Event::kWorkCommitted: progress.committed = event.work_committed(); return;
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
    case v1::Event::kPushed: progress.pushed = event.pushed(); return;
    case v1::Event::kReported: progress.reported = true; return;
    default: return;
  }
}

}  // namespace fanout::domain
