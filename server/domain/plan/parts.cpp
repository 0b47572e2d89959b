#include "server/domain/plan/parts.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "server/domain/plan/resolve.hpp"
#include "server/domain/plan/tree.hpp"
#include "server/domain/run/repositories.hpp"

namespace fanout::domain {

using fanout::internal::v1::RunSpec;
using fanout::internal::v1::TaskSpec;

namespace {

/// Those of the plan in its order, and behind them who races for them.
void put_in_order(const Plan& plan, std::vector<TaskSpec> tasks, RunSpec& spec) {
  std::map<std::string, std::vector<TaskSpec*>> racing;
  std::map<std::string, TaskSpec*> by_id;
  for (auto& task : tasks) {
    if (task.race_of().empty()) by_id[task.id()] = &task;
    if (!task.race_of().empty()) racing[task.race_of()].push_back(&task);
  }
  for (const auto& task : plan.tasks) {
    if (const auto found = by_id.find(task.id); found != by_id.end()) *spec.add_tasks() = std::move(*found->second);
  }
  for (const auto& task : plan.tasks) {
    for (auto* contender : racing[task.id]) *spec.add_tasks() = std::move(*contender);
  }
}

/// What all parts have in common is found in each of them.
void drop_repeated(Diagnostics& diagnostics) {
  std::set<std::tuple<std::string, unsigned, unsigned, std::string, std::string>> told;
  std::erase_if(diagnostics, [&](const Diagnostic& one) {
    return !told.emplace(one.place.file, one.place.line, one.place.column, one.field, one.message).second;
  });
}

}  // namespace

Plan part_of(const Plan& plan, const std::string& repository) {
  auto part = plan;
  std::erase_if(part.tasks, [&](const Task& task) { return task.settings.repo.value_or("") != repository; });
  return part;
}

void set_repository_name(RunSpec& spec, const std::string& name) {
  spec.set_repository_name(name);
  for (auto& task : *spec.mutable_tasks()) task.set_repository(name);
}

RunSpec brought_together(const Plan& plan, std::vector<RunSpec> parts, Diagnostics& diagnostics) {
  auto spec = std::move(parts.front());
  if (parts.size() == 1) return spec;
  std::vector<TaskSpec> tasks(spec.tasks().begin(), spec.tasks().end());
  spec.clear_tasks();
  bool one_issue = spec.tracker_options().mode() == "tracking";
  for (std::size_t i = 1; i < parts.size(); ++i) {
    one_issue = one_issue || parts[i].tracker_options().mode() == "tracking";
    auto& further = *spec.add_repositories();
    further.set_name(parts[i].repository_name());
    take_repository_part(parts[i], *further.mutable_spec());
    tasks.insert(tasks.end(), parts[i].tasks().begin(), parts[i].tasks().end());
  }
  put_in_order(plan, std::move(tasks), spec);
  if (one_issue) {
    add_error(diagnostics, {plan.path, 0, 0}, "tracker",
              "one issue for the whole run cannot be in several repositories: set tracker.mode to per-task, or split the plan");
  }
  if (spec.ByteSizeLong() > kMaxSpecBytes) {
    add_error(diagnostics, {plan.path, 0, 0}, "tasks",
              "the prompts and settings of all tasks come to more than " + std::to_string(kMaxSpecBytes >> 20) +
                  " MiB: shorten the overview, the template or the task files");
  }
  drop_repeated(diagnostics);
  return spec;
}

}  // namespace fanout::domain
