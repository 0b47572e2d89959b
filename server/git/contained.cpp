#include "server/git/contained.hpp"

#include <git2/sys/repository.h>

#include <algorithm>

#include "server/git/change_id.hpp"
#include "server/git/checkouts.hpp"
#include "server/git/file_map.hpp"

namespace fanout::git {

namespace {

/// As far back as squashed and rebased commits are looked for.
constexpr std::size_t kMostCommits = 5000;

std::string short_text(const git_oid& id) { return text_of(id).substr(0, 7); }

std::optional<git_oid> merge_base(const Repository& bare, const git_oid& one, const git_oid& other) {
  git_oid base;
  const int code = git_merge_base(&base, bare.get(), &one, &other);
  if (code == GIT_ENOTFOUND) return std::nullopt;
  check(code, "find what two commits have in common");
  return base;
}

git_merge_options merge_options() {
  git_merge_options options = GIT_MERGE_OPTIONS_INIT;
  options.flags = GIT_MERGE_FIND_RENAMES | GIT_MERGE_FAIL_ON_CONFLICT;
  return options;
}

/// Merging lists all files; where somebody made more than fit into the memory this throws.
void refuse_monsters(const Repository& bare, const std::vector<git_oid>& commits) {
  for (const auto& id : commits) files_of(tree_of(find_commit(bare, id)));
}

/// The files of two commits merged; empty when there is a conflict.
std::optional<FileMap> merged_files(const Repository& bare, const git_oid& ours, const git_oid& theirs) {
  if (const auto base = merge_base(bare, ours, theirs)) refuse_monsters(bare, {ours, theirs, *base});
  const git_merge_options options = merge_options();
  Index index;
  const int code = git_merge_commits(index.out(), bare.get(), find_commit(bare, ours).get(),
                                     find_commit(bare, theirs).get(), &options);
  if (code == GIT_EMERGECONFLICT || code == GIT_ECONFLICT) return std::nullopt;
  check(code, "merge two commits in memory");
  if (git_index_has_conflicts(index.get())) return std::nullopt;
  FileMap files;
  for (std::size_t i = 0; i < git_index_entrycount(index.get()); ++i) {
    const git_index_entry* entry = git_index_get_byindex(index.get(), i);
    files[entry->path] = {static_cast<git_filemode_t>(entry->mode), entry->id};
  }
  return files;
}

/// Whether a merge commit is what merging its parents gives, without a change of its own.
bool is_plain_merge(const Repository& bare, const Commit& commit) {
  if (git_commit_parentcount(commit.get()) != 2) return false;
  const git_oid &ours = *git_commit_parent_id(commit.get(), 0),
                &theirs = *git_commit_parent_id(commit.get(), 1);
  if (!merge_base(bare, ours, theirs)) return false;
  const auto files = merged_files(bare, ours, theirs);
  return files && *files == files_of(tree_of(commit));
}

}  // namespace

Repository open_for_comparison(const fs::path& common) {
  Repository bare = open_bare(common);
  Index nothing;
  check(git_index_new(nothing.out()), "make an index in memory");
  check(git_repository_set_index(bare.get(), nothing.get()), "make an index in memory");
  return bare;
}

std::vector<git_oid> commits_of(const Repository& bare, const git_oid& tip, const git_oid& without,
                                std::size_t most) {
  Revwalk walk;
  check(git_revwalk_new(walk.out(), bare.get()), "list the commits");
  check(git_revwalk_push(walk.get(), &tip), "list the commits");
  check(git_revwalk_hide(walk.get(), &without), "list the commits");
  std::vector<git_oid> commits;
  git_oid id;
  int code = 0;
  while (commits.size() < most && (code = git_revwalk_next(&id, walk.get())) == 0) commits.push_back(id);
  if (code != GIT_ITEROVER) check(code, "list the commits");
  return commits;
}

void Target::check_stop() const {
  if (stop_.stop_requested()) throw Error(ErrorKind::cancelled, "was told to stop while it compared commits");
}

bool Target::has(const git_oid& commit) const { return holds(*bare_, tip_, commit); }

std::vector<Target::Found>& Target::changes_since(const git_oid& from) {
  const auto [place, is_new] = changes_.try_emplace(text_of(from));
  if (!is_new) return place->second;
  for (const auto& id : commits_of(*bare_, tip_, from, kMostCommits)) {
    check_stop();
    const Commit commit = find_commit(*bare_, id);
    place->second.push_back(
        {id, change_of(*bare_, commit).outline(), std::nullopt, *git_commit_tree_id(commit.get())});
  }
  return place->second;
}

const Target::Found* Target::find(const git_tree* before, const git_tree* after, const git_oid& from) {
  const Change wanted(*bare_, before, after);
  std::optional<std::string> id;
  for (auto& found : changes_since(from)) {
    check_stop();
    if (found.outline != wanted.outline()) continue;
    if (!id) id = wanted.id();
    if (!found.id) found.id = change_of(*bare_, find_commit(*bare_, found.commit)).id();
    if (id && found.id && *id == *found.id) return &found;
  }
  return nullptr;
}

std::optional<std::string> Target::squash_of(const git_oid& from, const git_oid& commit) {
  const auto common = merge_base(*bare_, tip_, commit);
  const Tree before = tree_of(find_commit(*bare_, from)), after = tree_of(find_commit(*bare_, commit));
  const Found* found = common ? find(before.get(), after.get(), *common) : nullptr;
  if (!found) return std::nullopt;
  return name_ + " has its change as one commit, " + short_text(found->commit);
}

bool Target::has_tree(const git_oid& tree, const git_oid& from) {
  const auto& changes = changes_since(from);
  return std::any_of(changes.begin(), changes.end(),
                     [&](const Found& found) { return git_oid_equal(&found.tree, &tree); });
}

bool Target::merging_changes_nothing(const git_oid& commit) const {
  const auto files = merged_files(*bare_, tip_, commit);
  return files && *files == files_of(tree_of(find_commit(*bare_, tip_)));
}

bool Target::has_change(const Commit& commit, const git_oid& from) {
  if (git_commit_parentcount(commit.get()) > 1) return is_plain_merge(*bare_, commit);
  if (git_commit_parentcount(commit.get()) == 0) return false;
  const Tree before = tree_of(find_commit(*bare_, *git_commit_parent_id(commit.get(), 0)));
  const Tree after = tree_of(commit);
  if (git_oid_equal(git_tree_id(before.get()), git_tree_id(after.get()))) return true;
  return find(before.get(), after.get(), from) != nullptr;
}

bool Target::has_each_change(const std::vector<git_oid>& commits, const git_oid& from) {
  return std::all_of(commits.begin(), commits.end(), [&](const git_oid& id) {
    check_stop();
    return has_change(find_commit(*bare_, id), from);
  });
}

std::optional<std::string> Target::proof_of(const git_oid& commit, const std::optional<git_oid>& base) {
  check_stop();
  if (has(commit)) return name_ + " has its commits";
  const auto common = merge_base(*bare_, tip_, commit);
  if (!common) return std::nullopt;
  const git_oid tree = *git_commit_tree_id(find_commit(*bare_, commit).get());
  // Commits that cancel each other out leave nothing that could be found again.
  const bool cancels = git_oid_equal(&tree, git_commit_tree_id(find_commit(*bare_, *common).get()));
  if (!cancels) {
    if (has_tree(tree, *common)) return name_ + " had the very same files";
    if (merging_changes_nothing(commit)) return "merging it into " + name_ + " would change nothing";
    if (auto found = squash_of(*common, commit)) return found;
  }
  const auto commits = commits_of(*bare_, commit, tip_, kMostCommits);
  if (commits.size() < kMostCommits && has_each_change(commits, *common)) {
    return name_ + " has each of its changes under another commit";
  }
  if (!base || !holds(*bare_, commit, *base) || git_oid_equal(&*base, &commit)) return std::nullopt;
  const git_oid* base_tree = git_commit_tree_id(find_commit(*bare_, *base).get());
  if (git_oid_equal(base_tree, &tree)) return std::nullopt;
  if (has(*base) || !proof_of(*base, std::nullopt)) return std::nullopt;
  return squash_of(*base, commit);
}

}  // namespace fanout::git
