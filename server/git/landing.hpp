#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// A branch is moved to what was merged for it, all at once. Functions BLOCK, are thread-safe, and throw fanout::Error.
namespace fanout::git {

struct Landing {
  std::filesystem::path repository;
  std::string branch;       ///< Local, without refs/heads/.
  std::string from, to;     ///< Commit ids: where it is, and where it goes.
  std::string message;      ///< For the branch's log.
};

/// Who has the branch checked out.
enum class Holder { nobody, main_checkout };

/// Whether land() could move the branch as things are now. Error precondition, in one sentence that says what to do: it is
/// checked out in another worktree; or in the main checkout, where something is staged or half done, or one of `paths` (sorted)
/// changed, or which is beyond us (sparse).
Holder require_landable(const std::filesystem::path& repository, const std::string& branch, const std::vector<std::string>& paths);

struct Landed {
  bool moved = false;  ///< Else the branch is not at `from`, and nothing has been done.
  bool files = false;  ///< The main checkout went along.
};

/// Moves the branch from one commit to the other, if it is there. Where the main checkout has it checked out, files and
/// index go along; nothing that is not committed is overwritten, and what is changed in other files stays changed. Error
/// precondition as above, also where a file in the way is untracked, or goes through a filter that git alone runs: nothing
/// has been done then. Cut off at any point, finish_landing() finishes it.
Landed land(const Landing& landing);

/// Finishes what a process that died has left half done in the main checkout. Does nothing else.
void finish_landing(const std::filesystem::path& repository);

}  // namespace fanout::git
