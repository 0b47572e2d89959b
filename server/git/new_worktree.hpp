#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/git/git.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

/// A worktree in the making. What it made is taken back at its end, unless keep() was called.
///
/// Why not git_worktree_add: it checks out all files in the same call, so that either twenty callers wait
/// for each other or their registrations race; it writes the administrative files one by one, visible
/// half done; and when it fails it leaves what it made. The files here are those that `git worktree add`
/// writes, byte for byte, and they appear at once.
class NewWorktree {
 public:
  explicit NewWorktree(fs::path common) : common_(std::move(common)) {}
  NewWorktree(const NewWorktree&) = delete;
  NewWorktree& operator=(const NewWorktree&) = delete;
  ~NewWorktree();

  /// Takes up what was made for `owner` by a process that died: one that is registered is ours to finish; of one that
  /// is not, the parts are taken away, and locks that it held. Empty: there is none to go on with. Under the RegistryLock.
  std::optional<Worktree> adopt(const std::string& owner, const Commit& start);

  /// Makes folder, branch and registration. False when another process took one of the names since they
  /// were looked up: nothing is left then, and other names may be tried. Under the RegistryLock.
  bool reserve(const Repository& repository, const Worktree& names, const Commit& start,
               const std::string& owner);

  /// Writes the files of commit `start`. Without the lock: this is the long part.
  void check_out(const std::string& start) const;

  void keep() { kept_ = true; }

 private:
  void make_parents(const fs::path& folder);
  bool make_branch(const Repository& repository, const std::string& name, const Commit& start);
  void make_draft(const Worktree& names, const std::string& owner);
  void register_folder(const std::string& branch);
  bool publish(const fs::path& admin);
  void undo() noexcept;
  void delete_branch() const;

  fs::path common_;
  std::vector<fs::path> parents_;  ///< Made for it, outermost first.
  fs::path folder_;
  fs::path draft_;  ///< The administrative folder before it has its name.
  fs::path admin_;
  std::string branch_;
  git_oid start_ = {};
  bool kept_ = false;
};

/// Whom the worktree with this administrative folder was made for; empty: not by us.
std::string owner_in(const fs::path& admin);

}  // namespace fanout::git
