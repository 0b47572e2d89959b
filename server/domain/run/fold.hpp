#pragma once

#include <string>

#include "fanout/v1/event.pb.h"
#include "fanout/v1/run.pb.h"

/// State is a fold over events: the daemon, `status` and the live view all derive it by this function.
namespace fanout::domain {

/// Changes `run` by one event. Events are applied in order of their sequence; one that is already
/// folded in (sequence <= run.last_sequence) changes nothing.
void apply(fanout::v1::Run& run, const fanout::v1::Event& event);

/// Whether a subagent in this phase has ended.
bool is_end(fanout::v1::Phase phase);

/// Whether the end counts as success: completed or skipped.
bool is_success(fanout::v1::Phase phase);

/// The state of a run whose subagents have all ended. Where its plan is still open, more were to come, and it is
/// interrupted; one that was closed without any has failed. How those ended
/// that only raced for a task decides nothing.
fanout::v1::RunState outcome(const fanout::v1::Run& run);

/// "setting_up", "completed" … as in the state table.
const char* phase_name(fanout::v1::Phase phase);

/// The subagent of `task_id`, or null.
fanout::v1::Subagent* find_subagent(fanout::v1::Run& run, const std::string& task_id);
const fanout::v1::Subagent* find_subagent(const fanout::v1::Run& run, const std::string& task_id);

}  // namespace fanout::domain
