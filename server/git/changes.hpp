#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "server/git/git.hpp"

namespace fanout::git {

/// What one commit has that another has not.
struct Changes {
  std::vector<FileDelta> files;
  std::string patch;  ///< As `git diff` prints it, cut to so many bytes.
  bool cut = false;
};

/// From `from` to `to`, both commit ids; the patch holds at most `most` bytes, and is left out for 0. BLOCKS. Error.
Changes changes_between(const fs::path& repository, const std::string& from, const std::string& to, std::size_t most);

/// Where git keeps what belongs to a checkout.
struct GitFolders {
  fs::path own;     ///< Such as REPOSITORY/.git/worktrees/NAME.
  fs::path common;  ///< REPOSITORY/.git
};
/// BLOCKS. Error not_found: it is no checkout.
GitFolders git_folders(const fs::path& worktree);

}  // namespace fanout::git
