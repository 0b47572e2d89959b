#include "server/git/merging.hpp"

#include <algorithm>
#include <set>

#include "common/text.hpp"
#include "server/git/conflict_hunks.hpp"
#include "server/git/conflicts.hpp"
#include "server/git/contained.hpp"
#include "server/git/repository.hpp"
#include "server/git/scan.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kMostCommits = 10'000;
constexpr std::size_t kMostNamed = 5;

Tree find_tree(const Repository& repository, const git_oid& id) {
  Tree tree;
  check(git_tree_lookup(tree.out(), repository.get(), &id), "read a tree");
  return tree;
}

/// What a commit is made of, beside its files.
struct Draft {
  const git_signature* author;
  const git_signature* committer;
  const char* encoding = nullptr;
  std::string message;
  std::vector<git_oid> parents;
};

git_oid write_commit(const Repository& repository, const git_oid& tree_id, const Draft& draft) {
  const Tree tree = find_tree(repository, tree_id);
  std::vector<Commit> parents;
  std::vector<const git_commit*> pointers;
  for (const auto& parent : draft.parents) {
    parents.push_back(find_commit(repository, parent));
    pointers.push_back(parents.back().get());
  }
  git_oid id;
  const auto create = [&] {
    return git_commit_create(&id, repository.get(), nullptr, draft.author, draft.committer, draft.encoding,
                             draft.message.c_str(), tree.get(), pointers.size(), pointers.data());
  };
  check_stored(create, "write a commit");
  return id;
}

git_oid tree_id_of(const Repository& repository, const git_oid& commit) {
  return *git_commit_tree_id(find_commit(repository, commit).get());
}

/// The commit that a candidate becomes. One that changes nothing is a merge or none at all.
git_oid bring_in(const Repository& repository, const git_oid& onto, const git_oid& tree, const MergeStep& step) {
  const bool joins = step.method == MergeMethod::merge;
  const git_oid before = tree_id_of(repository, onto);
  if (!joins && git_oid_equal(&before, &tree)) return onto;
  const Signature who = identity(repository);
  Draft draft{who.get(), who.get(), nullptr, step.message, {onto}};
  if (joins) draft.parents.push_back(parse_id(step.head));
  return write_commit(repository, tree, draft);
}

/// What holds `ours` and `theirs`, both with these files.
git_oid join_histories(const Repository& repository, const git_oid& tree, const git_oid& ours, const git_oid& theirs) {
  const Signature who = identity(repository);
  return write_commit(repository, tree, {who.get(), who.get(), nullptr, "what was merged so far\n", {ours, theirs}});
}

/// The commits to replay, oldest first; empty where one of them is a merge.
std::vector<git_oid> linear_commits(const Repository& repository, const git_oid& onto, const MergeStep& step) {
  Revwalk walk;
  check(git_revwalk_new(walk.out(), repository.get()), "list the commits");
  git_revwalk_sorting(walk.get(), GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
  const git_oid head = parse_id(step.head), base = parse_id(step.base);
  check(git_revwalk_push(walk.get(), &head), "list the commits");
  check(git_revwalk_hide(walk.get(), &base), "list the commits");
  check(git_revwalk_hide(walk.get(), &onto), "list the commits");
  std::vector<git_oid> commits;
  git_oid id;
  while (git_revwalk_next(&id, walk.get()) == 0) {
    if (git_commit_parentcount(find_commit(repository, id).get()) != 1 || commits.size() == kMostCommits) return {};
    commits.push_back(id);
  }
  return commits;
}

std::string described(const Commit& commit) {
  const char* summary = git_commit_summary(commit.get());
  return text_of(*git_commit_id(commit.get())).substr(0, 7) + " " + (summary ? summary : "");
}

/// Each commit upon the one before, as `git rebase` does; one whose change is there already is left out.
std::variant<git_oid, StepConflict> replay(const Repository& repository, git_oid onto, const std::vector<git_oid>& commits,
                                           const std::string& name) {
  const Signature who = identity(repository);
  const auto options = merge_options();
  for (const auto& id : commits) {
    const Commit commit = find_commit(repository, id);
    Index index;
    check(git_cherrypick_commit(index.out(), repository.get(), commit.get(), find_commit(repository, onto).get(), 0, &options),
          "replay " + name);
    if (git_index_has_conflicts(index.get())) return StepConflict{describe_conflicts(repository, index), described(commit)};
    const git_oid tree = write_index(repository, index, name), before = tree_id_of(repository, onto);
    if (git_oid_equal(&tree, &before)) continue;
    const char* message = git_commit_message_raw(commit.get());
    onto = write_commit(repository, tree, {git_commit_author(commit.get()), who.get(), git_commit_message_encoding(commit.get()),
                                           message ? message : "", {onto}});
  }
  return onto;
}

/// One of `all`, or a folder that one of them lies in.
bool meets(const std::vector<std::string>& all, const std::string& path) {
  const auto at = std::lower_bound(all.begin(), all.end(), path);
  if (at != all.end() && *at == path) return true;
  const auto below = std::lower_bound(all.begin(), all.end(), path + "/");
  return below != all.end() && below->starts_with(path + "/");
}

bool any_meets(const std::vector<std::string>& some, const std::vector<std::string>& all) {
  return std::any_of(some.begin(), some.end(), [&](const auto& path) { return meets(all, path); });
}

}  // namespace

std::vector<FileConflict> conflicts_between(const fs::path& path, const std::string& ours, const std::string& theirs) {
  const Repository repository = open_repository(path);
  const git_oid ours_id = parse_id(ours), theirs_id = parse_id(theirs);
  refuse_unrelated(repository, ours_id, theirs_id, theirs.substr(0, 7));
  const Index merged = merged_index(repository, ours_id, theirs_id, theirs.substr(0, 7));
  return git_index_has_conflicts(merged.get()) ? describe_conflicts(repository, merged) : std::vector<FileConflict>{};
}

std::string names_of(const std::vector<FileConflict>& conflicts) {
  std::vector<std::string> names;
  for (const auto& conflict : conflicts) {
    if (names.size() == kMostNamed) break;
    names.push_back(printable(conflict.path));
  }
  const auto more = conflicts.size() - names.size();
  return join(names, ", ") + (more > 0 ? " and " + std::to_string(more) + " more" : "");
}

std::vector<std::string> touched_files(const fs::path& path, const std::string& from, const std::string& to) {
  const Repository repository = open_repository(path);
  const Tree before = tree_of(find_commit(repository, from)), after = tree_of(find_commit(repository, to));
  Diff diff;
  check(git_diff_tree_to_tree(diff.out(), repository.get(), before.get(), after.get(), nullptr), "compare two commits");
  std::set<std::string> paths;
  for (std::size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const auto* delta = git_diff_get_delta(diff.get(), i);
    paths.insert(delta->old_file.path);
    paths.insert(delta->new_file.path);
  }
  return {paths.begin(), paths.end()};
}

bool may_collide(const std::vector<std::string>& one, const std::vector<std::string>& other) {
  return any_meets(one, other) || any_meets(other, one);
}

std::variant<Candidate, StepConflict> merge_onto(const fs::path& path, const Candidate& onto, const MergeStep& step) {
  const Repository repository = open_repository(path);
  const git_oid commit = parse_id(onto.commit), history = parse_id(onto.history), head = parse_id(step.head);
  if (holds(repository, history, head)) return onto;
  refuse_unrelated(repository, history, head, step.name);
  const auto commits = step.method == MergeMethod::rebase ? linear_commits(repository, commit, step) : std::vector<git_oid>{};
  if (!commits.empty()) {
    const auto replayed = replay(repository, commit, commits, step.name);
    if (const auto* conflict = std::get_if<StepConflict>(&replayed)) return *conflict;
    const auto tip = std::get<git_oid>(replayed);
    return Candidate{text_of(tip), text_of(join_histories(repository, tree_id_of(repository, tip), history, head))};
  }
  Index index = merged_index(repository, history, head, step.name);
  if (git_index_has_conflicts(index.get())) return StepConflict{describe_conflicts(repository, index), ""};
  const git_oid tree = write_index(repository, index, step.name);
  const git_oid tip = bring_in(repository, commit, tree, step);
  const bool is_history = step.method == MergeMethod::merge && onto.commit == onto.history;
  return Candidate{text_of(tip), text_of(is_history ? tip : join_histories(repository, tree, history, head))};
}

Candidate with_history(const fs::path& path, const Candidate& candidate, const std::string& head) {
  const Repository repository = open_repository(path);
  const git_oid history = parse_id(candidate.history), added = parse_id(head);
  if (holds(repository, history, added)) return candidate;
  const git_oid tree = tree_id_of(repository, history);
  return {candidate.commit, text_of(join_histories(repository, tree, history, added))};
}

std::optional<std::string> contained_in(const fs::path& path, const std::string& tip, const std::string& name,
                                        const std::string& commit, const std::string& base, std::stop_token stop) {
  const Repository bare = open_for_comparison(common_folder(open_repository(path)));
  const auto base_id = base.empty() ? std::nullopt : std::optional(parse_id(base));
  return Target(bare, name, parse_id(tip), std::move(stop)).proof_of(parse_id(commit), base_id);
}

std::string present_state(const fs::path& path, const fs::path& worktree, std::stop_token stop) {
  const fs::path common = common_folder(open_repository(path));
  const Repository bare = open_bare(common);
  const Checkout checkout = checkout_of(common, worktree);
  const auto head = head_of(bare, checkout).commit;
  if (!head) throw Error(ErrorKind::precondition, worktree.string() + " has no commit");
  Scan scan = scan_worktree(bare, checkout, files_of(tree_of(find_commit(bare, *head))), Contents::stored, std::move(stop));
  const git_oid tree = write_tree(bare, scan.files, scan.left_out);
  const git_oid committed = tree_id_of(bare, *head);
  if (git_oid_equal(&tree, &committed)) return text_of(*head);
  Signature nobody;  // and at no time: the same files give the same commit
  check(git_signature_new(nobody.out(), "Fanout", "fanout@localhost", 0, 0), "make a signature");
  return text_of(write_commit(bare, tree, {nobody.get(), nobody.get(), nullptr, "as it is just now\n", {*head}}));
}

}  // namespace fanout::git
