#pragma once

#include <optional>
#include <string>

#include "fanout/v1/admission.pb.h"
#include "fanout/v1/run.pb.h"

namespace fanout::domain {

/// What the run's state does not say, since it changes from moment to moment.
struct Waits {
  std::string text, release;  ///< As the queue has it just now; empty: as the state has it.
  unsigned position = 0;      ///< 1: next. 0: in no queue.
};

/// Why the task is as it is, whatever that is. `task_id` is one of the run's. Pure.
fanout::v1::ExplainTaskResponse explain(const fanout::v1::Run& run, const std::string& task_id, const Waits& waits);

}  // namespace fanout::domain
