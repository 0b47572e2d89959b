#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/git/checkout_plan.hpp"

namespace fanout::git {

/// What an index keeps of a file's state, as wide as there: enough to see later that nobody has touched it.
struct IndexStat {
  std::uint32_t ctime = 0, ctime_ns = 0, mtime = 0, mtime_ns = 0, device = 0, inode = 0, uid = 0, gid = 0, size = 0;

  static IndexStat of(const struct stat& file);
  friend bool operator==(const IndexStat&, const IndexStat&) = default;
};

/// The bytes of an index (version 2) that holds the plan's files, each with the state of the same number. Why not
/// libgit2's: it makes an object of every entry, for every worktree. Pure. Private to server/git.
std::string index_of(const CheckoutPlan& plan, const std::vector<IndexStat>& states);

/// What index_of() has written; empty: it is something else.
struct IndexedFile {
  std::string path;
  std::uint32_t mode = 0;
  git_oid id = {};
  IndexStat state;
};
std::optional<std::vector<IndexedFile>> read_index(std::string_view content);

}  // namespace fanout::git
