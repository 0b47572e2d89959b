#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "fanout/v1/merging.pb.h"
#include "fanout/v1/run.pb.h"
#include "server/git/merging.hpp"

/// Where branches stand, as git tells it. Functions BLOCK, are thread-safe, and throw fanout::Error.
namespace fanout::merging {

/// The branch that work is merged into, and its tip.
struct Target {
  std::string branch;  ///< Empty: there is none.
  std::string tip;
};

/// The branch `into`; where that is empty the run's base, if it is a branch, else what the main checkout is on, if anything.
/// Error not_found: there is no branch of that name.
Target find_target(const fanout::v1::Run& run, const std::string& into);

/// The same; Error precondition where there is none.
Target require_target(const fanout::v1::Run& run, const std::string& into);

/// The tip of the task's branch; empty: it has none, or no longer.
std::string tip_of(const fanout::v1::Run& run, const fanout::v1::Subagent& task);

/// The target as a candidate to merge upon: it counts as having merged those of `task_ids` whose changes it has.
git::Candidate base_for(const fanout::v1::Run& run, const Target& target, const std::vector<std::string>& task_ids,
                        std::stop_token stop);

/// What hinders `task` from being merged into the target; empty: nothing.
std::vector<git::FileConflict> conflicts_with_target(const fanout::v1::Run& run, const fanout::v1::Subagent& task,
                                                     const Target& target, std::stop_token stop);

/// All of it, for one task.
fanout::v1::BranchState state_of(const fanout::v1::Run& run, const fanout::v1::Subagent& task, const Target& target,
                                 bool with_files, std::stop_token stop);

}  // namespace fanout::merging
