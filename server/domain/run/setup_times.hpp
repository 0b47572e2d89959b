#pragma once

#include "fanout/v1/event.pb.h"

namespace fanout::domain {

/// Part of the fold: what an event says of when a step of the task's setup was done.
void note_setup(fanout::v1::Subagent& agent, const fanout::v1::Event& event);

/// The same of a run's first event: from then on its tasks are queued.
void note_start(fanout::v1::Run& run, const fanout::v1::Event& event);

}  // namespace fanout::domain
