#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "server/git/left_out.hpp"

/// Snapshots of worktrees: commits under refs/fanout/snap/<run>/<task>/<n>, n from 1 on, that hold all files
/// git would commit, untracked ones included and ignored ones not. `repository` is the main checkout.
/// Functions BLOCK; any number of threads may call, for one task too. Nothing in a worktree is run, trusted
/// or followed: neither its .git file nor configuration, hooks, filters, links or FIFOs. All throw
/// fanout::Error.
namespace fanout::git {

namespace fs = std::filesystem;

struct Snapshot {
  unsigned number = 0;
  std::string commit;
  std::string tree;               ///< Of its files.
  std::string ref;
  std::string parent;             ///< HEAD of the worktree at that time; empty when it had none.
  std::int64_t time = 0;          ///< Seconds since 1970.
  std::string message;            ///< Its first line.
  std::vector<LeftOut> left_out;  ///< Known to take_snapshot alone.
};

/// Takes one; empty when the last one has the same files and the same parent. The agent's index, HEAD and
/// files are read, not touched, and its index.lock does not matter; what changes meanwhile is there as it was
/// at some moment. A worktree that is no longer registered is read too, with the last snapshot's parent. Left
/// out besides ignored files: repositories nested in it, the files of submodules (their recorded commit is
/// kept), untracked files above 2 GiB. Error not_found: there is no such folder; cancelled: `stop`.
std::optional<Snapshot> take_snapshot(const fs::path& repository, const fs::path& worktree,
                                      const std::string& run, const std::string& task,
                                      const std::string& message, std::stop_token stop = {});

/// The newest of the task; empty when there is none.
std::optional<Snapshot> last_snapshot(const fs::path& repository, const std::string& run, const std::string& task);

/// By number, oldest first.
std::vector<Snapshot> list_snapshots(const fs::path& repository, const std::string& run,
                                     const std::string& task);

/// Removes those with numbers up to `last`; how many there were. Those that are gone already are no error.
std::size_t delete_snapshots(const fs::path& repository, const std::string& run, const std::string& task,
                             unsigned last = ~0U);

struct Restored {
  unsigned safety = 0;  ///< The snapshot that holds the state before.
  std::string head;     ///< Where the branch is now.
};

/// Puts files and branch of the worktree back to snapshot `number`: its files, and `branch` at its parent,
/// checked out; nothing is staged, and a merge or rebase under way is forgotten. The state before becomes a
/// snapshot first, and only what that holds is overwritten or removed. No agent may be at work there. Cut off
/// at any point and called again, it finishes. Ignored files stay. Error not_found: no such snapshot or
/// worktree. Error precondition: `branch` is checked out elsewhere, has commits that neither the worktree nor
/// a snapshot of the task holds, or the worktree is locked by git; an ignored file is in the way. Nothing has
/// been changed then.
Restored restore_snapshot(const fs::path& repository, const fs::path& worktree, const std::string& branch,
                          const std::string& run, const std::string& task, unsigned number);

}  // namespace fanout::git
