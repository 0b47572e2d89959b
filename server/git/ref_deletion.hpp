#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/git/repository.hpp"

namespace fanout::git {

struct RefDeletion {
  std::string name;                 ///< In full, such as refs/heads/x.
  std::optional<git_oid> expected;  ///< Deleted only when it is there; empty: wherever it is.
};

/// Deletes references; how many were there. Those that are gone already are no error. Why not git_reference_delete:
/// libgit2 reads packed-refs before it locks it, so that what a `git pack-refs` or `git gc` of an agent packs in
/// that moment is lost with its loose files gone too.
/// Error precondition: one has moved, and neither it nor those after it are deleted. Error unavailable: another
/// program keeps one locked. Private to server/git.
std::size_t delete_refs(const Repository& bare, const fs::path& common, const std::vector<RefDeletion>& refs);

}  // namespace fanout::git
