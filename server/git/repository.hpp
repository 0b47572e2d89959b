#pragma once

#include <filesystem>
#include <string>

#include "server/git/handle.hpp"

/// What all parts share: opening a repository, ids, commits, identity. Private to server/git.
namespace fanout::git {

namespace fs = std::filesystem;

/// Opens what lies exactly at `path`, whatever GIT_DIR and its kin say. A handle belongs to one thread.
Repository open_repository(const fs::path& path);

/// The git folder that the main checkout and all linked worktrees share, canonical.
fs::path common_folder(const Repository& repository);

/// This checkout's own git folder: the common one, or .git/worktrees/<name>.
fs::path git_folder(const Repository& repository);

std::string text_of(const git_oid& id);
git_oid parse_id(const std::string& text);

/// The commit with id `text`. Error not_found: there is none.
Commit find_commit(const Repository& repository, const std::string& text);
Commit find_commit(const Repository& repository, const git_oid& id);
Tree tree_of(const Commit& commit);

/// The tip of refs/heads/<branch>. Error not_found.
git_oid find_branch(const Repository& repository, const std::string& branch);

/// The user's name and address from git's configuration, else Fanout's own.
Signature identity(const Repository& repository);

/// Whether commit `descendant` is `ancestor` or has it in its history.
bool holds(const Repository& repository, const git_oid& descendant, const git_oid& ancestor);

}  // namespace fanout::git
