#include "server/git/checkout_move.hpp"
#include "server/git/conflicts.hpp"
#include "server/git/fresh_index.hpp"
#include "server/git/git.hpp"

namespace fanout::git {

namespace {

AnnotatedCommit annotated(const Repository& repository, const git_oid& id) {
  AnnotatedCommit commit;
  check(git_annotated_commit_lookup(commit.out(), repository.get(), &id), "find commit " + text_of(id));
  return commit;
}

/// Replays in memory: until the last moment neither worktree nor branch knows of it, so that a conflict,
/// or the death of this process, leaves nothing to be put back.
class Replay {
 public:
  Replay(const Repository& repository, const git_oid& head, const git_oid& onto, const git_oid& from)
      : repository_(&repository), who_(identity(repository)), last_(onto) {
    git_rebase_options options = GIT_REBASE_OPTIONS_INIT;
    options.inmemory = true;
    options.merge_options.flags = GIT_MERGE_FIND_RENAMES;
    const AnnotatedCommit branch = annotated(repository, head);
    const AnnotatedCommit upstream = annotated(repository, from), target = annotated(repository, onto);
    check(git_rebase_init(rebase_.out(), repository.get(), branch.get(), upstream.get(), target.get(), &options),
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

constexpr const char* kDoing = "rebase";
constexpr const char* kMessage = "rebase: by Fanout";

}  // namespace

std::variant<std::string, MergeConflict> rebase(const fs::path& repository, const fs::path& worktree,
                                                const std::string& onto, const std::string& from) {
  const Place place = place_of(repository, worktree);
  const git_oid onto_id = *git_commit_id(find_commit(place.bare, onto).get());
  const LockFile index = lock_index(place.common, place.checkout);
  finish_noted(place, index, kMessage);
  const git_oid head = head_at(place, kDoing);
  refuse_dirty(place, head, kDoing);
  if (holds(place.bare, head, onto_id)) return text_of(head);
  const git_oid from_id = from.empty() ? onto_id : *git_commit_id(find_commit(place.bare, from).get());
  auto replayed = Replay(place.bare, head, onto_id, from_id).run();
  if (auto* conflict = std::get_if<MergeConflict>(&replayed)) return std::move(*conflict);
  const git_oid replayed_head = std::get<git_oid>(replayed);
  move_checkout(place, index, {head, replayed_head}, kMessage);
  return text_of(replayed_head);
}

bool is_rebase_unfinished(const fs::path& repository, const fs::path& worktree) {
  return has_noted(place_of(repository, worktree));
}

}  // namespace fanout::git
