#include "server/git/fresh_index.hpp"

#include "server/git/files.hpp"
#include "server/git/stat_cache.hpp"

namespace fanout::git {

std::string index_holding(const fs::path& common, const Checkout& checkout, const Tree& tree, bool read) {
  const fs::path file = common / unique_name("fanout-index");
  Index index;
  check(git_index_open(index.out(), file.c_str()), "make an index");
  check(git_index_read_tree(index.get(), tree.get()), "make an index");
  const StatCache old = StatCache::read(checkout.admin / "index");
  const auto root = Folder::open(checkout.folder);
  old.for_each([&](const git_index_entry& before) {
    const git_index_entry* entry = git_index_get_bypath(index.get(), before.path, 0);
    if (!entry || !root || entry->mode != before.mode || !git_oid_equal(&entry->id, &before.id)) return;
    const auto [parent, name] = split(before.path);
    const auto folder = root->below(parent);
    const auto status = folder ? folder->look(name) : std::nullopt;
    const bool sparse = !status && (before.flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE);
    const bool same = status && (read ? old.looks_same(before, *status) : old.is_unchanged(before, *status));
    if (sparse || same) {
      check(git_index_add(index.get(), &before), "make an index");
    }
  });
  check(git_index_write(index.get()), "write an index");
  std::string content = read_or_empty(file);
  fs::remove(file);
  return content;
}

LockFile lock_index(const fs::path& common, const Checkout& checkout, std::chrono::milliseconds patience) {
  try {
    return LockFile(common, checkout.admin / "index", patience);
  } catch (const Error& error) {
    throw Error(error.kind() == ErrorKind::unavailable ? ErrorKind::precondition : error.kind(), error.what());
  }
}

}  // namespace fanout::git
