#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "server/git/git.hpp"

/// What lies in a spare's folder. Private to server/git.
namespace fanout::git {

namespace fs = std::filesystem;

constexpr const char* kFiles = "files";      ///< What becomes the worktree.
constexpr const char* kAbout = "about";      ///< What it is; written last.
constexpr const char* kFolders = "folders";  ///< Those that git's files lie in, each ending in a zero.

/// A copy of the index, which goes along into the worktree's administrative folder.
constexpr const char* kIndexCopy = "fanout-index";

/// Writes what makes using the spare at `place` quick: the list of folders that its index comes to, and the copy of the
/// index that a shadow will have.
void write_aids(const fs::path& place);

/// Makes files and index at `place`, which hold one tree, hold another. False: git itself would have to do it.
bool move_files(const fs::path& common, const fs::path& place, const std::string& from_tree, const std::string& to_tree);

/// Makes a worktree of the files and the index at `place`, which are moved from there. Empty: an earlier worktree of the
/// same owner is to be taken up instead; all is as it was.
std::optional<Worktree> add_worktree_from(const WorktreeRequest& request, const fs::path& place);

}  // namespace fanout::git
