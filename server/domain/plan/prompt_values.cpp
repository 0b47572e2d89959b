#include "server/domain/plan/prompt_values.hpp"

#include "common/text.hpp"

namespace fanout::domain {

namespace {

std::string bullets(const std::vector<std::string>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "- " : "\n- ") + item;
  return text.empty() ? "- (none named)" : text;
}

std::vector<std::string> touched(const Task& task) {
  auto files = task.create;
  files.insert(files.end(), task.modify.begin(), task.modify.end());
  files.insert(files.end(), task.remove.begin(), task.remove.end());
  return files;
}

std::string description(const Task& task) {
  return task.objective.empty() ? std::string(trimmed(task.body)) : task.objective;
}

}  // namespace

std::map<std::string, std::string> prompt_values(const Plan& plan, const Task& task,
                                                 const std::string& base) {
  const auto files = touched(task);
  const auto dependencies = task.dependencies.empty() ? "none" : join(task.dependencies, ", ");
  return {
      {"task.id", task.id},
      {"task.title", task.title},
      {"task.description", description(task)},
      {"task.objective", task.objective},
      {"task.body", task.body},
      {"task.files", join(files, ", ")},
      {"task.files_list", bullets(files)},
      {"task.tests", join(task.tests, ", ")},
      {"task.tests_list", bullets(task.tests)},
      {"task.success_criteria", bullets(task.acceptance)},
      {"task.detailed_implementation_steps", task.approach.empty() ? description(task) : task.approach},
      {"task.estimated_time", task.estimated_time.empty() ? "not estimated" : task.estimated_time},
      {"task.priority", to_string(task.priority)},
      {"task.dependencies", dependencies},
      {"task.labels", join(task.labels, ", ")},
      {"task.notes", task.notes},
      {"task.conflicts", task.conflicts},
      {"task.file", task.file},
      {"task_id", task.id},
      {"task_name", task.title},
      {"task_priority", to_string(task.priority)},
      {"task_dependencies", dependencies},
      {"plan_file_path", plan.path},
      {"plan_name", plan.name},
      {"plan_overview", plan.overview},
      {"base", base},
  };
}

}  // namespace fanout::domain
