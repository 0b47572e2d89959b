#pragma once

#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/plan.pb.h"
#include "server/domain/plan/plan.hpp"

namespace fanout::domain {

/// Task ids by wave: a task is in the first wave after all that it depends on. Skipped tasks are left
/// out and hold nothing back. `plan` has no cycles.
std::vector<std::vector<std::string>> waves(const Plan& plan);

/// The longest chain of dependencies among tasks that are not skipped, in order.
std::vector<std::string> critical_path(const Plan& plan);

/// What `plan show` prints. `plan` is without errors.
fanout::v1::PlanDescription describe(const Plan& plan, const fanout::internal::v1::RunSpec& spec);

}  // namespace fanout::domain
