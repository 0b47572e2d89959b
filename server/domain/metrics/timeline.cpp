#include "server/domain/metrics/timeline.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>

#include "server/domain/run/fold.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;

namespace {

Moment moment(const google::protobuf::Duration& duration) {
  return Moment(TimeUtil::DurationToMicroseconds(duration));
}

std::optional<Moment> when(bool has, const google::protobuf::Duration& duration) {
  return has ? std::optional(moment(duration)) : std::nullopt;
}

/// Where each step ended, in order; empty: not yet, or there was none.
struct Mark {
  SetupStep step;
  std::optional<Moment> end;
};

std::array<Mark, 7> marks(const v1::SetupTimes& times) {
  return {{{SetupStep::queued, when(times.has_begun(), times.begun())},
           {SetupStep::worktree, when(times.has_worktree(), times.worktree())},
           {SetupStep::environment, when(times.has_environment(), times.environment())},
           {SetupStep::verify, when(times.has_verified(), times.verified())},
           {SetupStep::slot, when(times.has_slot(), times.slot())},
           {SetupStep::spawn, when(times.has_spawned(), times.spawned())},
           {SetupStep::silent, when(times.has_first_output(), times.first_output())}}};
}

/// Until when a task that has not said anything yet is known to be in its step.
Moment last_known(const v1::Run& run, const v1::Subagent& agent) {
  if (agent.setup().has_ended()) return moment(agent.setup().ended());
  return moment(run.elapsed());
}

std::vector<Span> spans_of(const v1::Run& run, const v1::Subagent& agent) {
  std::vector<Span> spans;
  auto at = moment(agent.setup().queued());
  const auto steps = marks(agent.setup());
  for (auto mark = steps.begin(); mark != steps.end(); ++mark) {
    // A step that left no mark although a later one did took no time: an older daemon, or nothing to do.
    const bool passed = std::any_of(mark, steps.end(), [](const Mark& later) { return later.end.has_value(); });
    if (!passed) {
      const auto end = std::max(at, last_known(run, agent));
      const bool goes_on = agent.phase() <= v1::PHASE_IMPLEMENTING;
      if (goes_on || agent.setup().has_ended()) spans.push_back({mark->step, at, end, goes_on});
      return spans;
    }
    const auto end = std::max(at, mark->end.value_or(at));
    if (end > at) spans.push_back({mark->step, at, end, false});
    at = end;
  }
  return spans;
}

std::optional<Span> issue_of(const v1::Subagent& agent) {
  const auto& times = agent.setup();
  if (!times.has_issue()) return std::nullopt;
  return Span{SetupStep::queued, moment(times.issue_asked()), moment(times.issue()), false};
}

}  // namespace

const char* to_string(SetupStep step) {
  switch (step) {
    case SetupStep::queued: return "queued";
    case SetupStep::worktree: return "worktree";
    case SetupStep::environment: return "environment";
    case SetupStep::verify: return "verify";
    case SetupStep::slot: return "slot";
    case SetupStep::spawn: return "spawn";
    case SetupStep::silent: return "first output";
  }
  return "";
}

std::vector<Lane> timeline(const v1::Run& run) {
  std::vector<Lane> lanes;
  for (const auto& agent : run.subagents()) {
    if (agent.phase() == v1::PHASE_SKIPPED) continue;
    Lane lane;
    lane.task_id = agent.task_id();
    lane.spans = spans_of(run, agent);
    lane.issue = issue_of(agent);
    lane.failed = agent.setup().has_ended();
    lane.from_pool = agent.setup().from_pool();
    lane.from_cache = agent.setup().from_cache();
    lanes.push_back(std::move(lane));
  }
  return lanes;
}

Moment end_of(const std::vector<Lane>& lanes) {
  Moment last{};
  for (const auto& lane : lanes) {
    if (!lane.spans.empty()) last = std::max(last, lane.spans.back().end);
    if (lane.issue) last = std::max(last, lane.issue->end);
  }
  return last;
}

}  // namespace fanout::domain
