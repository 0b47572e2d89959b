#include "server/merging/trains.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/repositories.hpp"
#include "server/git/changes.hpp"
#include "server/merging/train.hpp"

namespace fanout::merging {

namespace v1 = fanout::v1;

Trains::Trains(subagent::Services& services, v1::Run run, fanout::internal::v1::RunSpec spec, v1::MergeRequest request,
               std::map<std::string, Target> targets, Sink sink)
    : services_(services),
      run_(std::move(run)),
      spec_(std::move(spec)),
      request_(std::move(request)),
      targets_(std::move(targets)),
      sink_(std::move(sink)) {}

/// A branch that is gone was cleaned up, which only what is in somewhere is. BLOCKS.
bool Trains::is_in(const v1::Subagent& task, std::stop_token stop) const {
  if (task.phase() == v1::PHASE_SKIPPED) return true;
  if (task.phase() != v1::PHASE_COMPLETED) return false;
  const auto run = domain::around(run_, task);
  const auto tip = tip_of(run, task);
  const auto& target = targets_.at(task.repository());
  return tip.empty() || git::contained_in(run.repository(), target.tip, target.branch, tip, task.base_commit(), stop).has_value();
}

/// BLOCKS.
void Trains::find_passengers(std::stop_token stop) {
  for (const auto* task : wanted_of(run_, request_)) {
    const bool named = !request_.task_ids().empty();
    if (named || !tip_of(domain::around(run_, *task), *task).empty()) waiting_.insert(task->task_id());
  }
  for (const auto& task : run_.subagents()) {
    for (const auto& id : task.dependencies()) {
      const auto* needed = domain::find_subagent(run_, id);
      if (needed && needed->repository() != task.repository() && is_in(*needed, stop)) in_.insert(id);
    }
  }
}

/// What it needs elsewhere is in; what it needs here goes with it, or is for its train to judge.
bool Trains::may_go(const v1::Subagent& task, const std::set<std::string>& with) const {
  return std::all_of(task.dependencies().begin(), task.dependencies().end(), [&](const auto& id) {
    const auto* needed = domain::find_subagent(run_, id);
    if (!needed) return true;
    if (needed->repository() != task.repository()) return in_.contains(id);
    return with.contains(id) || !waiting_.contains(id);
  });
}

Trains::Ids Trains::ready_in(const std::string& repository) const {
  std::set<std::string> ready;
  for (const auto& id : waiting_) {
    if (domain::find_subagent(run_, id)->repository() == repository) ready.insert(id);
  }
  for (bool changed = true; changed;) {
    changed = std::erase_if(ready, [&](const auto& id) { return !may_go(*domain::find_subagent(run_, id), ready); }) > 0;
  }
  return {ready.begin(), ready.end()};
}

awaitable<void> Trains::go() {
  co_await services_.workers.run([&](std::stop_token stop) { find_passengers(std::move(stop)); });
  for (bool moved = true; moved;) {
    moved = false;
    for (const auto& repository : domain::repositories_of(run_)) {
      auto ids = ready_in(repository);
      if (ids.empty()) continue;
      moved = true;
      for (const auto& id : ids) waiting_.erase(id);
      co_await run_train(repository, std::move(ids));
    }
  }
  for (const auto& task : run_.subagents()) {
    if (waiting_.contains(task.task_id())) co_await tell_left_out(task);
  }
}

awaitable<void> Trains::run_train(std::string repository, Ids ids) {
  auto request = request_;
  request.mutable_task_ids()->Assign(ids.begin(), ids.end());
  auto run = domain::in_repository(run_, repository);
  auto spec = domain::alone_in_repository(spec_, repository);
  auto target = co_await services_.workers.run([&](std::stop_token) { return require_target(run, request.into()); });
  Sink sink = [this, repository](v1::MergeResponse step) { return tell(repository, std::move(step)); };
  MergeTrain train(services_, std::move(run), std::move(spec), std::move(request), std::move(target), std::move(sink));
  co_await train.go();
}

awaitable<void> Trains::tell(std::string repository, v1::MergeResponse step) {
  if (step.has_planned()) {
    step.mutable_planned()->set_repository(repository);
    step.mutable_planned()->set_repository_path(domain::in_repository(run_, repository).repository());
    in_.insert(step.planned().merged_before().begin(), step.planned().merged_before().end());
  }
  if (step.has_ended()) in_.insert(step.ended().landed().begin(), step.ended().landed().end());
  return sink_(std::move(step));
}

awaitable<void> Trains::tell_left_out(const v1::Subagent& task) {
  v1::MergeResponse step;
  auto& left = *step.mutable_left_out();
  left.set_task_id(task.task_id());
  left.set_cause(v1::MergeLeftOut::CAUSE_DEPENDENCY);
  for (const auto& id : task.dependencies()) {
    const auto* needed = domain::find_subagent(run_, id);
    const bool is_there = !needed || (needed->repository() == task.repository() ? !waiting_.contains(id) : in_.contains(id));
    if (!is_there) left.add_needs(id);
  }
  left.set_reason("it needs " + join(std::vector<std::string>(left.needs().begin(), left.needs().end()), ", ") + ", which is not merged");
  return sink_(std::move(step));
}

}  // namespace fanout::merging
