#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/git/folder.hpp"
#include "server/git/repository.hpp"

/// The checkouts of a repository, as its common git folder has them: the agents' folders are not asked, since
/// what lies in them (`.git`, `commondir`, configuration) may lead anywhere. Private to server/git.
namespace fanout::git {

struct Checkout {
  fs::path folder;  ///< As place() writes it.
  fs::path admin;   ///< <common>/worktrees/<name>, or the common folder for the main checkout.
  bool is_main = false;
};

/// Where HEAD of a checkout is.
struct Head {
  std::string branch;  ///< Without refs/heads/; empty when it is not on a branch.
  std::optional<git_oid> commit;
};

/// The common folder as a repository without files: what it reads is the user's alone.
Repository open_bare(const fs::path& common);

/// `path` without dots, and without links but for its last part, which is taken as it is.
fs::path place(const fs::path& path);

/// All of them, the main one first; those whose folder is gone too.
std::vector<Checkout> checkouts(const fs::path& common);

/// The one whose folder is `path`.
std::optional<Checkout> checkout_at(const fs::path& common, const fs::path& path);

/// The same; Error not_found: there is none.
Checkout checkout_of(const fs::path& common, const fs::path& path);

/// Whether the `.git` file in its folder says the same as the registration.
bool is_linked(const Folder& folder, const Checkout& checkout);

/// Why it is locked, "" when no reason was given; empty when it is not.
std::optional<std::string> lock_of(const Checkout& checkout);

Head head_of(const Repository& bare, const Checkout& checkout);

/// The folder that has the branch checked out; empty when none has.
std::optional<fs::path> holder_of(const Repository& bare, const fs::path& common, const std::string& branch);

/// Files in a checkout's own git folder that say that something is half done, and what.
std::span<const std::pair<const char*, const char*>> unfinished_signs();

/// What is half done there ("merge", "rebase" …), empty when nothing is.
std::string unfinished_in(const Checkout& checkout);

/// Whatever is half done there is no longer under way; files and index stay.
void forget_unfinished(const Checkout& checkout);

}  // namespace fanout::git
