#pragma once

#include <string_view>
#include <vector>

#include "server/git/handle.hpp"
#include "server/git/merging.hpp"

namespace fanout::git {

/// As many characters as a mark has in what conflict_marks() reads: no text has them by chance.
inline constexpr unsigned short kMarkSize = 61;

/// The conflicts in `merged`, text with marks in git's "diff3" style, and where they lie in the texts of both sides.
/// Pure. Private to server/git.
std::vector<ConflictHunk> conflict_hunks(std::string_view merged, std::string_view ours, std::string_view theirs);

/// What is in conflict in `index`, by path.
std::vector<FileConflict> describe_conflicts(const Repository& repository, const Index& index);

}  // namespace fanout::git
