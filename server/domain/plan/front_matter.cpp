// A task's file: what its front matter adds to the plan's entry, and where the two disagree.
#include <algorithm>
#include <set>

#include "server/domain/plan/loading.hpp"
#include "server/domain/plan/resolve.hpp"
#include "server/domain/plan/task_file.hpp"

namespace fanout::domain {

namespace {

std::set<std::string> as_set(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

/// As people write it: "[a, b]".
std::string listed(const std::set<std::string>& ids) {
  return "[" + printable(join(std::vector<std::string>(ids.begin(), ids.end()), ", ")) + "]";
}

void compare_ids(const Reader& reader, const Task& task) {
  const auto id = reader.text("id");
  if (!id || task.id.empty() || *id == task.id) return;
  add_error(reader.diagnostics(), reader.place_of("id"), "id",
            "the id here is \"" + printable(*id) + "\", but the plan says \"" + printable(task.id) + "\"");
}

void compare_dependencies(const Reader& reader, const Task& task) {
  const auto dependencies = reader.texts("dependencies");
  if (!dependencies) return;
  const auto here = as_set(*dependencies);
  const auto there = as_set(task.dependencies);
  if (here == there) return;
  add_error(reader.diagnostics(), reader.place_of("dependencies"), "dependencies",
            "the dependencies here are " + listed(here) + ", but the plan says " + listed(there));
}

void read_priority(const Reader& reader, const Said& said, Task& task) {
  const auto priority = read_word(reader, "priority", kPriorities);
  if (!priority || *priority == task.priority) return;
  if (!said.priority) {
    task.priority = *priority;
    return;
  }
  add_warning(reader.diagnostics(), reader.place_of("priority"), "priority",
              std::string("the priority here is ") + to_string(*priority) + ", but the plan says " +
                  to_string(task.priority) + ", and that counts");
}

void read_labels(const Reader& reader, Task& task) {
  auto seen = as_set(task.labels);
  for (auto& label : reader.texts("labels").value_or(std::vector<std::string>{})) {
    if (seen.insert(label).second) task.labels.push_back(std::move(label));
  }
}

void read_front_matter(const TaskFile& file, const Said& said, Task& task, Diagnostics& diagnostics) {
  static const auto known = with_settings_keys({"id", "priority", "status", "dependencies", "labels", "issue", "name",
                                                "title", "estimated_time", "created", "assignee"});
  const auto value = parse_yaml(file.front_matter, task.file, file.front_line, diagnostics);
  if (value.kind == Value::Kind::null) return;
  if (value.kind != Value::Kind::map) {
    add_error(diagnostics, {task.file, file.front_line, 1}, "", "the front matter must be a map with id:");
    return;
  }
  const Reader reader(value, "", diagnostics);
  check_keys(reader, known, Unknown::note);
  compare_ids(reader, task);
  compare_dependencies(reader, task);
  read_priority(reader, said, task);
  read_labels(reader, task);
  task.issue = reader.count("issue", kMostIssue).value_or(static_cast<unsigned>(task.issue));
  task.status = read_word(reader, "status", kStatuses).value_or(task.status);
  merge_settings(task.settings, read_task_settings(reader));
}

}  // namespace

void read_task_file(const std::string& text, const Said& said, Task& task, Diagnostics& diagnostics) {
  if (!check_utf8(text, task.file, 1, diagnostics)) return;
  const auto cut = cut_task_file(text);
  if (!cut) {
    add_error(diagnostics, {task.file, 1, 1}, "", "the front matter is opened by --- and never closed");
    return;
  }
  task.body = cut->body;
  read_sections(cut->body, task);
  if (cut->front_line > 0) read_front_matter(*cut, said, task, diagnostics);
  if (trimmed(task.body).empty()) {
    add_error(diagnostics, {task.file, 0, 0}, "", "this task file says nothing to do: its body is empty");
  }
}

}  // namespace fanout::domain
