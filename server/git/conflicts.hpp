#pragma once

#include <string>
#include <vector>

#include "server/git/handle.hpp"

namespace fanout::git {

/// The paths in conflict in `index`, sorted, each once.
std::vector<std::string> conflicting_files(const Index& index);

/// As every merge of ours is made: renames are followed.
git_merge_options merge_options();

/// Two commits without a common ancestor do merge, in that every file of either is kept; but it is never what somebody
/// means, and git refuses it too. Error precondition, in which `name` is what was to be merged.
void refuse_unrelated(const Repository& repository, const git_oid& ours, const git_oid& theirs, const std::string& name);

/// The merge of two commits in memory, with its conflicts. `name` is for errors.
Index merged_index(const Repository& repository, const git_oid& ours, const git_oid& theirs, const std::string& name);

/// Writes it as a tree; it has no conflicts. `name` is for errors.
git_oid write_index(const Repository& repository, Index& index, const std::string& name);

}  // namespace fanout::git
