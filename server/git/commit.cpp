#include <array>

#include "common/crash_point.hpp"
#include "common/text.hpp"
#include "server/git/conflicts.hpp"
#include "server/git/git.hpp"
#include "server/git/repository.hpp"

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

bool is_in_index(const Index& index, const std::string& path) {
  return git_index_get_bypath(index.get(), path.c_str(), 0) != nullptr;
}

/// libgit2 hands over folders only when they are repositories of their own. A submodule is in the index
/// already; anything else would become a link to a commit that nobody else has.
int skip_nested_repository(const char* path, const char*, void* payload) {
  std::string name(path);
  if (!name.ends_with('/')) return 0;
  name.pop_back();
  return is_in_index(*static_cast<const Index*>(payload), name) ? 0 : 1;
}

void check_lock(int code, const Index& index, const fs::path& worktree) {
  if (code != GIT_ELOCKED) return;
  throw Error(ErrorKind::precondition, "the index of " + worktree.string() +
                                           " is locked: git is at work there, or was killed; if nothing " +
                                           "runs any more, remove " + git_index_path(index.get()) + ".lock");
}

git_oid stage_everything(Index& index, const fs::path& worktree) {
  const std::string doing = "add the files of " + worktree.string();
  check(git_index_add_all(index.get(), nullptr, GIT_INDEX_ADD_DEFAULT, skip_nested_repository, &index),
        doing);
  const int code = git_index_write(index.get());
  check_lock(code, index, worktree);
  check(code, doing);
  git_oid tree;
  check(git_index_write_tree(&tree, index.get()), doing);
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
  check(git_commit_create(&id, repository.get(), "HEAD", who.get(), who.get(), nullptr,
                          clean(message).c_str(), tree.get(), pointers.size(), pointers.data()),
        "commit");
  return text_of(id);
}

}  // namespace

std::optional<std::string> commit_all(const fs::path& worktree, const std::string& message) {
  const Repository repository = open_repository(worktree);
  Index index = open_index(repository);
  refuse_unfinished(repository, index, worktree);
  const git_oid tree = stage_everything(index, worktree);
  crash_point("commit.staged");
  const std::vector<Commit> parents = parents_of_next(repository);
  if (is_nothing_new(tree, parents, index)) return std::nullopt;
  std::string id = commit_tree(repository, tree, parents, message);
  crash_point("commit.made");
  check(git_repository_state_cleanup(repository.get()), "end the merge in " + worktree.string());
  return id;
}

}  // namespace fanout::git
