#include "server/domain/run/setup_times.hpp"

#include <google/protobuf/util/time_util.h>

#include "server/domain/run/fold.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;
using google::protobuf::Duration;
using google::protobuf::util::TimeUtil;

namespace {

/// Of an older daemon's event the duration may not be known: the two moments are the same then.
Duration earlier(const Duration& moment, const Duration& by) {
  return TimeUtil::NanosecondsToDuration(
      std::max<std::int64_t>(0, TimeUtil::DurationToNanoseconds(moment) - TimeUtil::DurationToNanoseconds(by)));
}

void note_phase(v1::Subagent& agent, const v1::Event& event) {
  auto& times = *agent.mutable_setup();
  const auto& change = event.phase_changed();
  if (change.from() == v1::PHASE_PENDING && change.to() == v1::PHASE_SETTING_UP) *times.mutable_begun() = event.elapsed();
  if (change.to() == v1::PHASE_IMPLEMENTING) *times.mutable_slot() = event.elapsed();
  if (is_end(change.to()) && !times.has_spawned()) *times.mutable_ended() = event.elapsed();
}

void note_environment(v1::SetupTimes& times, const v1::Event& event) {
  const auto& ready = event.environment_ready();
  *times.mutable_environment() = event.elapsed();
  *times.mutable_environment_took() = ready.duration();
  times.set_from_cache(ready.from_cache() || ready.from_pool());
}

void note_output(v1::SetupTimes& times, const v1::Event& event) {
  if (times.has_spawned() && !times.has_first_output()) *times.mutable_first_output() = event.elapsed();
}

}  // namespace

void note_setup(v1::Subagent& agent, const v1::Event& event) {
  auto& times = *agent.mutable_setup();
  switch (event.payload_case()) {
    case v1::Event::kTasksAdded:
    case v1::Event::kRetryRequested:
    case v1::Event::kRetryScheduled:
      times.Clear();
      *times.mutable_queued() = event.elapsed();
      return;
    case v1::Event::kPhaseChanged:
      return note_phase(agent, event);
    case v1::Event::kIssueOpened:
      *times.mutable_issue() = event.elapsed();
      *times.mutable_issue_asked() = earlier(event.elapsed(), event.issue_opened().duration());
      return;
    case v1::Event::kWorktreeReady:
      *times.mutable_worktree() = event.elapsed();
      *times.mutable_worktree_took() = event.worktree_ready().duration();
      times.set_from_pool(event.worktree_ready().from_pool());
      return;
    case v1::Event::kEnvironmentReady:
      return note_environment(times, event);
    case v1::Event::kEnvironmentVerified:
      *times.mutable_verified() = event.elapsed();
      *times.mutable_verify_took() = event.environment_verified().duration();
      return;
    case v1::Event::kCommandStarted:
      if (event.command_started().role() == "agent" && !times.has_spawned()) *times.mutable_spawned() = event.elapsed();
      return;
    case v1::Event::kOutput:
      if (event.output().role() == "agent") note_output(times, event);
      return;
    case v1::Event::kAgentActivity:
      return note_output(times, event);
    default:
      return;  // no step of setup
  }
}

void note_start(v1::Run& run, const v1::Event& event) {
  for (auto& agent : *run.mutable_subagents()) {
    if (agent.phase() == v1::PHASE_PENDING) *agent.mutable_setup()->mutable_queued() = event.elapsed();
  }
}

}  // namespace fanout::domain
