#pragma once

#include <optional>

#include "server/git/folder.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

/// The commit that the submodule in `folder` has checked out, read from its files alone: nothing in it is opened as a
/// repository, since whoever works there may have written anything into it. Empty: it has none yet. Private to server/git.
std::optional<git_oid> submodule_head(const fs::path& folder);

}  // namespace fanout::git
