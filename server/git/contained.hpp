#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "server/git/repository.hpp"

namespace fanout::git {

/// A branch into which others are merged, and what it says of a commit. Private to server/git.
class Target {
 public:
  /// `name` is for people. `bare` is not to have rules of a checkout (see open_for_comparison).
  Target(const Repository& bare, std::string name, const git_oid& tip, std::stop_token stop)
      : bare_(&bare), name_(std::move(name)), tip_(tip), stop_(std::move(stop)) {}

  /// How it is proven that all that `commit` brings is in here, as a sentence without its end; empty when it
  /// is not. `base` is where the commit's branch began, if that is known.
  std::optional<std::string> proof_of(const git_oid& commit, const std::optional<git_oid>& base);

 private:
  struct Found {
    git_oid commit;
    std::string outline;
    std::optional<std::string> id;
    git_oid tree;
  };

  bool has(const git_oid& commit) const;
  std::optional<std::string> squash_of(const git_oid& from, const git_oid& commit);
  bool has_tree(const git_oid& tree, const git_oid& from);
  bool merging_changes_nothing(const git_oid& commit) const;
  bool has_each_change(const std::vector<git_oid>& commits, const git_oid& from);
  bool has_change(const Commit& commit, const git_oid& from);
  const Found* find(const git_tree* before, const git_tree* after, const git_oid& from);
  std::vector<Found>& changes_since(const git_oid& from);
  void check_stop() const;

  const Repository* bare_;
  std::string name_;
  git_oid tip_;
  std::stop_token stop_;
  std::map<std::string, std::vector<Found>> changes_;  ///< By the commit since which.
};

/// The common folder as open_bare does it, without .gitattributes of any checkout: how lines are merged and
/// compared is not for a worktree to say.
Repository open_for_comparison(const fs::path& common);

/// The commits that `tip` has and `without` has not, newest first.
std::vector<git_oid> commits_of(const Repository& bare, const git_oid& tip, const git_oid& without,
                                std::size_t most);

}  // namespace fanout::git
