#include "server/git/fresh_index.hpp"
#include "server/git/git.hpp"
#include "server/git/head.hpp"
#include "server/git/lock_file.hpp"
#include "server/git/refs.hpp"
#include "server/git/snapshot.hpp"
#include "server/git/snapshot_refs.hpp"
#include "server/git/undo.hpp"

namespace fanout::git {

namespace {

using std::chrono::milliseconds;

Snapshot wanted_snapshot(const SnapshotRefs& refs, unsigned number, const std::string& task) {
  auto found = refs.find(number);
  if (found) return std::move(*found);
  const auto last = refs.last();
  throw Error(ErrorKind::not_found,
              "task " + task + " has no snapshot " + std::to_string(number) +
                  (last ? "; the last one is " + std::to_string(last->number) : ": none was taken"));
}

void refuse_elsewhere(const Repository& bare, const fs::path& common, const Checkout& here,
                      const std::string& branch) {
  for (const auto& other : checkouts(common)) {
    if (other.admin == here.admin || head_of(bare, other).branch != branch) continue;
    throw Error(ErrorKind::precondition,
                "branch " + branch + " is checked out in " + other.folder.string() + " and cannot be moved");
  }
}

std::optional<git_oid> tip_of(const Repository& bare, const std::string& branch) {
  git_oid id;
  const int code = git_reference_name_to_id(&id, bare.get(), ("refs/heads/" + branch).c_str());
  if (code == GIT_ENOTFOUND) return std::nullopt;
  check(code, "read branch " + branch);
  return id;
}

/// The commits of a branch that is moved stay reachable by the snapshots, or it is not moved.
void refuse_moved(const Repository& bare, const SnapshotRefs& refs, const std::string& branch,
                  const git_oid& tip) {
  for (const unsigned number : refs.numbers()) {
    const auto snapshot = refs.find(number);
    if (snapshot && holds(bare, parse_id(snapshot->commit), tip)) return;
  }
  throw Error(ErrorKind::precondition, "branch " + branch + " was moved by somebody else, to " +
                                           text_of(tip).substr(0, 7) +
                                           ", which no snapshot of the task holds");
}

void move_branch(const Repository& bare, const fs::path& common, const std::string& branch,
                 const std::optional<git_oid>& tip, const git_oid& target) {
  if (move_ref(bare, common, "refs/heads/" + branch, target, tip.value_or(git_oid{}), "fanout: undo")) return;
  throw Error(ErrorKind::precondition, "branch " + branch + " was moved at the same time; try again");
}

}  // namespace

Restored restore_snapshot(const fs::path& repository, const fs::path& worktree, const std::string& branch,
                          const std::string& run, const std::string& task, unsigned number) {
  if (!is_branch_name(branch)) throw Error(ErrorKind::invalid_input, "\"" + branch + "\" is no branch");
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  const SnapshotRefs refs(bare, run, task);
  const Snapshot target = wanted_snapshot(refs, number, task);
  const Checkout checkout = checkout_of(common, worktree);
  refuse_elsewhere(bare, common, checkout, branch);
  const LockFile index(common, checkout.admin / "index", milliseconds(0));
  const auto taken =
      take_snapshot(repository, worktree, run, task, "before undo to " + std::to_string(number));
  const Snapshot safety = taken ? *taken : refs.last().value_or(target);
  const auto tip = tip_of(bare, branch);
  if (tip) refuse_moved(bare, refs, branch, *tip);
  UndoPlan plan{common, checkout, files_of(tree_of(find_commit(bare, safety.commit))),
                files_of(tree_of(find_commit(bare, target.commit)))};
  refuse_obstacles(plan);
  put_files(plan);
  if (target.parent.empty()) return {safety.number, tip ? text_of(*tip) : ""};
  const git_oid parent = parse_id(target.parent);
  move_branch(bare, common, branch, tip, parent);
  attach_head(bare, common, checkout, branch);
  index.replace(index_holding(common, checkout, tree_of(find_commit(bare, parent))));
  forget_unfinished(checkout);
  return {safety.number, target.parent};
}

}  // namespace fanout::git
