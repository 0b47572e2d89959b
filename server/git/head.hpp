#pragma once

#include <string>

#include "server/git/checkouts.hpp"

namespace fanout::git {

/// Moves what HEAD of a checkout stands for, its branch or HEAD itself, to `target` if it is at `expected` now, all
/// zero for nowhere. False: it is elsewhere. Errors as with move_ref. Private to server/git.
bool move_head(const Repository& bare, const fs::path& common, const Checkout& checkout, const git_oid& target,
               const git_oid& expected, const std::string& message);

/// Has HEAD of a checkout stand for `branch`.
void attach_head(const Repository& bare, const fs::path& common, const Checkout& checkout, const std::string& branch);

}  // namespace fanout::git
