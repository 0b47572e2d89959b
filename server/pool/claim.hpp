#pragma once

#include <optional>

#include "server/git/spare.hpp"

namespace fanout::pool {

/// A worktree that waited, for one who wants one.
struct Taken {
  git::Spare spare;
  git::Look look = git::Look::all;  ///< How closely it has to be looked at.
};

/// Makes the worktree that is asked for out of it; what the base has moved since is written. Empty: it cannot be used, and
/// nothing has been made. BLOCKS.
std::optional<git::Worktree> claim(const git::WorktreeRequest& request, const Taken& taken);

}  // namespace fanout::pool
