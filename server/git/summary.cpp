#include "server/git/git.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

namespace {

/// Counting lines is the costly part: large files and the far end of very long lists go without.
constexpr git_off_t kLargestCounted = 1024 * 1024;
constexpr std::size_t kMostCounted = 5000;
/// Looking for renames compares each new file with each that is gone.
constexpr std::size_t kMostCompared = 2000;

std::vector<CommitInfo> commits_between(const Repository& repository, const git_oid& base,
                                        const git_oid& head) {
  Revwalk walk;
  check(git_revwalk_new(walk.out(), repository.get()), "list the commits");
  git_revwalk_sorting(walk.get(), GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
  check(git_revwalk_push(walk.get(), &head), "list the commits");
  check(git_revwalk_hide(walk.get(), &base), "list the commits");
  std::vector<CommitInfo> commits;
  git_oid id;
  int code = 0;
  while ((code = git_revwalk_next(&id, walk.get())) == 0) {
    const Commit commit = find_commit(repository, id);
    const char* summary = git_commit_summary(commit.get());
    commits.push_back({text_of(id), summary ? summary : ""});
  }
  if (code != GIT_ITEROVER) check(code, "list the commits");
  return commits;
}

Diff difference(const Repository& repository, const git_oid& base, const git_oid& head) {
  const Tree old_tree = tree_of(find_commit(repository, base));
  const Tree new_tree = tree_of(find_commit(repository, head));
  git_diff_options options = GIT_DIFF_OPTIONS_INIT;
  options.context_lines = 0;
  options.max_size = kLargestCounted;
  Diff diff;
  check(git_diff_tree_to_tree(diff.out(), repository.get(), old_tree.get(), new_tree.get(), &options),
        "compare two commits");
  if (git_diff_num_deltas(diff.get()) > kMostCompared) return diff;
  git_diff_find_options find = GIT_DIFF_FIND_OPTIONS_INIT;
  find.flags = GIT_DIFF_FIND_RENAMES;
  check(git_diff_find_similar(diff.get(), &find), "look for renamed files");
  return diff;
}

FileDelta::Kind kind_of(git_delta_t status) {
  switch (status) {
    case GIT_DELTA_ADDED:
    case GIT_DELTA_COPIED:
      return FileDelta::Kind::added;
    case GIT_DELTA_DELETED:
      return FileDelta::Kind::deleted;
    case GIT_DELTA_RENAMED:
      return FileDelta::Kind::renamed;
    default:  // Between two trees: modified, or of another type.
      return FileDelta::Kind::modified;
  }
}

void count_lines(const Diff& diff, std::size_t number, FileDelta& file) {
  Patch patch;
  check(git_patch_from_diff(patch.out(), diff.get(), number), "compare " + file.path);
  if (!patch || (git_patch_get_delta(patch.get())->flags & GIT_DIFF_FLAG_BINARY)) return;
  std::size_t added = 0, deleted = 0;
  check(git_patch_line_stats(nullptr, &added, &deleted, patch.get()), "count the lines of " + file.path);
  file.added = static_cast<std::uint32_t>(added);
  file.deleted = static_cast<std::uint32_t>(deleted);
}

std::vector<FileDelta> changed_files(const Diff& diff) {
  std::vector<FileDelta> files;
  for (std::size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const git_diff_delta* delta = git_diff_get_delta(diff.get(), i);
    FileDelta& file = files.emplace_back();
    file.kind = kind_of(delta->status);
    file.path = file.kind == FileDelta::Kind::deleted ? delta->old_file.path : delta->new_file.path;
    if (i < kMostCounted) count_lines(diff, i, file);
  }
  return files;
}

}  // namespace

BranchSummary summarise_branch(const fs::path& path, const std::string& base, const std::string& branch) {
  const Repository repository = open_repository(path);
  const git_oid base_id = parse_id(base);
  const git_oid head = find_branch(repository, branch);
  return {text_of(head), commits_between(repository, base_id, head),
          changed_files(difference(repository, base_id, head))};
}

}  // namespace fanout::git
