#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "fanout/v1/editing.pb.h"
#include "server/editing/task_text.hpp"

/// Plans that are made and grow. All functions BLOCK, and are to be called one at a time.
namespace fanout::editing {

/// A task as somebody wants it.
struct WantedTask {
  std::string id;        ///< Empty: made from the title, such that it is free.
  std::string title;
  std::string priority;  ///< Empty: medium.
  std::vector<std::string> dependencies, files;
  std::string prompt;    ///< Empty: the title.
  std::uint64_t issue = 0;  ///< That it solves; 0: none.
};

struct AddedTasks {
  std::vector<fanout::v1::AddedTask> tasks;                ///< In the order of what was wanted.
  std::vector<domain::Diagnostic> diagnostics;  ///< Of the plan as it is now; none is an error.
};

/// Adds all of them, or none. Throws Error invalid_input, not_found, already_there, precondition; PlanFaultsError where
/// the plan would have faults with them.
AddedTasks add_tasks(const std::filesystem::path& plan, const std::vector<WantedTask>& wanted);

/// The plan and its task files, faults or not. Error not_found: there is no such plan.
domain::LoadedPlan read_plan(const std::filesystem::path& plan);
/// Ids of the plan's tasks, likewise.
std::vector<std::string> task_ids(const std::filesystem::path& plan);

/// Writes a plan without tasks; its name. `created`: such as 20251028-011700. Error already_there.
std::string new_plan(const std::filesystem::path& plan, const std::string& name, const std::string& created);

/// The repository that the plan is about: the one it names, else the one around it. Error not_found, precondition.
std::filesystem::path repository_of(const std::filesystem::path& plan, const domain::Plan& said);

/// From the request's words to a task.
WantedTask wanted_task(const fanout::v1::AddTaskRequest& request);

/// The present moment as plans have it.
std::string created_now();

}  // namespace fanout::editing
