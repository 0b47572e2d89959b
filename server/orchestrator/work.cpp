#include "server/orchestrator/work.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/byte_size.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/repositories.hpp"
#include "server/git/judge.hpp"
#include "server/git/removal.hpp"
#include "server/pool/pool.hpp"
#include "server/rebuild/run_folder.hpp"

namespace fanout::orchestrator {

namespace v1 = fanout::v1;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostListed = 10'000;

/// What one task has left, and what is to be done with it.
struct Left {
  std::string run_id, task_id, repository, branch, base_commit, base, remote;
  fs::path worktree;
};

Left left_by(const v1::Run& run, const v1::Subagent& task) {
  Left left{run.id(), task.task_id(), run.repository(), task.branch(), task.base_commit(), run.base(), {}, task.worktree()};
  if (git::has_remote(run.repository(), "origin")) left.remote = "origin";
  if (task.has_report() && !task.report().pushed_to().empty()) left.remote = task.report().pushed_to();
  return left;
}

/// All of it, the newest first.
std::vector<Left> all_left_by(const v1::Run& run, const v1::Subagent& task) {
  std::vector<Left> all;
  if (!task.branch().empty()) all.push_back(left_by(run, task));
  for (auto former = task.left_work().rbegin(); former != task.left_work().rend(); ++former) {
    auto other = task;
    other.set_branch(former->branch());
    other.set_worktree(former->worktree());
    other.set_base_commit(former->base_commit());
    all.push_back(left_by(run, other));
  }
  return all;
}

/// Branches that work goes to: the run's base, and what the user has checked out.
std::vector<std::string> targets_of(const Left& left) {
  std::vector<std::string> targets;
  const auto current = git::current_branch(left.repository);
  if (!current.empty()) targets.push_back(current);
  if (left.base != current && git::branch_tip(left.repository, left.base)) targets.push_back(left.base);
  return targets;
}

/// Nothing of it is touched that Fanout did not make, or that is somebody else's by now.
std::optional<std::string> why_not_ours(const Left& left) {
  if (left.worktree.empty() || !fs::exists(fs::symlink_status(left.worktree))) return {};
  const auto facts = git::inspect_worktree(left.repository, left.worktree);
  if (!facts.registered) return "the folder is no worktree of the repository any more";
  if (facts.branch != left.branch) return "another branch is checked out there by now";
  const auto owner = git::worktree_owner(left.repository, left.worktree), task = left.run_id + "/" + left.task_id;
  if (owner != task && !owner.starts_with(task + "/")) {
    return "the worktree is not the one that Fanout made for this task";
  }
  return {};
}

bool is_gone(const Left& left) {
  const bool no_folder = left.worktree.empty() || !fs::exists(fs::symlink_status(left.worktree));
  return no_folder && (left.branch.empty() || !git::branch_tip(left.repository, left.branch));
}

git::Verdict judged(const Left& left, bool remote_too, std::stop_token stop) {
  git::JudgeRequest request;
  request.repository = left.repository;
  request.branch = left.branch;
  if (fs::exists(fs::symlink_status(left.worktree))) request.worktree = left.worktree;
  request.base = left.base_commit;
  request.targets = targets_of(left);
  request.remote = left.remote;
  request.remote_branch_goes_too = remote_too;
  return git::judge(request, stop);
}

void remove(const Left& left, const git::Verdict& verdict, bool remote_too, std::stop_token stop) {
  if (!left.worktree.empty()) git::remove_worktree(left.repository, left.worktree);
  if (verdict.tip.empty()) return;
  // The local branch goes last: as long as it is there, a cleanup that was cut off is finished by the next.
  if (remote_too && !left.remote.empty()) {
    const auto there = git::remote_branch_tip(left.repository, left.remote, left.branch, stop);
    if (there == verdict.tip) git::delete_remote_branch(left.repository, left.remote, left.branch, verdict.tip, stop);
  }
  git::delete_branch(left.repository, left.branch, verdict.tip);
}

/// Looks, decides and, unless it is a dry run, does. BLOCKS.
v1::CleanUpResponse::Item clean(const Left& left, const v1::CleanUpRequest& request, std::stop_token stop) {
  v1::CleanUpResponse::Item item;
  item.set_run_id(left.run_id);
  item.set_task_id(left.task_id);
  item.set_branch(left.branch);
  item.set_worktree(left.worktree.string());
  try {
    if (const auto reason = why_not_ours(left)) {
      item.set_reason(*reason);
      return item;
    }
    const auto verdict = judged(left, request.remote(), stop);
    item.set_reason(verdict.reason);
    for (const auto& detail : verdict.details) item.add_details(valid_utf8(detail));
    item.set_removed(verdict.removable || request.force());
    if (!item.removed() || request.dry_run()) return item;
    if (fs::exists(left.worktree)) {
      const auto* why = verdict.removable ? "before it was cleaned up" : "before it was cleaned up by force";
      git::take_snapshot(left.repository, left.worktree, left.run_id, left.task_id, why, stop);
    }
    remove(left, verdict, request.remote(), stop);
  } catch (const Error& error) {
    item.set_removed(false);
    item.set_reason(error.what());
  }
  return item;
}

bool has_ended(const v1::Run& run) {
  return std::all_of(run.subagents().begin(), run.subagents().end(),
                     [](const auto& task) { return domain::is_end(task.phase()); });
}

/// Registrations of worktrees of these runs whose folder somebody removed by hand. BLOCKS.
std::vector<fs::path> prune(const std::vector<v1::Run>& runs, bool dry_run) {
  std::map<std::string, std::set<fs::path>> ours;
  for (const auto& run : runs) {
    for (const auto& task : run.subagents()) {
      if (!domain::is_end(task.phase())) continue;
      for (const auto& left : all_left_by(run, task)) ours[left.repository].insert(left.worktree);
    }
  }
  std::vector<fs::path> pruned;
  for (const auto& [repository, folders] : ours) {
    const auto is_ours = [&](const fs::path& folder) {
      return folders.contains(folder) && !git::worktree_owner(repository, folder).empty();
    };
    auto gone = dry_run ? git::prunable_worktrees(repository, is_ours) : git::prune_worktrees(repository, is_ours);
    for (auto& folder : gone) pruned.push_back(std::move(folder));
  }
  return pruned;
}

}  // namespace

awaitable<v1::Subagent> Work::ended_task(std::string run_id, std::string task_id) {
  const auto run = co_await runs_.get(run_id);
  const auto* task = domain::find_subagent(run, task_id);
  if (!task) throw Error(ErrorKind::not_found, "run " + run_id + " has no task \"" + task_id + "\"");
  if (!domain::is_end(task->phase())) {
    throw Error(ErrorKind::precondition, "task " + task_id + " of run " + run_id + " is under way: fanout cancel ends it");
  }
  if (task->worktree().empty()) throw Error(ErrorKind::not_found, "task " + task_id + " never had a worktree");
  co_return *task;
}

awaitable<std::vector<git::Snapshot>> Work::snapshots(std::string run_id, std::string task_id) {
  const auto whole = co_await runs_.get(run_id);
  const auto* task = domain::find_subagent(whole, task_id);
  if (!task) throw Error(ErrorKind::not_found, "run " + run_id + " has no task \"" + task_id + "\"");
  const auto run = domain::around(whole, *task);
  co_return co_await services_.workers.run(
      [&](std::stop_token) { return git::list_snapshots(run.repository(), run.id(), task_id); });
}

awaitable<Work::Restored> Work::restore(std::string run_id, std::string task_id, unsigned number) {
  const auto task = co_await ended_task(run_id, task_id);
  const auto whole = co_await runs_.get(run_id);
  const auto run = domain::around(whole, task);
  const auto at_work = services_.escapes.at_work_in(run_id, task_id);
  co_return co_await services_.workers.run([&](std::stop_token stop) {
    auto wanted = number;
    if (wanted == 0) {
      // What is there becomes the newest snapshot, unless it is that already: the one before it differs.
      git::take_snapshot(run.repository(), task.worktree(), run_id, task_id, "before an undo", stop);
      const auto all = git::list_snapshots(run.repository(), run_id, task_id);
      if (all.size() < 2) throw Error(ErrorKind::precondition, "task " + task_id + " has no earlier state to go back to");
      wanted = all[all.size() - 2].number;
    }
    Restored restored{wanted, {}};
    restored.git = git::restore_snapshot(run.repository(), task.worktree(), task.branch(), run_id, task_id, wanted);
    return restored;
  });
}

/// Each as it is for the repository that is cleaned up; for each of its own where it was named.
awaitable<std::vector<v1::Run>> Work::chosen(v1::CleanUpRequest request) {
  std::vector<v1::Run> runs;
  if (!request.run_id().empty()) {
    const auto run = co_await runs_.get(co_await runs_.find(request.run_id()));
    for (const auto& name : domain::repositories_of(run)) runs.push_back(domain::in_repository(run, name));
    co_return runs;
  }
  const auto root = co_await services_.workers.run(
      [&](std::stop_token) { return git::find_repository(request.repository()).string(); });
  auto all = co_await runs_.list(kMostListed, false);
  for (auto& run : all) {
    for (const auto& name : domain::repositories_of(run)) {
      if (domain::in_repository(run, name).repository() != root) continue;
      const auto now = co_await runs_.get(run.id());
      runs.push_back(domain::in_repository(now, name));
    }
  }
  co_return runs;
}

awaitable<v1::CleanUpResponse> Work::clean_up(v1::CleanUpRequest request) {
  v1::CleanUpResponse response;
  const auto runs = co_await chosen(request);
  std::map<std::string, std::size_t> gone;  // how many parts of each run
  for (const auto& run : runs) {
    bool all_go = has_ended(run);
    for (const auto& task : run.subagents()) {
      if (!domain::is_end(task.phase())) continue;
      for (const auto& item : co_await clean_task(run, task, request)) {
        all_go = all_go && item.removed();
        *response.add_items() = item;
      }
    }
    gone[run.id()] += all_go ? 1 : 0;
  }
  for (const auto& [id, parts] : gone) {
    if (!request.archives()) break;
    const auto whole = co_await runs_.get(id);
    co_await clean_archive(whole, parts == domain::repositories_of(whole).size(), request.dry_run(), response);
  }
  const bool whole_repository = request.run_id().empty() && !runs.empty();
  if (whole_repository && !request.dry_run()) co_await services_.pool.drain(runs.front().repository());
  const auto pruned =
      co_await services_.workers.run([&](std::stop_token) { return prune(runs, request.dry_run()); });
  for (const auto& folder : pruned) response.add_pruned(folder.string());
  co_return response;
}

awaitable<std::vector<v1::CleanUpResponse::Item>> Work::clean_task(v1::Run run, v1::Subagent task,
                                                                    v1::CleanUpRequest request) {
  using Items = std::vector<v1::CleanUpResponse::Item>;
  const auto at_work = services_.escapes.at_work_in(run.id(), task.task_id());
  const auto items = co_await services_.workers.run([&](std::stop_token stop) {
    Items cleaned;
    for (const auto& left : all_left_by(run, task)) {
      if (!is_gone(left)) cleaned.push_back(clean(left, request, stop));
    }
    return cleaned;
  });
  for (const auto& item : items) {
    if (item.removed() && !request.dry_run()) spdlog::info("run {}: removed {}: {}", run.id(), item.branch(), item.reason());
  }
  co_return items;
}

/// What its programs printed exists nowhere else: it goes when it is asked for, and after all else of the run.
awaitable<void> Work::clean_archive(v1::Run run, bool all_go, bool dry_run, v1::CleanUpResponse& response) {
  const auto size = co_await services_.files.run(
      [&](std::stop_token) { return rebuild::archive_size(services_.runs_directory, run.id()); });
  if (size == 0) co_return;
  auto& item = *response.add_items();
  item.set_run_id(run.id());
  item.set_archive((services_.runs_directory / run.id()).string());
  if (!all_go) {
    item.set_reason("the run still has a worktree or a branch, or is under way");
    co_return;
  }
  item.set_removed(true);
  item.set_reason(format_byte_size(size) + " of what its programs printed; the outcome stays");
  if (dry_run) co_return;
  std::string trouble;
  try {
    const bool removed = co_await runs_.remove_archive(run.id());
    if (!removed) trouble = "the run is under way again";
  } catch (const Error& error) {
    trouble = error.what();
  }
  if (trouble.empty()) co_return;
  item.set_removed(false);
  item.set_reason(trouble);
}

}  // namespace fanout::orchestrator
