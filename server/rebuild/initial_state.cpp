#include "server/rebuild/initial_state.hpp"

#include <map>
#include <vector>

#include "server/domain/run/repositories.hpp"

namespace fanout::rebuild {

namespace v1 = fanout::v1;

v1::Run initial_state(const fanout::internal::v1::RunSpec& spec) {
  v1::Run run;
  run.set_id(spec.run_id());
  run.set_name(spec.name());
  run.set_plan_path(spec.plan_path());
  run.set_repository(spec.repository());
  run.set_base(spec.base());
  run.set_base_commit(spec.base_commit());
  run.set_max_parallel(spec.max_parallel());
  run.set_push(spec.push());
  run.set_tracker(spec.tracker());
  run.set_tracker_repository(spec.tracker_repository());
  run.set_tracker_mode(spec.tracker_options().mode());
  run.set_follow(spec.tracker_options().follow());
  run.set_open(spec.has_open_plan());
  for (auto& one : domain::told_repositories(spec)) *run.add_repositories() = std::move(one);
  for (const auto& one : spec.repositories()) {  // a run has a tracker where one of its repositories has
    if (!run.tracker_repository().empty() || one.spec().tracker_repository().empty()) continue;
    run.set_tracker(one.spec().tracker());
    run.set_tracker_repository(one.spec().tracker_repository());
    run.set_tracker_mode(one.spec().tracker_options().mode());
  }
  std::map<std::string, std::vector<const fanout::internal::v1::TaskSpec*>> racing;
  for (const auto& task : spec.tasks()) {
    if (!task.race_of().empty()) racing[task.race_of()].push_back(&task);
  }
  for (const auto& task : spec.tasks()) {
    if (!task.race_of().empty()) continue;
    *run.add_subagents() = initial_state(task);
    for (const auto* contender : racing[task.id()]) *run.add_subagents() = initial_state(*contender);
  }
  return run;
}

v1::Subagent initial_state(const fanout::internal::v1::TaskSpec& task) {
  v1::Subagent agent;
  agent.set_task_id(task.id());
  agent.set_title(task.title());
  agent.set_priority(task.priority());
  *agent.mutable_dependencies() = task.dependencies();
  agent.set_phase(v1::PHASE_PENDING);
  agent.set_attempt(1);
  agent.set_agent(task.agent());
  agent.set_race_of(task.race_of());
  agent.set_repository(task.repository());
  return agent;
}

}  // namespace fanout::rebuild
