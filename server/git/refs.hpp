#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/git/repository.hpp"

namespace fanout::git {

/// Why not by libgit2: when this process is killed while that writes a reference, a lock stays that nobody
/// takes away; and it reads packed-refs before it locks it, so that what a `git pack-refs` or `git gc` of an
/// agent packs in that moment is lost, with its loose files gone too. Private to server/git.

/// Puts a reference to `target` if it is at `expected` now, all zero for not there. False: it is elsewhere.
/// Error unavailable: another program keeps it locked; precondition: a reference is where a folder of them is
/// needed.
bool move_ref(const Repository& bare, const fs::path& common, const std::string& name, const git_oid& target,
              const git_oid& expected, const std::string& message);

struct RefDeletion {
  std::string name;                 ///< In full, such as refs/heads/x.
  std::optional<git_oid> expected;  ///< Deleted only when it is there; empty: wherever it is.
};

/// Deletes references; how many were there. Those that are gone already are no error. Error precondition: one
/// has moved, and neither it nor those after it are deleted. Error unavailable: another program keeps one
/// locked.
std::size_t delete_refs(const Repository& bare, const fs::path& common, const std::vector<RefDeletion>& refs);

/// Calls with each reference, symbolic ones too, and its name in full.
void for_each_reference(const Repository& bare, const std::function<void(const git_reference&, const std::string&)>& call);

}  // namespace fanout::git
