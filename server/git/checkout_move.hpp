#pragma once

#include <string>
#include <vector>

#include "server/git/checkouts.hpp"
#include "server/git/lock_file.hpp"
#include "server/git/undo.hpp"

namespace fanout::git {

/// Taking a checkout, which is its files, its index and its branch, from the commit that it has to another one. What is
/// under way is noted in the checkout's own git folder, so that a process that comes later finishes it. Private to server/git.

/// A checkout, and where its repository is.
struct Place {
  fs::path common;
  Repository bare;
  Checkout checkout;
};

/// Error not_found: `folder` is no checkout of the repository.
Place place_of(const fs::path& repository, const fs::path& folder);

struct Move {
  git_oid from, to;
};

/// The commit that is checked out. `doing` is as in "cannot <doing> <folder>". Error precondition: there is none.
git_oid head_at(const Place& place, const std::string& doing);

/// Error precondition: files that git follows differ from `head`, or something is half done there. Untracked files do
/// no harm, unless one is in the way (see move_checkout).
void refuse_dirty(const Place& place, const git_oid& head, const std::string& doing);

/// As git does it for a merge: what is changed and not staged does no harm either, unless it is one of these paths. They
/// are sorted.
void refuse_dirty(const Place& place, const git_oid& head, const std::string& doing, const std::vector<std::string>& paths);

/// Writes the files and moves the branch; `index` is the lock of the checkout's index. Error precondition: an untracked or
/// ignored file is in the way, and nothing has been done; or the branch or a file was changed meanwhile by somebody else,
/// and the files are as they were. Cut off at any point, finish_noted() finishes it. `message` is for the branch's log.
void move_checkout(const Place& place, const LockFile& index, const Move& move, const std::string& message);

/// Finishes what a process of ours that died has left half done; does nothing where there is nothing of the kind.
void finish_noted(const Place& place, const LockFile& index, const std::string& message);

/// Whether there is something of the kind.
bool has_noted(const Place& place);

}  // namespace fanout::git
