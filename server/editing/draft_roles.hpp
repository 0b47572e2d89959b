#pragma once

#include <string>
#include <vector>

/// Who looks into what before a plan is made, and what each is told. Pure.
namespace fanout::editing {

/// In a prompt {goal}, {findings_file}, {findings_folder}, {plan_file} and {check_command} are replaced.
struct DraftRole {
  std::string name;
  std::string prompt;
};

/// Those that are built in.
std::vector<DraftRole> usual_roles();
/// What the one is told who makes the plan.
std::string usual_planner_prompt();

}  // namespace fanout::editing
