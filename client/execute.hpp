#pragma once

#include "client/commands.hpp"

namespace fanout::client {

/// Begins a run, and tells the plan's warnings. Throws CallFailed, with the plan's faults where it has some.
fanout::v1::Run start_run(Session& session, const PlanOptions& options);

}  // namespace fanout::client
