#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "server/git/materialiser.hpp"

/// Git, by libgit2. Every function here BLOCKS and belongs on the worker pool; all may be called from
/// any number of threads at once, on the same repository too. Object ids are 40 hexadecimal digits.
/// All throw fanout::Error with one sentence. Nothing here runs hooks or programs that a repository names, nor git
/// itself, but for `git credential fill` when an https remote asks, and for checking out what libgit2 cannot (see
/// Materialiser); then filters run that the user's configuration names.
/// An agent's worktree is never opened as a repository, since its `.git` may lead anywhere: it is a folder of files, and
/// what git knows of it is read from the repository's own git folder.
namespace fanout::git {

namespace fs = std::filesystem;

/// Call once at the start of the process, keep until its end.
class Library {
 public:
  Library();
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

/// The root of the main checkout that `start` lies in; from inside a linked worktree too.
/// Error not_found: no repository there; precondition: it is bare.
fs::path find_repository(const fs::path& start);

/// The commit that `ref` (branch, tag, HEAD, id) names. Error not_found, with a remedy when the
/// repository has no commit yet.
std::string resolve_commit(const fs::path& repository, const std::string& ref);

/// The tip of local branch `branch`, or empty when there is none.
std::optional<std::string> branch_tip(const fs::path& repository, const std::string& branch);

/// Whether git accepts `name` for a branch.
bool is_branch_name(const std::string& name);

/// Sees to it that `git status` does not show `relative_folder` (such as "worktrees"), by
/// .git/info/exclude. Does nothing when it is there already. Atomic.
void exclude_from_status(const fs::path& repository, const std::string& relative_folder);

/// Sees to it that none of these files (relative paths), copied into worktrees, gets into a commit: those
/// that no ignore rule covers are added to .git/info/exclude, which holds for all worktrees. Atomic.
void exclude_files(const fs::path& repository, const std::vector<std::string>& files);

struct WorktreeRequest {
  fs::path repository;
  fs::path path;       ///< Wanted, absolute.
  std::string branch;  ///< Wanted.
  std::string start;   ///< Commit id.
  /// Whom it is for, such as "RUN/TASK": what an earlier call for the same one left unfinished, or finished without
  /// anyone noting it, is taken up instead of making another. Empty: nobody in particular.
  std::string owner = {};
};

struct Worktree {
  fs::path path;
  std::string branch;
  bool renamed = false;    ///< Path or branch was taken: -v2, -v3 … was appended to both.
  std::string start = {};  ///< The commit it was made from; for one that is taken up not always the one asked for.
};

struct AddedWorktree {
  Worktree worktree;
  std::string by_git;  ///< Why git itself checked out its files, as the end of a sentence; empty: it did not.
};

/// Makes a branch at `start` and a worktree that holds it, both new: what exists is never touched.
/// When it fails, nothing that it made is left behind. Registration is one at a time in a repository and BLOCKS; then it
/// returns, and `done` is called, on the materialiser's thread, when the files are there as well or all is taken back.
/// Cancellation: by `stop`, with Error cancelled.
void add_worktree(const WorktreeRequest& request, Materialiser& materialiser, std::stop_token stop,
                  std::function<void(std::exception_ptr, AddedWorktree)> done);

/// The same, but returns when all is done.
AddedWorktree add_worktree(const WorktreeRequest& request, Materialiser& materialiser, std::stop_token stop);

/// Whom the worktree at `path` was made for (see WorktreeRequest); empty when it is not one of ours.
std::string worktree_owner(const fs::path& repository, const fs::path& path);

/// Takes away the locks that a process which died has left on `branch`, on what is known of it at `remote`, and on the
/// index and HEAD of `worktree`. Call it where nothing but ourselves works there.
void release_dead_locks(const fs::path& repository, const fs::path& worktree, const std::string& branch,
                        const std::string& remote);

/// Whether `path` is a registered, whole worktree of `repository` with `branch` checked out.
bool is_worktree(const fs::path& repository, const fs::path& path, const std::string& branch);

struct Tip {
  std::string name;  ///< For messages: a task id or branch.
  std::string commit;
};

struct MergeConflict {
  std::string with;                ///< Name of the tip that does not merge.
  std::vector<std::string> files;  ///< Relative paths.
};

/// The commit that holds `base` and all `tips`: `base` when there are none, the tip itself when it
/// holds the base, else merge commits made in memory (no checkout, no ref moved).
std::variant<std::string, MergeConflict> merge_tips(const fs::path& repository, const std::string& base,
                                                    const std::vector<Tip>& tips);

/// Commits everything in the worktree that differs from HEAD, untracked files included, ignored ones
/// not. Returns the new commit, or empty when there was nothing. Author and committer are the user's,
/// else "Fanout <fanout@localhost>".
/// A repository nested in the worktree that is no submodule is left out, where `git add -A` would record a
/// link to a commit that nobody else has. A merge that waits to be committed becomes a merge commit. Goes
/// wherever HEAD is, which the agent may have moved: see current_branch. Error precondition: index locked,
/// conflicts unsolved, a rebase unfinished. Cut off at any point and called again, it finishes.
std::optional<std::string> commit_all(const fs::path& repository, const fs::path& worktree,
                                      const std::string& message);

struct CommitInfo {
  std::string id;
  std::string summary;
};

struct FileDelta {
  enum class Kind { added, modified, deleted, renamed };
  std::string path;
  Kind kind = Kind::modified;
  std::optional<std::uint32_t> added, deleted;  ///< Lines; empty for binary files.
};

struct BranchSummary {
  std::string head;
  std::vector<CommitInfo> commits;  ///< Not in base, oldest first.
  std::vector<FileDelta> files;     ///< Base tree against head tree.
};

/// What `branch` has that commit `base` has not.
BranchSummary summarise_branch(const fs::path& repository, const std::string& base,
                               const std::string& branch);

/// The branch that HEAD of the main checkout is on, or empty when it is detached.
std::string current_branch(const fs::path& repository);

/// The same of one of its worktrees, which is itself not asked. Error not_found: it is none.
std::string current_branch(const fs::path& repository, const fs::path& worktree);

/// Where the remote is, url.*.insteadOf applied. Error not_found: there is no such remote.
std::string remote_url(const fs::path& repository, const std::string& remote);

/// Whether `repository` has a remote of that name.
bool has_remote(const fs::path& repository, const std::string& remote);

struct PushRejected {
  bool non_fast_forward = false;
  std::string reason;
};

/// A token for https remotes at `host`, offered when the user's own credentials have not opened the door.
struct Access {
  std::string host, token;
};

/// Pushes local `branch` to the same name on `remote`. The user's own credentials: ssh agent and default keys,
/// git's credential helpers. `stop` ends it early with Error cancelled. Returns the pushed commit.
/// Without force, unless the remote's branch is at `replaces`: what we had pushed there ourselves may be rewritten,
/// and nothing else ever is.
std::variant<std::string, PushRejected> push(const fs::path& repository, const std::string& remote,
                                             const std::string& branch, std::stop_token stop,
                                             const std::string& replaces = {}, const Access& access = {});

/// Fetches `branch` of `remote` and returns its tip; empty when the remote has no such branch.
std::optional<std::string> fetch(const fs::path& repository, const std::string& remote,
                                 const std::string& branch, std::stop_token stop, const Access& access = {});

/// Rebases what is checked out in `worktree` onto `onto`. On a conflict the worktree is put back as it
/// was, and `with` is the commit that does not apply. Error precondition: uncommitted changes, or an
/// untracked or ignored file is in the way. Cut off at any point and called again, it finishes. Returns the new head.
/// `from`: the commits behind this one are replayed; empty: those that `onto` has not.
std::variant<std::string, MergeConflict> rebase(const fs::path& repository, const fs::path& worktree,
                                                const std::string& onto, const std::string& from = {});
/// Whether one was cut off in `worktree` while its files and its branch were moved.
bool is_rebase_unfinished(const fs::path& repository, const fs::path& worktree);

}  // namespace fanout::git
