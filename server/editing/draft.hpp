#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/editing.pb.h"
#include "fanout/v1/run.pb.h"

/// Plans that agents make. The planning is a run like any other, of a plan that is written here: so it is watched, retried and
/// outlives the daemon as all runs do. All functions BLOCK.
namespace fanout::editing {

inline constexpr const char* kDraftFolder = "fanout-draft";  ///< In the worktrees of planning runs.
inline constexpr const char* kPlannerTask = "plan";          ///< The one that makes the plan.
/// Variable of a planning run's programs: where the plan is to be, relative to the repository.
inline constexpr const char* kTargetVariable = "PLAN_TARGET";

/// Where things are on this machine.
struct DraftPlaces {
  std::filesystem::path drafts;  ///< Folder for the plans of planning runs.
  std::string check_command;     ///< Shell words that fail, and say why, where the plan that follows them has faults.
};

/// See EditingService.DraftPlan. `created`: see new_plan(). Is to be called one at a time.
fanout::v1::DraftPlanResponse draft_plan(const fanout::v1::DraftPlanRequest& request, const DraftPlaces& places,
                                         const std::string& created);

/// See EditingService.AdoptDraft. `run` and `spec` are of the same run. Is to be called one at a time.
fanout::v1::AdoptDraftResponse adopt_draft(const fanout::v1::Run& run, const fanout::internal::v1::RunSpec& spec);

}  // namespace fanout::editing
