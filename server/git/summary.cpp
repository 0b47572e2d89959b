#include "server/git/changes.hpp"
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

Diff difference(const Repository& repository, const git_oid& base, const git_oid& head, std::uint32_t context = 0) {
  const Tree old_tree = tree_of(find_commit(repository, base));
  const Tree new_tree = tree_of(find_commit(repository, head));
  git_diff_options options = GIT_DIFF_OPTIONS_INIT;
  options.context_lines = context;
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

/// Stops the printing once there is enough.
struct PatchText {
  std::string text;
  std::size_t most;
  static int add(const git_diff_delta*, const git_diff_hunk*, const git_diff_line* line, void* self) {
    auto& patch = *static_cast<PatchText*>(self);
    const bool marked = line->origin == GIT_DIFF_LINE_ADDITION || line->origin == GIT_DIFF_LINE_DELETION ||
                        line->origin == GIT_DIFF_LINE_CONTEXT;
    if (marked) patch.text += line->origin;
    patch.text.append(line->content, line->content_len);
    return patch.text.size() > patch.most ? GIT_EUSER : 0;
  }
};

}  // namespace

Changes changes_between(const fs::path& path, const std::string& from, const std::string& to, std::size_t most) {
  constexpr std::uint32_t kContext = 3;
  const Repository repository = open_repository(path);
  const auto diff = difference(repository, parse_id(from), parse_id(to), kContext);
  Changes changes{changed_files(diff), {}, false};
  if (most == 0) return changes;
  PatchText patch{{}, most};
  const int code = git_diff_print(diff.get(), GIT_DIFF_FORMAT_PATCH, &PatchText::add, &patch);
  changes.cut = code == GIT_EUSER;
  if (!changes.cut) check(code, "print what changed");
  changes.patch = std::move(patch.text);
  if (changes.cut) changes.patch.resize(changes.patch.rfind('\n', most) == std::string::npos ? most : changes.patch.rfind('\n', most) + 1);
  return changes;
}

GitFolders git_folders(const fs::path& worktree) {
  const Repository repository = open_repository(worktree);
  return {git_folder(repository), common_folder(repository)};
}

BranchSummary summarise_branch(const fs::path& path, const std::string& base, const std::string& branch) {
  const Repository repository = open_repository(path);
  const git_oid base_id = parse_id(base);
  const git_oid head = find_branch(repository, branch);
  return {text_of(head), commits_between(repository, base_id, head),
          changed_files(difference(repository, base_id, head))};
}

}  // namespace fanout::git
