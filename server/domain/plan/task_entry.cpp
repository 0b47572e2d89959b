// A task as plan.yaml lists it.
#include <set>

#include "server/domain/plan/loading.hpp"

namespace fanout::domain {

namespace fs = std::filesystem;

namespace {

constexpr const char* kNothingToDo =
    "this task says nothing to do: it needs file: (a Markdown file beside the plan) or prompt:";

std::string read_id(const Reader& reader) {
  const auto id = reader.text("id");
  if (!reader.member("id") || (id && id->empty())) {
    add_error(reader.diagnostics(), reader.map().place, reader.field_of("id"), "this task has no id");
  }
  if (!id || id->empty()) return {};
  if (const auto fault = fault_in_id(*id); !fault.empty()) {
    add_error(reader.diagnostics(), reader.place_of("id"), reader.field_of("id"),
              "the id \"" + printable(*id) + "\" " + fault);
  }
  return *id;
}

std::vector<std::string> read_dependencies(const Reader& reader, const std::string& id, Loading& loading) {
  const auto dependencies = reader.texts("dependencies").value_or(std::vector<std::string>{});
  const auto places = reader.places_of_texts("dependencies");
  const auto field = reader.field_of("dependencies");
  std::vector<std::string> distinct;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < dependencies.size(); ++i) {
    loading.dependencies().push_back({id.empty() ? "this task" : id, dependencies[i], places[i], field});
    if (seen.insert(dependencies[i]).second) distinct.push_back(dependencies[i]);
  }
  return distinct;
}

/// By the words alone: links are the reader's business.
bool lies_inside(const fs::path& folder, const std::string& file) {
  const auto relative = (folder / file).lexically_normal().lexically_relative(folder);
  return !file.empty() && !fs::path(file).is_absolute() && !relative.empty() && *relative.begin() != "..";
}

void read_file(const Reader& entry, const std::string& file, const Said& said, Task& task, Loading& loading) {
  const auto place = entry.place_of("file");
  const auto field = entry.field_of("file");
  const auto folder = loading.plan_path().parent_path();
  if (!lies_inside(folder, file)) {
    add_error(loading.diagnostics(), place, field,
              "\"" + printable(file) + "\" lies outside the plan's folder");
    return;
  }
  const auto path = (folder / file).lexically_normal();
  const auto text = loading.text_of(path, folder, place, field, kMaxTaskFileBytes);
  if (!text) return;
  task.file = path.string();
  read_task_file(*text, said, task, loading.diagnostics());
}

void read_prompt(const Reader& entry, const std::string& key, Task& task) {
  const auto prompt = entry.filled_text(key);
  if (!prompt) return;
  task.body = *prompt;
  task.objective = std::string(trimmed(*prompt));
}

void read_content(const Reader& entry, const Said& said, Task& task, Loading& loading) {
  if (entry.member("file") && entry.member("prompt")) {
    add_error(loading.diagnostics(), entry.place_of("prompt"), entry.field_of("prompt"),
              "a task has either file: or prompt:, not both");
  } else if (entry.member("file")) {
    if (const auto file = entry.filled_text("file")) read_file(entry, *file, said, task, loading);
  } else if (entry.member("prompt")) {
    read_prompt(entry, "prompt", task);
  } else if (entry.member("description")) {
    read_prompt(entry, "description", task);
  } else {
    add_error(loading.diagnostics(), entry.map().place, entry.field_of("file"), kNothingToDo);
  }
}

Task read_entry(const Reader& reader) {
  Task task;
  task.place = reader.map().place;
  task.id = read_id(reader);
  task.title = one_line(reader.text("name").value_or(reader.text("title").value_or("")));
  task.priority = read_word(reader, "priority", kPriorities).value_or(Priority::medium);
  task.status = read_word(reader, "status", kStatuses).value_or(TaskStatus::pending);
  task.labels = reader.texts("labels").value_or(std::vector<std::string>{});
  task.issue = reader.count("issue", kMostIssue).value_or(0);
  task.estimated_time = reader.text("estimated_time").value_or("");
  task.settings = read_task_settings(reader);
  return task;
}

}  // namespace

std::optional<Task> read_task(const Value& value, std::size_t index, Loading& loading) {
  static const auto known = with_settings_keys({"id", "name", "title", "file", "prompt", "priority", "status",
                                                "dependencies", "labels", "issue", "description", "estimated_time"});
  const auto field = "tasks[" + std::to_string(index) + "]";
  if (value.kind != Value::Kind::map) {
    add_error(loading.diagnostics(), value.place, field,
              "a task must be a map with id: and file: or prompt:");
    return std::nullopt;
  }
  const Reader reader(value, field, loading.diagnostics());
  check_keys(reader, known, Unknown::note);
  auto task = read_entry(reader);
  task.dependencies = read_dependencies(reader, task.id, loading);
  read_content(reader, {reader.member("priority") != nullptr}, task, loading);
  if (task.title.empty()) task.title = one_line(task.id);
  return task;
}

}  // namespace fanout::domain
