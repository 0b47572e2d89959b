#pragma once

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/run.pb.h"

namespace fanout::rebuild {

/// The state that a run begins with, as `status` shows it. Pure.
fanout::v1::Run initial_state(const fanout::internal::v1::RunSpec& spec);
/// The same of one of its tasks.
fanout::v1::Subagent initial_state(const fanout::internal::v1::TaskSpec& task);

}  // namespace fanout::rebuild
