#include "server/planning/agent_choice.hpp"

#include <filesystem>

#include "common/programs.hpp"
#include "common/text.hpp"
#include "server/domain/plan/tree.hpp"

namespace fanout::planning {

namespace fs = std::filesystem;
using domain::Diagnostic;
using fanout::internal::v1::AgentSpec;
using fanout::internal::v1::TaskSpec;

namespace {

void settle_task(TaskSpec& task, std::vector<Diagnostic>& diagnostics) {
  auto& spec = *task.mutable_agent_spec();
  std::vector<AgentSpec*> all{&spec};
  for (auto& fallback : *task.mutable_fallbacks()) all.push_back(&fallback);
  for (auto* one : all) {
    if (settle_agent(*one)) continue;
    domain::add_error(diagnostics, {}, "agent", "\"" + printable(one->kind()) + "\" is no type of agent");
    return;
  }
  const auto* row = agent::find_agent(spec.kind());
  task.set_agent_command(spec.command().empty() ? std::string(row->executable) : spec.command());
}

}  // namespace

std::vector<const agent::AgentRow*> installed_agents(const std::string& search_path) {
  std::vector<const agent::AgentRow*> found;
  for (const auto& row : agent::agents()) {
    const bool there = !row.executable.empty() && !find_program(std::string(row.executable), search_path, Folders::all).empty();
    if (there) found.push_back(&row);
  }
  return found;
}

bool settle_agent(AgentSpec& spec) {
  if (!spec.kind().empty()) return agent::find_agent(spec.kind()) != nullptr;
  const auto choice = agent::choose_agent(spec.name());
  spec.set_kind(std::string(choice.row->id));
  if (!choice.command.empty()) spec.set_command(choice.command);
  return true;
}

void settle_agents(fanout::internal::v1::RunSpec& spec, const std::string& search_path,
                   std::vector<Diagnostic>& diagnostics) {
  std::vector<TaskSpec*> unnamed;
  for (auto& task : *spec.mutable_tasks()) {
    if (trimmed(task.agent()).empty()) {
      if (!task.skipped()) unnamed.push_back(&task);
    } else {
      settle_task(task, diagnostics);
    }
  }
  if (unnamed.empty()) return;
  const auto installed = installed_agents(search_path);
  if (installed.size() == 1) {
    for (auto* task : unnamed) {
      task->set_agent(std::string(installed.front()->id));
      task->mutable_agent_spec()->set_name(task->agent());
      settle_task(*task, diagnostics);
    }
    diagnostics.push_back({Diagnostic::Severity::note, {}, "agent",
                           "no agent is named: " + unnamed.front()->agent() + " is taken, the only one that is installed"});
  } else if (installed.size() > 1) {
    std::vector<std::string> names;
    for (const auto* row : installed) names.emplace_back(row->id);
    diagnostics.push_back({Diagnostic::Severity::note, {}, "agent",
                           "several agents are installed, so one must be named: " + join(names, ", ")});
  }
}

}  // namespace fanout::planning
