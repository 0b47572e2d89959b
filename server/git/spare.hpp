#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "server/git/git.hpp"
#include "server/git/materialiser.hpp"

/// Worktrees that are made beforehand. A spare is the files and the index of one, without being one: it lies in the
/// repository's git folder (fanout/pool), where neither git nor the user meets it, and becomes a worktree by being moved
/// to its place. All functions BLOCK, are thread-safe, and throw fanout::Error. What processes that were killed have left
/// half done is found and removed; of two processes that want the same spare one gets it.
namespace fanout::git {

struct Spare {
  fs::path place;      ///< Its folder.
  std::string commit;  ///< Whose files it holds.
  std::string tree;
  std::string environment;            ///< Fingerprint of what is installed in it; empty: nothing.
  std::vector<std::string> products;  ///< Folders that this consists of, relative to the worktree.
  std::uint64_t bytes = 0;            ///< On the disk, about.
};

/// What else is to be in a new spare whose files are in `folder`; it sets environment and products.
using Furnish = std::function<void(const fs::path& folder, Spare& spare)>;

/// Those that wait in a repository.
std::vector<Spare> find_spares(const fs::path& repository);

struct MadeSpares {
  std::vector<Spare> spares;
  /// Why there can be none for this commit, as the end of a sentence; empty: there can.
  std::string impossible;
};

/// Makes `count` spares together, `furnish` being called for each in turn. Cancellation: `stop`, with Error cancelled;
/// nothing half made is left then.
MadeSpares make_spares(const fs::path& repository, const std::string& commit, std::size_t count, Materialiser& materialiser,
                       const Furnish& furnish, std::stop_token stop);

void remove_spare(const Spare& spare);

enum class Look { folders, all };

/// Whether nothing has been added to it, taken from it or renamed in it since it was made. Look::all: and no file was
/// changed; that takes about a microsecond for each file.
bool is_pristine(const Spare& spare, Look look);

/// Makes it hold the files of another commit of its repository; only what differs is written. False: it cannot, and has
/// to be removed.
bool move_spare(const fs::path& repository, Spare& spare, const std::string& commit);

/// Makes a branch and a worktree as add_worktree does, out of a spare that holds the files of `request.start` and is
/// pristine. Empty: it has gone, lies on another file system, or git's settings are no longer those it was made under.
std::optional<Worktree> use_spare(const WorktreeRequest& request, const Spare& spare);

}  // namespace fanout::git
