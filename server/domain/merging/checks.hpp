#pragma once

#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"

/// What has to pass before a merged result counts. Pure.
namespace fanout::domain::merging {

/// A command that runs in the worktree that holds the merged result.
struct Check {
  std::string task;  ///< Of which task it is, and whose variables it sees.
  fanout::v1::Gate gate;
};

/// The gates of all these tasks, in order; the same command with the same variables runs once, with the longest of its
/// timeouts. Where two gates of one name differ, the name says of which task each is.
std::vector<Check> gates_of(const std::vector<const fanout::internal::v1::TaskSpec*>& tasks);

}  // namespace fanout::domain::merging
