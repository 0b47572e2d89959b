#include "common/crash_point.hpp"
#include "common/text.hpp"
#include "server/git/conflicts.hpp"
#include "server/git/fresh_index.hpp"
#include "server/git/git.hpp"
#include "server/git/head.hpp"
#include "server/git/scan.hpp"
#include "server/git/undo.hpp"

namespace fanout::git {

namespace {

/// Where it all happens.
struct Place {
  fs::path common;
  Repository bare;
  Checkout checkout;
};

FileMap files_at(const Repository& bare, const git_oid& commit) { return files_of(tree_of(find_commit(bare, commit))); }

git_oid head_at(const Place& place) {
  const auto head = head_of(place.bare, place.checkout).commit;
  if (head) return *head;
  throw Error(ErrorKind::precondition, "cannot rebase " + place.checkout.folder.string() + ": it has no commit");
}

std::size_t count_changes(const FileMap& head, const Scan& scan) {
  const auto is_as_head = [&](const FileMap& files, const std::string& path, const FileEntry& entry) {
    const auto found = files.find(path);
    return found != files.end() && found->second == entry;
  };
  std::size_t count = 0;
  for (const auto& [path, entry] : head) {
    count += is_as_head(scan.files, path, entry) && is_as_head(scan.staged, path, entry) ? 0 : 1;
  }
  for (const auto& [path, entry] : scan.staged) count += head.contains(path) ? 0 : 1;
  return count;
}

/// Untracked files do no harm, unless one is in the way.
void refuse_dirty(const Place& place, const git_oid& head) {
  const auto name = place.checkout.folder.string();
  if (!unfinished_in(place.checkout).empty()) {
    throw Error(ErrorKind::precondition, "cannot rebase " + name + ": a merge, rebase or the like is unfinished there");
  }
  const FileMap files = files_at(place.bare, head);
  const Scan scan = scan_worktree(place.bare, place.checkout, files, Contents::named, {});
  const auto count = count_changes(files, scan);
  if (count == 0) return;
  throw Error(ErrorKind::precondition,
              "cannot rebase " + name + ": " + counted(count, "uncommitted change") + "; commit first");
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

/// What is under way in a worktree: from the commit it has to the one it is to have. In the worktree's own git folder.
struct Move {
  git_oid from, to;
};
constexpr const char* kMoveFile = "fanout-rebase";
constexpr std::size_t kMoveSize = 2 * GIT_OID_HEXSZ + 2;

std::optional<Move> noted_move(const Place& place) {
  const auto text = read_regular(place.checkout.admin / kMoveFile, 2 * kMoveSize).value_or("");
  Move move;
  const bool known = text.size() >= kMoveSize - 1 && git_oid_fromstrn(&move.from, text.data(), GIT_OID_HEXSZ) == 0 &&
                     git_oid_fromstrn(&move.to, text.data() + GIT_OID_HEXSZ + 1, GIT_OID_HEXSZ) == 0;
  return known ? std::optional(move) : std::nullopt;
}

void note_move(const Place& place, const Move& move) {
  LockFile(place.common, place.checkout.admin / kMoveFile, std::chrono::milliseconds(1000))
      .replace(text_of(move.from) + " " + text_of(move.to) + "\n");
}

void forget_move(const Place& place) {
  std::error_code ignored;
  fs::remove(place.checkout.admin / kMoveFile, ignored);
}

UndoPlan plan_of(const Place& place, const git_oid& from, const git_oid& to) {
  return {place.common, place.checkout, files_at(place.bare, from), files_at(place.bare, to)};
}

void put_index(const Place& place, const LockFile& index, const git_oid& commit) {
  index.replace(index_holding(place.common, place.checkout, tree_of(find_commit(place.bare, commit))));
}

/// Writes the files and moves the branch. Cut off at any point and called again, it finishes.
void carry_out(const Place& place, const LockFile& index, const Move& move) {
  put_files(plan_of(place, move.from, move.to));
  crash_point("rebase.checked-out");
  if (!move_head(place.bare, place.common, place.checkout, move.to, move.from, "rebase: by Fanout")) {
    put_files(plan_of(place, move.to, move.from));
    forget_move(place);
    throw Error(ErrorKind::precondition, "something else moved the branch of " + place.checkout.folder.string() +
                                             " during the rebase; end what is at work there and try again");
  }
  crash_point("rebase.moved");
  put_index(place, index, move.to);
  forget_move(place);
}

/// What a process of ours that died has left half done.
void finish_noted(const Place& place, const LockFile& index) {
  const auto move = noted_move(place);
  const git_oid head = head_at(place);
  if (move && git_oid_equal(&move->from, &head)) return carry_out(place, index, *move);
  if (move && git_oid_equal(&move->to, &head)) put_index(place, index, head);
  forget_move(place);
}

}  // namespace

std::variant<std::string, MergeConflict> rebase(const fs::path& repository, const fs::path& worktree,
                                                const std::string& onto, const std::string& from) {
  const fs::path common = common_folder(open_repository(repository));
  const Place place{common, open_bare(common), checkout_of(common, worktree)};
  const git_oid onto_id = *git_commit_id(find_commit(place.bare, onto).get());
  const LockFile index = lock_index(common, place.checkout);
  finish_noted(place, index);
  const git_oid head = head_at(place);
  refuse_dirty(place, head);
  if (holds(place.bare, head, onto_id)) return text_of(head);
  const git_oid from_id = from.empty() ? onto_id : *git_commit_id(find_commit(place.bare, from).get());
  auto replayed = Replay(place.bare, head, onto_id, from_id).run();
  if (auto* conflict = std::get_if<MergeConflict>(&replayed)) return std::move(*conflict);
  const Move move{head, std::get<git_oid>(replayed)};
  refuse_obstacles(plan_of(place, move.from, move.to));
  note_move(place, move);
  crash_point("rebase.noted");
  carry_out(place, index, move);
  return text_of(move.to);
}

}  // namespace fanout::git
