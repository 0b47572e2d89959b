#include "server/merging/branches.hpp"

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/git/changes.hpp"
#include "server/merging/wire.hpp"

namespace fanout::merging {

namespace v1 = fanout::v1;

namespace {

constexpr int kMostCommits = 100, kMostFiles = 1000, kMostUncommitted = 100;

void count_files(const std::vector<git::FileDelta>& files, v1::BranchState& state) {
  std::uint32_t added = 0, deleted = 0;
  for (const auto& file : files) {
    added += file.added.value_or(0);
    deleted += file.deleted.value_or(0);
  }
  state.set_file_count(static_cast<std::uint32_t>(files.size()));
  state.set_added(added);
  state.set_deleted(deleted);
}

v1::BranchState::PushState push_state(const v1::Subagent& task, const std::string& tip) {
  if (task.pushed_commit().empty()) return v1::BranchState::PUSH_STATE_NOT_PUSHED;
  return task.pushed_commit() == tip ? v1::BranchState::PUSH_STATE_PUSHED : v1::BranchState::PUSH_STATE_BEHIND;
}

/// What is in its worktree besides, where there still is one.
void look_at_worktree(const v1::Run& run, const v1::Subagent& task, std::stop_token stop, v1::BranchState& state) {
  if (task.worktree().empty() || !git::is_worktree(run.repository(), task.worktree(), task.branch())) return;
  state.set_worktree(task.worktree());
  const auto now = git::present_state(run.repository(), task.worktree(), stop);
  if (now == state.head_commit()) return;
  const auto changes = git::changes_between(run.repository(), state.head_commit(), now, 0);
  state.set_uncommitted_count(static_cast<std::uint32_t>(changes.files.size()));
  add_files(changes.files, kMostUncommitted, *state.mutable_uncommitted());
}

std::string why_not_completed(v1::Phase phase) {
  switch (phase) {
    case v1::PHASE_PENDING: return "it has not begun";
    case v1::PHASE_FAILED: return "it failed";
    case v1::PHASE_BLOCKED: return "it is blocked";
    case v1::PHASE_CANCELLED: return "it was cancelled";
    case v1::PHASE_INTERRUPTED: return "it was interrupted";
    case v1::PHASE_SKIPPED: return "it was skipped";
    case v1::PHASE_COMPLETED: return "its branch is gone";
    default: return "it is under way";
  }
}

void not_ready(v1::BranchState& state, std::string reason) {
  state.set_readiness(v1::BranchState::READINESS_NOT_READY);
  state.set_reason(std::move(reason));
}

void judge(const v1::Run& run, const v1::Subagent& task, const Target& target, std::stop_token stop, v1::BranchState& state) {
  if (task.phase() != v1::PHASE_COMPLETED) return not_ready(state, why_not_completed(task.phase()));
  if (target.branch.empty()) return not_ready(state, "the main checkout is on no branch that it could be merged into");
  const auto proof = git::contained_in(run.repository(), target.tip, target.branch, state.head_commit(), task.base_commit(), stop);
  if (proof) {
    state.set_readiness(v1::BranchState::READINESS_MERGED);
    state.set_reason(*proof);
    return;
  }
  const auto conflicts = conflicts_with_target(run, task, target, stop);
  if (conflicts.empty()) return state.set_readiness(v1::BranchState::READINESS_READY);
  state.set_readiness(v1::BranchState::READINESS_CONFLICT);
  state.set_reason("it conflicts with " + target.branch + " in " + names_of(conflicts));
  *state.mutable_conflicts() = to_wire(conflicts);
}

}  // namespace

Target find_target(const v1::Run& run, const std::string& into) {
  if (!into.empty()) {
    const auto tip = git::branch_tip(run.repository(), into);
    if (!tip) throw Error(ErrorKind::not_found, "there is no branch " + into + " in " + run.repository() + ": make it first (git branch " + into + ")");
    return {into, *tip};
  }
  for (const auto& branch : {run.base(), git::current_branch(run.repository())}) {
    if (branch.empty()) continue;
    if (const auto tip = git::branch_tip(run.repository(), branch)) return {branch, *tip};
  }
  return {};
}

Target require_target(const v1::Run& run, const std::string& into) {
  auto target = find_target(run, into);
  if (!target.branch.empty()) return target;
  throw Error(ErrorKind::precondition, "the main checkout of " + run.repository() + " is on no branch: say into which one (--into BRANCH)");
}

std::string tip_of(const v1::Run& run, const v1::Subagent& task) {
  if (task.branch().empty()) return "";
  return git::branch_tip(run.repository(), task.branch()).value_or("");
}

git::Candidate base_for(const v1::Run& run, const Target& target, const std::vector<std::string>& task_ids, std::stop_token stop) {
  git::Candidate base{target.tip, target.tip};
  for (const auto& id : task_ids) {
    const auto* task = domain::find_subagent(run, id);
    const auto tip = task ? tip_of(run, *task) : "";
    if (tip.empty()) continue;
    const bool there = git::contained_in(run.repository(), target.tip, target.branch, tip, task->base_commit(), stop).has_value();
    if (there) base = git::with_history(run.repository(), base, tip);
  }
  return base;
}

std::vector<git::FileConflict> conflicts_with_target(const v1::Run& run, const v1::Subagent& task, const Target& target,
                                                     std::stop_token stop) {
  const auto tip = tip_of(run, task);
  auto conflicts = git::conflicts_between(run.repository(), target.tip, tip);
  if (conflicts.empty() || task.dependencies().empty()) return conflicts;
  // What it was built upon may be there as other commits.
  const std::vector<std::string> needs(task.dependencies().begin(), task.dependencies().end());
  return git::conflicts_between(run.repository(), base_for(run, target, needs, stop).history, tip);
}

v1::BranchState state_of(const v1::Run& run, const v1::Subagent& task, const Target& target, bool with_files,
                         std::stop_token stop) {
  v1::BranchState state;
  state.set_task_id(task.task_id());
  state.set_into(target.branch);
  state.set_into_commit(target.tip);
  const auto tip = tip_of(run, task);
  if (tip.empty()) {
    not_ready(state, why_not_completed(task.branch().empty() ? task.phase() : v1::PHASE_COMPLETED));
    return state;
  }
  state.set_branch(task.branch());
  state.set_base_commit(task.base_commit());
  state.set_head_commit(tip);
  const auto branch = git::summarise_branch(run.repository(), task.base_commit(), task.branch());
  state.set_commit_count(static_cast<std::uint32_t>(branch.commits.size()));
  add_commits(branch.commits, kMostCommits, *state.mutable_commits());
  count_files(branch.files, state);
  if (with_files) add_files(branch.files, kMostFiles, *state.mutable_files());
  state.set_push(push_state(task, tip));
  look_at_worktree(run, task, stop, state);
  judge(run, task, target, stop, state);
  return state;
}

}  // namespace fanout::merging
