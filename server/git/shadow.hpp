#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// Shadows: a git folder for one task's programs, which they see in the place of the repository's own. They may do with
/// it what they like; what they commit there is looked at as data, and taken over if it is what it should be. All
/// functions BLOCK and throw fanout::Error. Nothing of a shadow is opened as a repository here.
namespace fanout::git {

namespace fs = std::filesystem;

struct Shadow {
  fs::path place;   ///< Its own folder: "git" is for the programs, and of the rest they write nothing.
  fs::path common;  ///< The repository's git folder, in the place of which "git" is seen.
  std::string name; ///< Of the worktree, among the repository's.
  /// The repository's objects, and those that it borrows from others. Each is seen as alternate(n) in the shadow.
  std::vector<fs::path> objects;
  bool kept = false;  ///< It was there already.

  fs::path git() const { return place / "git"; }
  fs::path info() const { return place / "info"; }
};

/// The folder in a git folder where its nth foreign objects are seen.
std::string alternate(std::size_t number);

/// Why a repository can have no shadow, as the end of a sentence; empty: it can.
std::string no_shadow(const fs::path& repository);

/// The newest shadow below `shadows`, as long as the branch has not been moved by anyone else since; else a new one with
/// the repository's references, of `worktree` as it is now. `keep`: a program uses the newest just now.
Shadow shadow_for(const fs::path& repository, const fs::path& worktree, const std::string& branch, const fs::path& shadows,
                  bool keep);

/// Removes all shadows there, whatever was made of them.
void remove_shadows(const fs::path& shadows);

/// The exclude rules of the shadow are the repository's of now.
void refresh_rules(const Shadow& shadow);

/// What was done to a shadow's branch.
struct ShadowTip {
  std::string from;    ///< Where it was when it was last looked at.
  std::string commit;  ///< Where it says it is, which nobody has checked; empty with a fault.
  std::string fault;   ///< What else has become of it, as a sentence without its end.
};
ShadowTip tip_of(const Shadow& shadow, const std::string& branch);

/// What is half done in the shadow's worktree ("merge", "rebase" …); empty: nothing.
std::string unfinished_in(const Shadow& shadow);

struct TakeOver {
  fs::path repository, worktree;
  std::string branch;
  std::string base;    ///< The branch must hold it.
  std::string from, to;
};

/// Moves the branch to a commit whose objects are in the repository, if it is at `from`, and makes the worktree's index
/// anew. Returns why not, as a sentence without its end; empty: done.
std::string take_over(const TakeOver& move);
/// From now on the shadow is as the branch is.
void note_tip(const Shadow& shadow, const std::string& commit);

/// A commit that was not taken over stays under refs/fanout/kept/<run>/<task>/<n>; that name.
std::string keep_commit(const fs::path& repository, const std::string& run, const std::string& task, const std::string& commit);

/// The folders of the repository's checkouts but the main one.
std::vector<fs::path> linked_worktrees(const fs::path& repository);

/// The folder that all checkouts of the repository share.
fs::path common_git_folder(const fs::path& repository);

}  // namespace fanout::git
