#include <array>

#include "common/crash_point.hpp"
#include "common/text.hpp"
#include "server/git/conflicts.hpp"
#include "server/git/git.hpp"
#include "server/git/repository.hpp"
#include "server/git/scan.hpp"

namespace fanout::git {

namespace {

Index open_index(const Repository& repository) {
  Index index;
  check(git_repository_index(index.out(), repository.get()), "open the index");
  // The handle may have been made before an agent's last change.
  check(git_index_read(index.get(), true), "read the index");
  return index;
}

/// A rebase left half done has its own idea of what comes next, and conflicts are for a person to solve.
void refuse_unfinished(const Repository& repository, const Index& index, const fs::path& worktree) {
  const int state = git_repository_state(repository.get());
  const bool rebasing = state == GIT_REPOSITORY_STATE_REBASE ||
                        state == GIT_REPOSITORY_STATE_REBASE_INTERACTIVE ||
                        state == GIT_REPOSITORY_STATE_REBASE_MERGE;
  if (rebasing) {
    throw Error(ErrorKind::precondition, "a rebase is unfinished in " + worktree.string() +
                                             "; end it with: git rebase --continue, or --abort");
  }
  if (!git_index_has_conflicts(index.get())) return;
  throw Error(ErrorKind::precondition, "there are unsolved conflicts in " + worktree.string() + ": " +
                                           join(conflicting_files(index), ", "));
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

/// Where a submodule's own HEAD is; empty: it has none yet.
std::optional<git_oid> head_of_submodule(const fs::path& folder) {
  Repository inner;
  git_oid id;
  if (git_repository_open(inner.out(), folder.c_str()) != 0) return std::nullopt;
  if (git_reference_name_to_id(&id, inner.get(), "HEAD") != 0) return std::nullopt;
  return id;
}

/// What lies in the worktree. libgit2's own reading of ignore files drops what a `!name` in a folder keeps.
FileMap files_in(const Repository& repository, const fs::path& worktree) {
  const fs::path common = common_folder(repository);
  const Checkout checkout{place(worktree), git_folder(repository), false};
  Scan scan = scan_worktree(open_bare(common), checkout, {}, Contents::stored, {});
  refuse_left_out(scan, worktree);
  for (const auto& path : scan.submodules) {
    if (const auto id = head_of_submodule(worktree / path)) scan.files[path].id = *id;
  }
  return std::move(scan.files);
}

FileMap entries_of(const Index& index) {
  FileMap entries;
  for (std::size_t i = 0; i < git_index_entrycount(index.get()); ++i) {
    const git_index_entry* entry = git_index_get_byindex(index.get(), i);
    entries[entry->path] = {static_cast<git_filemode_t>(entry->mode), entry->id};
  }
  return entries;
}

/// Only what differs is touched: what git knows of the other files' times stays true.
void make_equal(Index& index, const FileMap& files, const std::string& doing) {
  const FileMap before = entries_of(index);
  for (const auto& [path, _] : before) {
    if (!files.contains(path)) check(git_index_remove(index.get(), path.c_str(), 0), doing);
  }
  for (const auto& [path, file] : files) {
    const auto known = before.find(path);
    if (known != before.end() && known->second == file) continue;
    git_index_entry entry = {};
    entry.path = path.c_str();
    entry.mode = file.mode;
    entry.id = file.id;
    check(git_index_add(index.get(), &entry), doing);
  }
}

void check_lock(int code, const Index& index, const fs::path& worktree) {
  if (code != GIT_ELOCKED) return;
  throw Error(ErrorKind::precondition, "the index of " + worktree.string() +
                                           " is locked: git is at work there, or was killed; if nothing " +
                                           "runs any more, remove " + git_index_path(index.get()) + ".lock");
}

git_oid stage_everything(const Repository& repository, Index& index, const fs::path& worktree) {
  const std::string doing = "add the files of " + worktree.string();
  make_equal(index, files_in(repository, worktree), doing);
  const int code = git_index_write(index.get());
  check_lock(code, index, worktree);
  check(code, doing);
  git_oid tree;
  check_stored([&] { return git_index_write_tree(&tree, index.get()); }, doing);
  return tree;
}

int add_merge_head(const git_oid* id, void* payload) {
  static_cast<std::vector<git_oid>*>(payload)->push_back(*id);
  return 0;
}

/// HEAD, and what a merge that waits to be committed adds to it.
std::vector<Commit> parents_of_next(const Repository& repository) {
  std::vector<git_oid> ids;
  git_oid head;
  const int code = git_reference_name_to_id(&head, repository.get(), "HEAD");
  if (code == 0) ids.push_back(head);
  if (code != GIT_ENOTFOUND) check(code, "read HEAD");
  const int merging = git_repository_mergehead_foreach(repository.get(), add_merge_head, &ids);
  if (merging != GIT_ENOTFOUND) check(merging, "read MERGE_HEAD");
  std::vector<Commit> parents;
  for (const auto& id : ids) parents.push_back(find_commit(repository, id));
  return parents;
}

bool is_nothing_new(const git_oid& tree, const std::vector<Commit>& parents, const Index& index) {
  if (parents.empty()) return git_index_entrycount(index.get()) == 0;
  return parents.size() == 1 && git_oid_equal(&tree, git_commit_tree_id(parents.front().get()));
}

std::string clean(const std::string& message) {
  Buffer buffer;
  check(git_message_prettify(&buffer.raw, message.c_str(), false, '#'), "read the commit's message");
  return std::string(buffer.raw.ptr, buffer.raw.size);
}

std::string commit_tree(const Repository& repository, const git_oid& tree_id,
                        const std::vector<Commit>& parents, const std::string& message) {
  Tree tree;
  check(git_tree_lookup(tree.out(), repository.get(), &tree_id), "read the new tree");
  std::vector<const git_commit*> pointers;
  for (const auto& parent : parents) pointers.push_back(parent.get());
  const Signature who = identity(repository);
  git_oid id;
  const auto create = [&] {
    return git_commit_create(&id, repository.get(), "HEAD", who.get(), who.get(), nullptr, clean(message).c_str(),
                             tree.get(), pointers.size(), pointers.data());
  };
  check_stored(create, "commit");
  return text_of(id);
}

}  // namespace

std::optional<std::string> commit_all(const fs::path& worktree, const std::string& message) {
  const Repository repository = open_repository(worktree);
  Index index = open_index(repository);
  refuse_unfinished(repository, index, worktree);
  const git_oid tree = stage_everything(repository, index, worktree);
  crash_point("commit.staged");
  const std::vector<Commit> parents = parents_of_next(repository);
  if (is_nothing_new(tree, parents, index)) return std::nullopt;
  std::string id = commit_tree(repository, tree, parents, message);
  crash_point("commit.made");
  check(git_repository_state_cleanup(repository.get()), "end the merge in " + worktree.string());
  return id;
}

}  // namespace fanout::git
