#pragma once

#include <optional>
#include <string>

#include "server/git/repository.hpp"

namespace fanout::git {

/// What lies between two trees. Private to server/git.
class Change {
 public:
  /// `before` may be null: nothing was there. Error precondition: more files differ than can be compared.
  Change(const Repository& bare, const git_tree* before, const git_tree* after);

  bool is_empty() const;

  /// Which paths, and how. Equal for equal changes, and quick.
  const std::string& outline() const { return outline_; }

  /// Equal for equal changes, wherever in their files they are, as with `git patch-id`; but white space
  /// counts here, and so does what is in binary files. Empty: it is too large to be compared.
  std::optional<std::string> id() const;

 private:
  Diff diff_;
  std::string outline_;
};

/// The change that a commit makes to its first parent.
Change change_of(const Repository& bare, const Commit& commit);

}  // namespace fanout::git
