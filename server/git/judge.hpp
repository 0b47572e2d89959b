#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace fanout::git {

namespace fs = std::filesystem;

struct JudgeRequest {
  fs::path repository;
  std::string branch;                   ///< Empty: none.
  fs::path worktree;                    ///< Empty: none.
  std::string base;                     ///< The commit that the branch began at; empty: not known.
  std::vector<std::string> targets;     ///< Branches that work goes to; each counts here and on the remote.
  std::string remote;                   ///< Empty: only what is here counts.
  bool remote_branch_goes_too = false;  ///< Then what the remote has of the branch itself proves nothing.
  /// The remote's branches as remote_branches() gives them; when given, what this repository remembers of the
  /// remote counts only where it is still so.
  std::optional<std::map<std::string, std::string>> live;
};

struct Verdict {
  bool removable = false;
  std::string reason;                ///< One sentence, for either answer.
  std::vector<std::string> details;  ///< Files or commits that stand against it, at most 20.
  std::string tip;                   ///< Where the branch was when it was judged; empty: there is none.
};

/// Whether branch and worktree can go without anything being lost: nothing uncommitted or untracked but for
/// ignored files; no nested repository, filled submodule, unreadable file, lock, or half-done merge or
/// rebase; and every commit of the branch, and of a HEAD elsewhere, is on a target or on the remote, or its
/// whole change is on a target: merged, squashed or rebased. Whatever cannot be proven is kept. Thread-safe,
/// BLOCKS, changes nothing and trusts nothing in the worktree. Error cancelled, system.
Verdict judge(const JudgeRequest& request, std::stop_token stop = {});

struct WorktreeFacts {
  bool registered = false;
  bool whole = false;   ///< Its folder leads to its registration, and its checkout came to its end.
  std::string branch;   ///< Empty when HEAD is on none.
  std::string head;     ///< The commit; empty when there is none.
  bool locked = false;  ///< By `git worktree lock`.
  bool dirty = false;   ///< As judge sees it.
};

/// What there is at `path`, whoever made it. Thread-safe, BLOCKS. Error cancelled, system.
WorktreeFacts inspect_worktree(const fs::path& repository, const fs::path& path, std::stop_token stop = {});

}  // namespace fanout::git
