#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "server/git/git.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

/// The names that a repository's branches and worktrees have at this moment. Make and use it under the
/// RegistryLock. Names that differ in case alone count as the same: on other people's file systems they are.
class TakenNames {
 public:
  TakenNames(const Repository& repository, const fs::path& common);

  /// The first of name, name-v2, name-v3 … of which both path and branch are free. Error precondition: a
  /// branch stands where a folder of branches is wanted, which no suffix can help.
  Worktree next_free(const Worktree& wanted) const;

 private:
  bool is_taken(const std::string& branch) const;
  bool is_taken(const fs::path& path) const;
  void refuse_blocked(const std::string& branch) const;

  std::vector<std::string> branches_;
  std::set<std::string> folded_branches_;
  std::set<std::string> folded_worktrees_;  ///< Registered ones, gone from the disk or not.
};

/// The name under which git is to know the worktree at `path`: its last part, where git allows it.
std::string administrative_name(const fs::path& path);

}  // namespace fanout::git
