// The part of MergeTrain before and after the journey: who is on board, and with which words they are brought in.
#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"
#include "server/merging/train.hpp"
#include "server/merging/wire.hpp"
#include "server/orchestrator/orchestrator.hpp"

namespace fanout::merging {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMostListed = 50;

git::MergeMethod method_of(v1::MergeMethod method) {
  switch (method) {
    case v1::MERGE_METHOD_SQUASH: return git::MergeMethod::squash;
    case v1::MERGE_METHOD_REBASE: return git::MergeMethod::rebase;
    default: return git::MergeMethod::merge;
  }
}

std::string title_of(const v1::Subagent& task) { return task.title().empty() ? task.task_id() : task.title(); }

/// One of many commits says what they were.
std::string squash_message(const v1::Run& run, const v1::Subagent& task, const std::vector<git::CommitInfo>& commits) {
  auto text = title_of(task) + "\n\n";
  for (std::size_t i = 0; i < std::min(commits.size(), kMostListed); ++i) text += "* " + valid_utf8(commits[i].summary) + "\n";
  if (commits.size() > kMostListed) text += "* and " + std::to_string(commits.size() - kMostListed) + " more\n";
  return text + "\nImplements: " + task.task_id() + "\nFanout-Run: " + run.id() + "\n";
}

std::string merge_message(const v1::Run& run, const v1::Subagent& task) {
  return "Merge " + task.task_id() + ": " + title_of(task) + "\n\nBranch " + task.branch() + ".\n\nImplements: " + task.task_id() +
         "\nFanout-Run: " + run.id() + "\n";
}

}  // namespace

std::vector<const v1::Subagent*> wanted_of(const v1::Run& run, const v1::MergeRequest& request) {
  std::vector<const v1::Subagent*> all;
  const auto named = strings_of(request.task_ids());
  for (const auto& id : named) orchestrator::require_task(run, id);
  for (const auto& one : run.subagents()) {
    const bool is_named = std::find(named.begin(), named.end(), one.task_id()) != named.end();
    const bool may_go = is_named || (named.empty() && !domain::is_contender(one));
    if (one.phase() == v1::PHASE_COMPLETED && may_go) all.push_back(&one);
    if (one.phase() != v1::PHASE_COMPLETED && is_named) {
      throw Error(ErrorKind::precondition, "task " + one.task_id() + " has not completed: fanout why " + run.id() + " " + one.task_id());
    }
  }
  if (all.empty()) throw Error(ErrorKind::precondition, "no task of run " + run.id() + " has completed: there is nothing to merge");
  return all;
}

/// Whether the target has all of that branch already. BLOCKS.
bool MergeTrain::is_in_target(const v1::Subagent& one, const std::string& tip, std::stop_token stop) const {
  return git::contained_in(run_.repository(), target_.tip, target_.branch, tip, one.base_commit(), std::move(stop)).has_value();
}

/// Tells those that the target has already from those that are to come. BLOCKS.
void MergeTrain::find_passengers(std::stop_token stop) {
  std::vector<domain::merging::Passenger> passengers;
  for (const auto* one : wanted_of(run_, request_)) {
    const auto tip = tip_of(run_, *one);
    if (tip.empty() && !request_.task_ids().empty()) {
      throw Error(ErrorKind::precondition, "the branch of task " + one->task_id() + " is gone: there is nothing to merge");
    }
    if (tip.empty()) continue;
    tips_[one->task_id()] = tip;
    if (is_in_target(*one, tip, stop)) {
      merged_before_.push_back(one->task_id());
    } else {
      passengers.push_back({one->task_id(), one->priority(), strings_of(one->dependencies())});
    }
  }
  train_ = domain::merging::set_out(domain::merging::in_order(passengers));
}

/// What a task was built upon may be there though nobody named it: in the target, or skipped, or cleaned up, which only
/// what is in somewhere is. BLOCKS.
void MergeTrain::find_present(std::stop_token stop) {
  present_.insert(merged_before_.begin(), merged_before_.end());
  for (const auto& one : run_.subagents()) {
    if (domain::is_contender(one)) continue;
    if (one.phase() == v1::PHASE_SKIPPED) present_.insert(one.task_id());
    if (one.phase() != v1::PHASE_COMPLETED || tips_.contains(one.task_id())) continue;
    const auto tip = tip_of(run_, one);
    if (!tip.empty() && !is_in_target(one, tip, stop)) continue;
    present_.insert(one.task_id());
    if (!tip.empty()) tips_[one.task_id()] = tip;
  }
  landed_ = {target_.tip, target_.tip};
  for (const auto& id : present_) {
    if (const auto tip = tips_.find(id); tip != tips_.end()) landed_ = git::with_history(run_.repository(), landed_, tip->second);
  }
}

/// What those on board change, sorted. BLOCKS.
std::vector<std::string> MergeTrain::paths_on_board() const {
  std::set<std::string> paths;
  for (const auto& id : train_.groups.front()) {
    for (auto& path : git::touched_files(run_.repository(), task(id).base_commit(), tips_.at(id))) paths.insert(std::move(path));
  }
  return {paths.begin(), paths.end()};
}

awaitable<void> MergeTrain::board() {
  co_await services_.workers.run([&](std::stop_token stop) {
    find_passengers(stop);
    find_present(stop);
    if (!request_.dry_run() && !train_.groups.empty()) git::require_landable(run_.repository(), target_.branch, paths_on_board());
  });
}

awaitable<void> MergeTrain::tell_plan() {
  v1::MergeResponse step;
  auto& plan = *step.mutable_planned();
  plan.set_run_id(run_.id());
  plan.set_into(target_.branch);
  plan.set_into_commit(target_.tip);
  plan.set_method(request_.method() == v1::MERGE_METHOD_UNSPECIFIED ? v1::MERGE_METHOD_MERGE : request_.method());
  const auto order = train_.groups.empty() ? Ids() : train_.groups.front();
  for (const auto& id : order) plan.add_task_ids(id);
  for (const auto& id : merged_before_) plan.add_merged_before(id);
  for (const auto& check : domain::merging::gates_of(specs_of(order))) plan.add_gates(check.gate.name());
  return sink_(std::move(step));
}

git::MergeStep MergeTrain::step_for(const std::string& id) const {
  const auto& one = task(id);
  git::MergeStep step{id, one.base_commit(), tips_.at(id), merge_message(run_, one), method_of(request_.method())};
  if (step.method != git::MergeMethod::merge) {
    const auto branch = git::summarise_branch(run_.repository(), one.base_commit(), one.branch());
    step.message = squash_message(run_, one, branch.commits);
  }
  return step;
}

awaitable<void> MergeTrain::tell_end() {
  v1::MergeResponse step;
  auto& end = *step.mutable_ended();
  for (const auto& id : train_.landed) end.add_landed(id);
  for (const auto& id : train_.held) end.add_left_out(id);
  for (const auto& id : train_.culprits) end.add_left_out(id);
  end.set_commit(request_.dry_run() ? target_.tip : landed_.commit);
  const auto took = std::chrono::steady_clock::now() - began_;
  *end.mutable_duration() = google::protobuf::util::TimeUtil::MillisecondsToDuration(
      std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
  end.set_tries(tries_);
  return sink_(std::move(step));
}

}  // namespace fanout::merging
