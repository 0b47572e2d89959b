#include <set>

#include "server/git/conflicts.hpp"
#include "server/git/git.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

namespace {

git_oid write_commit(const Repository& repository, const Tip& tip, Index& merged, const Commit& ours,
                     const Commit& theirs) {
  const git_oid tree_id = write_index(repository, merged, tip.name);
  Tree tree;
  check(git_tree_lookup(tree.out(), repository.get(), &tree_id), "write the merge of " + tip.name);
  const Signature who = identity(repository);
  const git_commit* parents[] = {ours.get(), theirs.get()};
  const std::string message = "Merge " + tip.name + "\n";
  git_oid id;
  const auto create = [&] {
    return git_commit_create(&id, repository.get(), nullptr, who.get(), who.get(), nullptr, message.c_str(), tree.get(),
                             2, parents);
  };
  check_stored(create, "commit the merge of " + tip.name);
  return id;
}

std::variant<git_oid, MergeConflict> merge_one(const Repository& repository, const git_oid& start,
                                               const Tip& tip) {
  const git_oid theirs_id = parse_id(tip.commit);
  const Commit theirs = find_commit(repository, theirs_id);
  if (holds(repository, start, theirs_id)) return start;
  if (holds(repository, theirs_id, start)) return theirs_id;
  refuse_unrelated(repository, start, theirs_id, tip.name);
  const Commit ours = find_commit(repository, start);
  Index merged = merged_index(repository, start, theirs_id, tip.name);
  if (git_index_has_conflicts(merged.get())) return MergeConflict{tip.name, conflicting_files(merged)};
  return write_commit(repository, tip, merged, ours, theirs);
}

}  // namespace

git_merge_options merge_options() {
  git_merge_options options = GIT_MERGE_OPTIONS_INIT;
  options.flags = GIT_MERGE_FIND_RENAMES;
  return options;
}

void refuse_unrelated(const Repository& repository, const git_oid& ours, const git_oid& theirs, const std::string& name) {
  git_oid base;
  const int code = git_merge_base(&base, repository.get(), &ours, &theirs);
  if (code == GIT_ENOTFOUND) {
    throw Error(ErrorKind::precondition, name + " cannot be merged: it has no history in common with the rest");
  }
  check(code, "find what " + name + " has in common with the rest");
}

Index merged_index(const Repository& repository, const git_oid& ours, const git_oid& theirs, const std::string& name) {
  const auto options = merge_options();
  Index merged;
  check(git_merge_commits(merged.out(), repository.get(), find_commit(repository, ours).get(),
                          find_commit(repository, theirs).get(), &options),
        "merge " + name);
  return merged;
}

git_oid write_index(const Repository& repository, Index& index, const std::string& name) {
  git_oid tree;
  check_stored([&] { return git_index_write_tree_to(&tree, index.get(), repository.get()); }, "write the merge of " + name);
  return tree;
}

std::vector<std::string> conflicting_files(const Index& index) {
  ConflictIterator iterator;
  check(git_index_conflict_iterator_new(iterator.out(), index.get()), "list the conflicts");
  std::set<std::string> files;
  const git_index_entry *ancestor = nullptr, *ours = nullptr, *theirs = nullptr;
  int code = 0;
  while ((code = git_index_conflict_next(&ancestor, &ours, &theirs, iterator.get())) == 0) {
    for (const auto* entry : {ancestor, ours, theirs}) {
      if (entry) files.insert(entry->path);
    }
  }
  if (code != GIT_ITEROVER) check(code, "list the conflicts");
  return {files.begin(), files.end()};
}

std::variant<std::string, MergeConflict> merge_tips(const fs::path& path, const std::string& base,
                                                    const std::vector<Tip>& tips) {
  const Repository repository = open_repository(path);
  git_oid result = *git_commit_id(find_commit(repository, base).get());
  for (const auto& tip : tips) {
    auto merged = merge_one(repository, result, tip);
    if (auto* conflict = std::get_if<MergeConflict>(&merged)) return std::move(*conflict);
    result = std::get<git_oid>(merged);
  }
  return text_of(result);
}

}  // namespace fanout::git
