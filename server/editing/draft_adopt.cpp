// What a planning run made becomes a plan of the repository's.
#include <map>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/plan/load.hpp"
#include "server/editing/draft.hpp"
#include "server/editing/files.hpp"
#include "server/git/git.hpp"
#include "server/git/tree_files.hpp"
#include "server/planning/planner.hpp"

namespace fanout::editing {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;

namespace {

using Files = std::map<fs::path, std::string>;

const v1::Subagent& planner_of(const v1::Run& run, const fanout::internal::v1::RunSpec& spec) {
  const bool is_planning = !spec.tasks().empty() && spec.tasks(0).env().contains(kTargetVariable);
  for (const auto& task : run.subagents()) {
    if (!is_planning || task.task_id() != kPlannerTask) continue;
    if (task.phase() == v1::PHASE_COMPLETED) return task;
    throw Error(ErrorKind::precondition, "run " + run.id() + " has made no plan: fanout why " + run.id() + " " + kPlannerTask);
  }
  throw Error(ErrorKind::precondition, "run " + run.id() + " is none that makes a plan: fanout plan draft begins one");
}

/// By the paths that they will have; the findings stay where they are.
Files files_for(const fs::path& plan, const v1::Run& run, const v1::Subagent& planner) {
  const auto tip = git::branch_tip(run.repository(), planner.branch());
  if (!tip) throw Error(ErrorKind::precondition, "the branch " + planner.branch() + ", which holds the plan, is gone");
  Files files;
  for (auto& [name, text] : git::files_below(run.repository(), *tip, kDraftFolder, domain::kMaxAllFilesBytes)) {
    if (name.starts_with("findings/")) continue;
    const auto place = name == "plan.yaml" ? plan : (plan.parent_path() / name).lexically_normal();
    files.emplace(place, std::move(text));
  }
  return files;
}

domain::LoadedPlan loaded(const fs::path& plan, const Files& files) {
  auto found = domain::load_plan(plan, [&](const fs::path& file, const fs::path&) -> std::variant<std::string, domain::ReadFailure> {
    const auto one = files.find(file.lexically_normal());
    if (one == files.end()) return domain::ReadFailure{"no such file"};
    return one->second;
  });
  if (!found.ok()) throw planning::PlanFaultsError(std::move(found.diagnostics), planning::kNothingChanged);
  return found;
}

void write(const Files& files, const fs::path& repository) {
  std::vector<fs::path> made;
  try {
    for (const auto& [file, text] : files) {
      require_inside(file.parent_path(), repository);
      create_file(file, text);
      made.push_back(file);
    }
  } catch (...) {
    std::error_code ignored;
    for (const auto& file : made) fs::remove(file, ignored);
    throw;
  }
}

}  // namespace

v1::AdoptDraftResponse adopt_draft(const v1::Run& run, const fanout::internal::v1::RunSpec& spec) {
  const auto& planner = planner_of(run, spec);
  const fs::path repository = run.repository();
  const auto plan = (repository / spec.tasks(0).env().at(kTargetVariable)).lexically_normal();
  const auto files = files_for(plan, run, planner);
  const auto found = loaded(plan, files);
  write(files, repository);
  v1::AdoptDraftResponse response;
  response.set_plan_path(plan.string());
  response.set_branch(planner.branch());
  for (const auto& task : found.plan.tasks) {
    auto& told = *response.add_tasks();
    told.set_id(task.id);
    told.set_title(task.title);
    told.set_file(valid_utf8(task.file));
  }
  for (auto& diagnostic : planning::to_wire(found.diagnostics)) *response.add_diagnostics() = std::move(diagnostic);
  return response;
}

}  // namespace fanout::editing
