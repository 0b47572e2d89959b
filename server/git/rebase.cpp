#include "common/crash_point.hpp"
#include "common/text.hpp"
#include "server/git/conflicts.hpp"
#include "server/git/files.hpp"
#include "server/git/git.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

namespace {

void refuse_dirty(const Repository& repository, const fs::path& worktree) {
  if (git_repository_state(repository.get()) != GIT_REPOSITORY_STATE_NONE) {
    throw Error(ErrorKind::precondition,
                "cannot rebase " + worktree.string() + ": a merge, rebase or the like is unfinished there");
  }
  git_status_options options = GIT_STATUS_OPTIONS_INIT;
  options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
  options.flags = 0;  // Untracked files do no harm; where one is in the way the checkout says so.
  StatusList changes;
  check(git_status_list_new(changes.out(), repository.get(), &options),
        "read the status of " + worktree.string());
  const std::size_t count = git_status_list_entrycount(changes.get());
  if (count == 0) return;
  throw Error(ErrorKind::precondition, "cannot rebase " + worktree.string() + ": " +
                                           counted(count, "uncommitted change") + "; commit first");
}

AnnotatedCommit annotated(const Repository& repository, const git_oid& id) {
  AnnotatedCommit commit;
  check(git_annotated_commit_lookup(commit.out(), repository.get(), &id), "find commit " + text_of(id));
  return commit;
}

/// Replays in memory: until the last moment neither worktree nor branch knows of it, so that a conflict,
/// or the death of this process, leaves nothing to be put back.
class Replay {
 public:
  Replay(const Repository& repository, const git_oid& head, const git_oid& onto)
      : repository_(&repository), who_(identity(repository)), last_(onto) {
    git_rebase_options options = GIT_REBASE_OPTIONS_INIT;
    options.inmemory = true;
    options.merge_options.flags = GIT_MERGE_FIND_RENAMES;
    const AnnotatedCommit branch = annotated(repository, head);
    const AnnotatedCommit upstream = annotated(repository, onto);
    check(git_rebase_init(rebase_.out(), repository.get(), branch.get(), upstream.get(), nullptr, &options),
          "begin the rebase");
  }

  std::variant<git_oid, MergeConflict> run() {
    git_rebase_operation* operation = nullptr;
    int code = 0;
    while ((code = git_rebase_next(&operation, rebase_.get())) == 0) {
      if (auto conflict = commit(operation->id)) return std::move(*conflict);
    }
    if (code != GIT_ITEROVER) check(code, "rebase");
    return last_;
  }

 private:
  MergeConflict conflict_with(const git_oid& original, const Index& index) const {
    const Commit commit = find_commit(*repository_, original);
    const char* summary = git_commit_summary(commit.get());
    return {text_of(original).substr(0, 7) + " " + (summary ? summary : ""), conflicting_files(index)};
  }

  std::optional<MergeConflict> commit(const git_oid& original) {
    Index index;
    check(git_rebase_inmemory_index(index.out(), rebase_.get()), "rebase");
    if (git_index_has_conflicts(index.get())) return conflict_with(original, index);
    git_oid id;
    const int code = git_rebase_commit(&id, rebase_.get(), nullptr, who_.get(), nullptr, nullptr);
    if (code == GIT_EAPPLIED) return std::nullopt;  // The other side has the same change already.
    check(code, "rebase commit " + text_of(original));
    last_ = id;
    return std::nullopt;
  }

  const Repository* repository_;
  Signature who_;
  git_oid last_;
  Rebase rebase_;
};

void check_out(const Repository& repository, const git_oid& id, unsigned strategy) {
  git_checkout_options options = GIT_CHECKOUT_OPTIONS_INIT;
  options.checkout_strategy = strategy;
  const Commit commit = find_commit(repository, id);
  check(git_checkout_tree(repository.get(), reinterpret_cast<const git_object*>(commit.get()), &options),
        "check out the rebased commits");
}

/// Moves what HEAD stands for, the branch or HEAD itself, provided that nobody has moved it meanwhile.
void move_head(const Repository& repository, const git_oid& from, const git_oid& to) {
  Reference head;
  check(git_repository_head(head.out(), repository.get()), "read HEAD");
  Reference moved;
  check(git_reference_create_matching(moved.out(), repository.get(), git_reference_name(head.get()), &to,
                                      true, &from, "rebase"),
        "move the branch");
}

constexpr const char* kMoveFile = "fanout-rebase";  // in the worktree's own git folder

std::vector<std::string> paths_between(const Repository& repository, const git_oid& from, const git_oid& to) {
  Tree before, after;
  check(git_commit_tree(before.out(), find_commit(repository, from).get()), "read a commit");
  check(git_commit_tree(after.out(), find_commit(repository, to).get()), "read a commit");
  Diff diff;
  check(git_diff_tree_to_tree(diff.out(), repository.get(), before.get(), after.get(), nullptr), "compare commits");
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const auto* delta = git_diff_get_delta(diff.get(), i);
    paths.emplace_back(delta->old_file.path);
    paths.emplace_back(delta->new_file.path);
  }
  return paths;
}

/// A process that died between writing files and moving the branch: those files are put back, no others.
void undo_unfinished(const Repository& repository, const git_oid& head) {
  const fs::path file = git_folder(repository) / kMoveFile;
  const std::string text = read_or_empty(file);
  git_oid from, to;
  const bool known = text.size() >= 81 && git_oid_fromstrn(&from, text.data(), 40) == 0 &&
                     git_oid_fromstrn(&to, text.data() + 41, 40) == 0;
  if (known && git_oid_equal(&from, &head)) {
    auto paths = paths_between(repository, from, to);
    std::vector<char*> pointers;
    for (auto& path : paths) pointers.push_back(path.data());
    git_checkout_options options = GIT_CHECKOUT_OPTIONS_INIT;
    options.checkout_strategy = GIT_CHECKOUT_FORCE | GIT_CHECKOUT_REMOVE_UNTRACKED | GIT_CHECKOUT_DISABLE_PATHSPEC_MATCH;
    options.paths = {pointers.data(), pointers.size()};
    const Commit commit = find_commit(repository, from);
    check(git_checkout_tree(repository.get(), reinterpret_cast<const git_object*>(commit.get()), &options),
          "put the files back");
  }
  std::error_code ignored;
  fs::remove(file, ignored);
}

void finish(const Repository& repository, const git_oid& from, const git_oid& to) {
  const fs::path file = git_folder(repository) / kMoveFile;
  replace_file(file, text_of(from) + " " + text_of(to) + "\n");
  crash_point("rebase.noted");
  check_out(repository, to, GIT_CHECKOUT_SAFE);
  crash_point("rebase.checked-out");
  try {
    move_head(repository, from, to);
  } catch (const Error&) {
    check_out(repository, from, GIT_CHECKOUT_FORCE);
    fs::remove(file);
    throw;
  }
  crash_point("rebase.moved");
  fs::remove(file);
}

}  // namespace

std::variant<std::string, MergeConflict> rebase(const fs::path& worktree, const std::string& onto) {
  const Repository repository = open_repository(worktree);
  const git_oid onto_id = *git_commit_id(find_commit(repository, onto).get());
  git_oid head;
  check(git_reference_name_to_id(&head, repository.get(), "HEAD"), "read HEAD of " + worktree.string());
  undo_unfinished(repository, head);
  refuse_dirty(repository, worktree);
  if (holds(repository, head, onto_id)) return text_of(head);
  auto replayed = Replay(repository, head, onto_id).run();
  if (auto* conflict = std::get_if<MergeConflict>(&replayed)) return std::move(*conflict);
  const git_oid result = std::get<git_oid>(replayed);
  finish(repository, head, result);
  return text_of(result);
}

}  // namespace fanout::git
