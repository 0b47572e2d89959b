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
  const auto& its = found->spec();
  whole.set_repository_name(name);
  whole.set_repository(its.repository());
  whole.set_base(its.base());
  whole.set_base_commit(its.base_commit());
  whole.set_push(its.push());
  whole.set_remote(its.remote());
  whole.set_worktree_pattern(its.worktree_pattern());
  whole.set_branch_pattern(its.branch_pattern());
  whole.set_tracker(its.tracker());
  whole.set_tracker_repository(its.tracker_repository());
  whole.set_pull_request_base(its.pull_request_base());
  *whole.mutable_tracker_options() = its.tracker_options();
  whole.set_pool(its.pool());
  whole.set_pool_most(its.pool_most());
  whole.set_pool_bytes(its.pool_bytes());
  whole.set_cache_bytes(its.cache_bytes());
  whole.clear_cache_age();
  if (its.has_cache_age()) *whole.mutable_cache_age() = its.cache_age();
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
