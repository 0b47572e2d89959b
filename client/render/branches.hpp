#pragma once

#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "fanout/v1/merging.pb.h"
#include "fanout/v1/run.pb.h"

/// Where the branches of a run stand, for a terminal.
namespace fanout::client {

/// A line for each task that has a branch: commits, pushed, uncommitted, and whether it can be merged. Empty: none has.
/// Those of one repository stand together.
std::vector<std::string> branch_table(const fanout::v1::Run& run, const fanout::v1::ReviewRunResponse& review, const Style& style,
                                      std::size_t columns);

/// All about each task: its branch, files, gates, conflicts, and its agent's own words.
std::vector<std::string> review_page(const fanout::v1::Run& run, const fanout::v1::ReviewRunResponse& review, const Style& style,
                                     std::size_t columns);

/// A line for each two tasks that collide, with the files. Empty: none do.
std::vector<std::string> collision_lines(const google::protobuf::RepeatedPtrField<fanout::v1::Collision>& collisions,
                                         const Style& style, std::size_t columns);

/// The files in conflict, and where; each with this much space before it.
std::vector<std::string> conflict_lines(const google::protobuf::RepeatedPtrField<fanout::v1::FileConflict>& conflicts,
                                        const Style& style, std::size_t columns, std::size_t indent);

/// Commands that would bring the run further now, most useful first.
std::vector<std::string> merge_steps(const fanout::v1::ReviewRunResponse& review);

/// What is worth typing by the run and, once git has told how its branches stand, by these: what is merged is not merged again.
std::vector<std::string> next_steps(const fanout::v1::Run& run, const fanout::v1::ReviewRunResponse& review);

/// "+12 -3 in 2 files".
std::string change_text(const fanout::v1::BranchState& state);

}  // namespace fanout::client
