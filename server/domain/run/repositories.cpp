#include "server/domain/run/repositories.hpp"

#include <algorithm>
#include <set>

namespace fanout::domain {

namespace v1 = fanout::v1;
using fanout::internal::v1::RunSpec;
using fanout::internal::v1::TaskSpec;

namespace {

const std::string& id_of(const TaskSpec& task) { return task.id(); }
const std::string& id_of(const v1::Subagent& agent) { return agent.task_id(); }

v1::RunRepository told(const std::string& name, const RunSpec& spec) {
  v1::RunRepository one;
  one.set_name(name);
  one.set_path(spec.repository());
  one.set_base(spec.base());
  one.set_base_commit(spec.base_commit());
  one.set_tracker_repository(spec.tracker_repository());
  return one;
}

/// Those of one repository; what they need elsewhere is none of its business.
template <class Tasks>
void keep_alone(Tasks& tasks, const std::string& repository) {
  tasks.erase(std::remove_if(tasks.begin(), tasks.end(), [&](const auto& task) { return task.repository() != repository; }), tasks.end());
  std::set<std::string> ids;
  for (const auto& task : tasks) ids.insert(id_of(task));
  for (auto& task : tasks) {
    auto& needs = *task.mutable_dependencies();
    needs.erase(std::remove_if(needs.begin(), needs.end(), [&](const auto& id) { return !ids.contains(id); }), needs.end());
  }
}

}  // namespace

void take_repository_part(const RunSpec& from, RunSpec& to) {
  to.set_repository(from.repository());
  to.set_base(from.base());
  to.set_base_commit(from.base_commit());
  to.set_push(from.push());
  to.set_remote(from.remote());
  to.set_worktree_pattern(from.worktree_pattern());
  to.set_branch_pattern(from.branch_pattern());
  to.set_tracker(from.tracker());
  to.set_tracker_repository(from.tracker_repository());
  to.set_pull_request_base(from.pull_request_base());
  to.clear_tracker_options();
  if (from.has_tracker_options()) *to.mutable_tracker_options() = from.tracker_options();
  to.set_pool(from.pool());
  to.set_pool_most(from.pool_most());
  to.set_pool_bytes(from.pool_bytes());
  to.set_cache_bytes(from.cache_bytes());
  to.clear_cache_age();
  if (from.has_cache_age()) *to.mutable_cache_age() = from.cache_age();
}

std::vector<v1::RunRepository> told_repositories(const RunSpec& spec) {
  std::vector<v1::RunRepository> all;
  if (spec.repository_name().empty() && spec.repositories().empty()) return all;
  all.push_back(told(spec.repository_name(), spec));
  for (const auto& one : spec.repositories()) all.push_back(told(one.name(), one.spec()));
  return all;
}

std::vector<std::string> repositories_of(const RunSpec& spec) {
  std::vector<std::string> names{spec.repository_name()};
  for (const auto& one : spec.repositories()) names.push_back(one.name());
  return names;
}

std::vector<std::string> repositories_of(const v1::Run& run) {
  if (run.repositories().empty()) return {""};
  std::vector<std::string> names;
  for (const auto& one : run.repositories()) names.push_back(one.name());
  return names;
}

RunSpec in_repository(const RunSpec& spec, const std::string& name) {
  auto whole = spec;
  whole.clear_repositories();
  const auto found = std::find_if(spec.repositories().begin(), spec.repositories().end(), [&](const auto& one) { return one.name() == name; });
  if (found == spec.repositories().end()) return whole;
  whole.set_repository_name(name);
  take_repository_part(found->spec(), whole);
  return whole;
}

RunSpec alone_in_repository(const RunSpec& spec, const std::string& name) {
  auto alone = in_repository(spec, name);
  if (!spec.repositories().empty()) keep_alone(*alone.mutable_tasks(), name);
  return alone;
}

v1::Run in_repository(const v1::Run& run, const std::string& name) {
  auto alone = run;
  const auto found = std::find_if(run.repositories().begin(), run.repositories().end(), [&](const auto& one) { return one.name() == name; });
  if (found == run.repositories().end()) return alone;
  alone.clear_repositories();
  alone.set_repository(found->path());
  alone.set_base(found->base());
  alone.set_base_commit(found->base_commit());
  alone.set_tracker_repository(found->tracker_repository());
  keep_alone(*alone.mutable_subagents(), name);
  return alone;
}

v1::Run around(const v1::Run& run, const v1::Subagent& agent) { return in_repository(run, agent.repository()); }

}  // namespace fanout::domain
