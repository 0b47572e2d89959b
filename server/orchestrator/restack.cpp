// The part of Run that moves a branch from what it was stacked on to where that was merged.
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/git/snapshot.hpp"
#include "server/orchestrator/run.hpp"

namespace fanout::orchestrator {

namespace v1 = fanout::v1;

namespace {

constexpr std::chrono::minutes kNetworkTimeout{5};

/// What is moved, and from where.
struct Branch {
  std::string run, task, repository, remote, worktree, branch, start, pushed;
  git::Access access;
};

struct Moved {
  std::string head, base;
  std::optional<git::Snapshot> snapshot;
};

[[noreturn]] void refuse(const Branch& branch, const std::string& base, const std::string& why) {
  throw Error(ErrorKind::precondition, branch.branch + " stays on its dependency's commits, and its pull request goes into " +
                                           base + " only by hand: " + why);
}

/// BLOCKS.
Moved move(const Branch& branch, const std::string& base, std::stop_token stop) {
  if (!git::is_worktree(branch.repository, branch.worktree, branch.branch)) {
    refuse(branch, base, "its worktree " + branch.worktree + " is gone");
  }
  Moved moved;
  const auto onto = git::fetch(branch.repository, branch.remote, base, stop, branch.access);
  if (!onto) refuse(branch, base, branch.remote + " has no branch " + base);
  moved.base = *onto;
  moved.snapshot = git::take_snapshot(branch.repository, branch.worktree, branch.run, branch.task, "before the rebase", stop);
  auto rebased = git::rebase(branch.repository, branch.worktree, *onto, branch.start);
  if (const auto* conflict = std::get_if<git::MergeConflict>(&rebased)) {
    refuse(branch, base, conflict->with + " conflicts in " + join(conflict->files, ", "));
  }
  moved.head = std::get<std::string>(rebased);
  const auto pushed = git::push(branch.repository, branch.remote, branch.branch, stop, branch.pushed, branch.access);
  if (const auto* rejected = std::get_if<git::PushRejected>(&pushed)) {
    refuse(branch, base, branch.remote + " rejected the push: " + rejected->reason);
  }
  return moved;
}

}  // namespace

awaitable<void> Run::restack(std::string task_id, std::string base) {
  const auto& agent = *domain::find_subagent(state(), task_id);
  if (agent.phase() != v1::PHASE_COMPLETED || retrying_.contains(task_id)) {
    throw Error(ErrorKind::precondition, "task " + task_id + " is at work");
  }
  const auto& spec = spec_for(*find_task(task_id));
  const Branch branch{id(), task_id, spec.repository(), spec.remote(), agent.worktree(), agent.branch(),
                      agent.base_commit(), agent.pushed_commit(), services_.access_of(spec)};
  retrying_.insert(task_id);  // no attempt begins in the worktree meanwhile
  const auto at_work = services_.escapes.at_work_in(id(), task_id);
  std::optional<Moved> moved;
  std::exception_ptr failed;
  try {
    moved = co_await async::with_deadline(
        services_.workers.run([&](std::stop_token stop) { return move(branch, base, stop); }), kNetworkTimeout,
        "moving " + branch.branch + " to " + base);
  } catch (...) {
    failed = std::current_exception();
  }
  retrying_.erase(task_id);
  look_again();
  if (failed) std::rethrow_exception(failed);
  v1::Event rebased, pushed;
  rebased.mutable_rebased()->set_remote(branch.remote);
  rebased.mutable_rebased()->set_branch(branch.branch);
  rebased.mutable_rebased()->set_head_commit(moved->head);
  rebased.mutable_rebased()->set_base_commit(moved->base);
  pushed.mutable_pushed()->set_remote(branch.remote);
  pushed.mutable_pushed()->set_branch(branch.branch);
  pushed.mutable_pushed()->set_commit(moved->head);
  pushed.mutable_pushed()->set_rebased(true);
  if (moved->snapshot) {
    v1::Event snapshot;
    snapshot.mutable_snapshot_taken()->set_number(moved->snapshot->number);
    snapshot.mutable_snapshot_taken()->set_commit(moved->snapshot->commit);
    snapshot.mutable_snapshot_taken()->set_reason("before the rebase");
    co_await record_for(task_id, std::move(snapshot));
  }
  co_await record_for(task_id, std::move(rebased));
  co_await record_for(task_id, std::move(pushed));
}

awaitable<void> Run::record_for(std::string task_id, v1::Event event) {
  const auto& agent = *domain::find_subagent(state(), task_id);
  event.set_run_id(id());
  event.set_task_id(task_id);
  event.set_attempt(agent.attempt());
  event.set_phase(agent.phase());
  co_await services_.log.append(std::move(event));
}

}  // namespace fanout::orchestrator
