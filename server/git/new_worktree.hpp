#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/git/git.hpp"
#include "server/git/materialiser.hpp"
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
  /// were looked up: nothing is left then, and other names may be tried. Under the RegistryLock. `spare`: where files
  /// and index lie that are moved into it; empty: it will be filled.
  bool reserve(const Repository& repository, const Worktree& names, const Commit& start, const std::string& owner,
               const fs::path& spare);

  bool is_taken_up() const { return taken_up_; }
  /// It was taken up, and its checkout had come to its end: whatever is there by now is somebody's work.
  bool is_checked_out() const;

  /// What is to be filled with files now, without the lock: that is the long part.
  EmptyCheckout empty_checkout(const std::string& start) const;

  void keep();

 private:
  void make_parents(const fs::path& folder);
  bool make_branch(const Repository& repository, const std::string& name, const Commit& start);
  void make_draft(const Worktree& names, const Commit& start, const std::string& owner);
  void register_folder(const Repository& repository, const std::string& branch);
  bool publish(const fs::path& admin);
  bool move_in(const fs::path& spare, const fs::path& folder);
  void undo() noexcept;
  void delete_branch() const noexcept;

  fs::path common_;
  std::vector<fs::path> parents_;  ///< Made for it, outermost first.
  fs::path folder_;
  fs::path draft_;  ///< The administrative folder before it has its name.
  fs::path admin_;
  std::string branch_;
  git_oid start_ = {};
  bool taken_up_ = false;
  bool kept_ = false;
};

/// Whether a checkout with this administrative folder has come to its end, which writes the index last.
bool has_index(const fs::path& admin);

/// Whom the worktree with this administrative folder was made for; empty: not by us.
std::string owner_in(const fs::path& admin);

}  // namespace fanout::git
