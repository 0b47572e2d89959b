#pragma once

#include <filesystem>

#include "server/git/repository.hpp"

namespace fanout::git {

/// Gives the administrative folder of a new worktree what `git worktree add` copies into it: the main checkout's own
/// settings (extensions.worktreeConfig), and what a sparse checkout consists of. Private to server/git.
void copy_own_settings(const Repository& repository, const fs::path& common, const fs::path& admin);

}  // namespace fanout::git
