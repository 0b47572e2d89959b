#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

/// What takes away worktrees and branches. None of it asks whether that is wise: see judge.hpp. Each can be
/// cut off at any point and called again, and then finishes; what is gone already is no error. Functions
/// BLOCK and are thread-safe. All throw fanout::Error.
namespace fanout::git {

namespace fs = std::filesystem;

/// Removes the worktree at `path`: its folder with all that is in it, and its registration. Links in it are
/// removed and never followed. False: it was gone. Error precondition: it is the main checkout, no worktree
/// of this repository, locked, a link, or has another checkout inside. Error system: something in it cannot
/// be removed; the worktree is still registered then.
bool remove_worktree(const fs::path& repository, const fs::path& path);

/// Forgets worktrees whose folder is gone, of those for which `ours` says yes, and that are not locked;
/// which. Removes what processes of ours that were killed left in the repository's git folder.
std::vector<fs::path> prune_worktrees(const fs::path& repository,
                                      const std::function<bool(const fs::path&)>& ours);

/// Those that prune_worktrees would forget. Changes nothing.
std::vector<fs::path> prunable_worktrees(const fs::path& repository,
                                         const std::function<bool(const fs::path&)>& ours);

/// Deletes a local branch that is at commit `expected`, with its settings. False: there is none. Error
/// precondition: it is elsewhere, or checked out.
bool delete_branch(const fs::path& repository, const std::string& branch, const std::string& expected);

/// Deletes a branch on a remote, if it is at commit `expected` there, and what this repository remembers of
/// it. False: there is none. Error precondition: it is elsewhere, or the remote refuses; cancelled; as push
/// does.
bool delete_remote_branch(const fs::path& repository, const std::string& remote, const std::string& branch,
                          const std::string& expected, std::stop_token stop);

/// The branches of a remote and the commits they are at, as the remote says now.
std::map<std::string, std::string> remote_branches(const fs::path& repository, const std::string& remote,
                                                   std::stop_token stop);

/// Where the remote has the branch now; empty: it has none.
std::optional<std::string> remote_branch_tip(const fs::path& repository, const std::string& remote,
                                             const std::string& branch, std::stop_token stop);

}  // namespace fanout::git
