#include <sstream>

#include "common/crash_point.hpp"
#include "common/text.hpp"
#include "server/git/fresh_index.hpp"
#include "server/git/git.hpp"
#include "server/git/head.hpp"
#include "server/git/scan.hpp"
#include "server/git/stat_cache.hpp"
#include "server/git/submodule_head.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kLongestMergeHead = 64 * 1024;

/// A rebase left half done has its own idea of what comes next, and conflicts are for a person to solve.
void refuse_unfinished(const Checkout& checkout) {
  if (unfinished_in(checkout) == "rebase") {
    throw Error(ErrorKind::precondition, "a rebase is unfinished in " + checkout.folder.string() +
                                             "; end it with: git rebase --continue, or --abort");
  }
  const auto conflicts = StatCache::read(checkout.admin / "index").conflicts();
  if (conflicts.empty()) return;
  throw Error(ErrorKind::precondition,
              "there are unsolved conflicts in " + checkout.folder.string() + ": " + join(conflicts, ", "));
}

/// A commit that says it holds everything may not leave out what it could not read. A repository of its own
/// would become a link to a commit that nobody else has; pipes, sockets and devices are no work.
void refuse_left_out(const Scan& scan, const fs::path& worktree) {
  for (const auto& [path, why] : scan.left_out) {
    if (why == LeftOut::Why::own_repository || why == LeftOut::Why::special) continue;
    throw Error(ErrorKind::precondition, "cannot commit " + shell_quoted(path) + " in " + worktree.string() +
                                             ": it " + text_of(why) + "; mend, move or ignore it");
  }
}

/// What lies in the worktree. libgit2's own reading of ignore files drops what a `!name` in a folder keeps.
Scan files_in(const Repository& bare, const Checkout& checkout, const Head& head) {
  const FileMap known = head.commit ? files_of(tree_of(find_commit(bare, *head.commit))) : FileMap();
  Scan scan = scan_worktree(bare, checkout, known, Contents::stored, {});
  for (const auto& path : scan.submodules) {
    if (const auto id = submodule_head(checkout.folder / path)) scan.files[path].id = *id;
  }
  return scan;
}

/// HEAD, and what a merge that waits to be committed adds to it. Whoever died after the commit of a merge, before it
/// was forgotten, has made that one already.
std::vector<Commit> parents_of_next(const Repository& bare, const Checkout& checkout, const Head& head) {
  std::vector<Commit> parents;
  if (head.commit) parents.push_back(find_commit(bare, *head.commit));
  std::istringstream merged(read_regular(checkout.admin / "MERGE_HEAD", kLongestMergeHead).value_or(""));
  for (std::string line; std::getline(merged, line);) {
    const git_oid id = parse_id(line);
    if (!head.commit || !holds(bare, *head.commit, id)) parents.push_back(find_commit(bare, id));
  }
  return parents;
}

bool is_nothing_new(const git_oid& tree, const std::vector<Commit>& parents, const Scan& scan) {
  if (parents.empty()) return scan.files.empty();
  return parents.size() == 1 && git_oid_equal(&tree, git_commit_tree_id(parents.front().get()));
}

std::string clean(const std::string& message) {
  Buffer buffer;
  check(git_message_prettify(&buffer.raw, message.c_str(), false, '#'), "read the commit's message");
  return std::string(buffer.raw.ptr, buffer.raw.size);
}

git_oid commit_tree(const Repository& bare, const Tree& tree, const std::vector<Commit>& parents,
                    const std::string& message) {
  std::vector<const git_commit*> pointers;
  for (const auto& parent : parents) pointers.push_back(parent.get());
  const Signature who = identity(bare);
  git_oid id;
  const auto create = [&] {
    return git_commit_create(&id, bare.get(), nullptr, who.get(), who.get(), nullptr, clean(message).c_str(),
                             tree.get(), pointers.size(), pointers.data());
  };
  check_stored(create, "commit");
  return id;
}

void move_to(const Repository& bare, const fs::path& common, const Checkout& checkout, const Head& head,
             const git_oid& commit) {
  if (move_head(bare, common, checkout, commit, head.commit.value_or(git_oid{}), "commit: by Fanout")) return;
  throw Error(ErrorKind::precondition, "something else committed in " + checkout.folder.string() +
                                           " at the same time; end what is at work there and try again");
}

}  // namespace

std::optional<std::string> commit_all(const fs::path& repository, const fs::path& worktree,
                                      const std::string& message) {
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  const Checkout checkout = checkout_of(common, worktree);
  refuse_unfinished(checkout);
  const LockFile index = lock_index(common, checkout);
  const Head head = head_of(bare, checkout);
  Scan scan = files_in(bare, checkout, head);
  const git_oid id = write_tree(bare, scan.files, scan.left_out);
  refuse_left_out(scan, worktree);
  Tree tree;
  check(git_tree_lookup(tree.out(), bare.get(), &id), "read the new tree");
  crash_point("commit.staged");
  const auto parents = parents_of_next(bare, checkout, head);
  std::optional<std::string> made;
  if (!is_nothing_new(id, parents, scan)) {
    const git_oid commit = commit_tree(bare, tree, parents, message);
    move_to(bare, common, checkout, head, commit);
    crash_point("commit.made");
    made = text_of(commit);
  }
  if (scan.staged != scan.files) index.replace(index_holding(common, checkout, tree, true));
  if (made) forget_unfinished(checkout);
  return made;
}

}  // namespace fanout::git
