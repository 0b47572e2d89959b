#pragma once

#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "server/domain/plan/plan.hpp"

/// A plan whose tasks work in several repositories is resolved in parts, one for each, with the settings that hold there.
namespace fanout::domain {

/// The plan with those of its tasks that name that repository; empty: none.
Plan part_of(const Plan& plan, const std::string& repository);

/// The spec and its tasks are of the repository that the plan knows by that name.
void set_repository_name(fanout::internal::v1::RunSpec& spec, const std::string& name);

/// One spec for all of `parts`, at least one, with the tasks in the plan's order. What holds for the run as a whole is as in
/// the first of them. What cannot be in several repositories is added to `diagnostics`, in which each thing is told once then.
fanout::internal::v1::RunSpec brought_together(const Plan& plan, std::vector<fanout::internal::v1::RunSpec> parts,
                                               std::vector<Diagnostic>& diagnostics);

}  // namespace fanout::domain
