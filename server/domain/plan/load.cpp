#include "server/domain/plan/load.hpp"

#include <algorithm>
#include <array>

#include "common/text.hpp"
#include "server/domain/plan/checks.hpp"
#include "server/domain/plan/resolve.hpp"
#include "server/domain/plan/settings_reader.hpp"
#include "server/domain/plan/task_file.hpp"

namespace fanout::domain {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> with_settings(std::initializer_list<const char*> own) {
  std::vector<std::string> keys(own.begin(), own.end());
  keys.insert(keys.end(), settings_keys().begin(), settings_keys().end());
  return keys;
}

template <class Enum, std::size_t N>
std::optional<Enum> read_word(const Reader& reader, const std::string& key, const std::array<Enum, N>& values) {
  const auto text = reader.text(key);
  if (!text) return std::nullopt;
  std::vector<std::string> words;
  for (const auto value : values) {
    if (*text == to_string(value)) return value;
    words.emplace_back(to_string(value));
  }
  add_error(reader.diagnostics(), reader.place_of(key), reader.field_of(key),
            "unknown " + key + " \"" + printable(*text) + "\": it is one of " + join(words, ", ") +
                did_you_mean(*text, words));
  return std::nullopt;
}

constexpr std::array kPriorities{Priority::blocker, Priority::high, Priority::medium, Priority::low};
constexpr std::array kStatuses{TaskStatus::pending, TaskStatus::in_progress, TaskStatus::completed,
                               TaskStatus::blocked};

/// One loading: plan.yaml, then each task's file.
class Loader {
 public:
  Loader(const fs::path& plan_path, const ReadFile& read) : path_(plan_path), read_(read) {
    result_.plan.path = plan_path.string();
  }

  LoadedPlan load() && {
    if (const auto text = read_text(path_, {}, {path_.string(), 0, 0}, kMaxPlanBytes)) {
      const auto value = parse_yaml(*text, path_.string(), 1, diagnostics());
      if (diagnostics().empty() || value.kind == Value::Kind::map) read_plan(value);
    }
    std::stable_sort(diagnostics().begin(), diagnostics().end(), [&](const Diagnostic& a, const Diagnostic& b) {
      const auto key = [&](const Diagnostic& d) {
        return std::tuple(d.place.file != path_.string(), d.place.file, d.place.line, d.place.column);
      };
      return key(a) < key(b);
    });
    return std::move(result_);
  }

 private:
  Diagnostics& diagnostics() { return result_.diagnostics; }

  std::optional<std::string> read_text(const fs::path& file, const fs::path& inside, const Place& said,
                                       std::size_t most) {
    auto content = read_(file, inside);
    if (const auto* failure = std::get_if<ReadFailure>(&content)) {
      add_error(diagnostics(), said, "", "cannot read " + printable(file.string()) + ": " + failure->reason);
      return std::nullopt;
    }
    auto text = std::get<std::string>(std::move(content));
    if (text.size() > most) {
      add_error(diagnostics(), said, "", printable(file.string()) + " is larger than " + std::to_string(most >> 20) + " MiB");
      return std::nullopt;
    }
    return text;
  }

  void read_plan(const Value& value) {
    static const auto known = with_settings({"metadata", "overview", "tasks", "shared_resources", "testing",
                                             "success_criteria", "notes", "changelog", "research", "features", "name",
                                             "title"});
    if (value.kind != Value::Kind::map) {
      add_error(diagnostics(), {path_.string(), 1, 1}, "", "this is not a plan: it must be a map with tasks:");
      return;
    }
    const Reader reader(value, "", diagnostics());
    check_keys(reader, known, Unknown::note);
    read_metadata(reader);
    auto& plan = result_.plan;
    plan.overview = reader.text("overview").value_or("");
    plan.settings = read_settings(reader);
    read_tasks(reader);
    check_graph(plan, dependency_places_, diagnostics());
  }

  void read_metadata(const Reader& top) {
    auto& plan = result_.plan;
    if (const auto* metadata = top.member("metadata")) {
      if (metadata->value.kind != Value::Kind::map) {
        add_error(diagnostics(), metadata->value.place, "metadata", "metadata must be a map with name:");
      }
      const Reader reader(metadata->value, "metadata", diagnostics());
      plan.name = reader.text("name").value_or(reader.text("title").value_or(""));
      plan.status = reader.text("status").value_or("");
    }
    if (plan.name.empty()) plan.name = top.text("name").value_or(top.text("title").value_or(""));
    if (plan.name.empty()) plan.name = path_.parent_path().filename().string();
  }

  void read_tasks(const Reader& top) {
    const auto* tasks = top.member("tasks");
    const Place place = tasks ? tasks->value.place : Place{path_.string(), 1, 1};
    if (!tasks || (tasks->value.kind == Value::Kind::list && tasks->value.items.empty())) {
      add_error(diagnostics(), place, "tasks", "this plan has no tasks: it needs tasks: with at least one entry");
    } else if (tasks->value.kind != Value::Kind::list) {
      add_error(diagnostics(), place, "tasks", "tasks must be a list");
    } else if (tasks->value.items.size() > kMaxTasks) {
      add_error(diagnostics(), place, "tasks",
                "this plan has " + std::to_string(tasks->value.items.size()) + " tasks; " + std::to_string(kMaxTasks) +
                    " are the most: split it");
    } else {
      for (std::size_t i = 0; i < tasks->value.items.size(); ++i) read_task(tasks->value.items[i], i);
    }
  }

  void read_task(const Value& value, std::size_t index) {
    static const auto known = with_settings({"id", "name", "title", "file", "prompt", "priority", "status",
                                             "dependencies", "labels", "description", "estimated_time"});
    const auto field = "tasks[" + std::to_string(index) + "]";
    if (value.kind != Value::Kind::map) {
      add_error(diagnostics(), value.place, field, "a task must be a map with id: and file: or prompt:");
      return;
    }
    const Reader reader(value, field, diagnostics());
    check_keys(reader, known, Unknown::note);
    Task task;
    task.place = value.place;
    task.id = read_id(reader);
    task.title = reader.text("name").value_or(reader.text("title").value_or(""));
    task.priority = read_word(reader, "priority", kPriorities).value_or(Priority::medium);
    task.status = read_word(reader, "status", kStatuses).value_or(TaskStatus::pending);
    task.dependencies = read_dependencies(reader, task.id);
    task.labels = reader.texts("labels").value_or(std::vector<std::string>{});
    task.estimated_time = reader.text("estimated_time").value_or("");
    task.settings = read_settings(reader);
    read_content(reader, task);
    if (task.title.empty()) task.title = task.id;
    result_.plan.tasks.push_back(std::move(task));
  }

  std::string read_id(const Reader& reader) {
    const auto id = reader.text("id");
    if (!id || id->empty()) {
      if (!reader.member("id") || id) {
        add_error(diagnostics(), reader.map().place, reader.field_of("id"), "this task has no id");
      }
      return {};
    }
    if (const auto fault = fault_in_id(*id); !fault.empty()) {
      add_error(diagnostics(), reader.place_of("id"), reader.field_of("id"), "the id \"" + printable(*id) + "\" " + fault);
    }
    return *id;
  }

  std::vector<std::string> read_dependencies(const Reader& reader, const std::string& id) {
    const auto dependencies = reader.texts("dependencies").value_or(std::vector<std::string>{});
    const auto* member = reader.member("dependencies");
    std::vector<std::string> distinct;
    for (std::size_t i = 0; i < dependencies.size(); ++i) {
      const auto& items = member->value.items;
      const auto place = i < items.size() ? items[i].place : member->value.place;
      dependency_places_.push_back({id.empty() ? "this task" : id, dependencies[i], place, reader.field_of("dependencies")});
      if (std::find(distinct.begin(), distinct.end(), dependencies[i]) == distinct.end()) distinct.push_back(dependencies[i]);
    }
    return distinct;
  }

  void read_content(const Reader& reader, Task& task) {
    const auto file = reader.text("file");
    auto prompt = reader.text("prompt");
    if (!prompt) prompt = file ? std::nullopt : reader.text("description");
    if (file && prompt) {
      add_error(diagnostics(), reader.place_of("prompt"), reader.field_of("prompt"),
                "a task has either file: or prompt:, not both");
    } else if (file) {
      read_task_file(reader, *file, task);
    } else if (prompt && !trimmed(*prompt).empty()) {
      task.body = *prompt;
      task.objective = std::string(trimmed(*prompt));
    } else {
      add_error(diagnostics(), reader.map().place, reader.field_of("file"),
                "this task says nothing to do: it needs file: (a Markdown file beside the plan) or prompt:");
    }
  }

  void read_task_file(const Reader& entry, const std::string& file, Task& task) {
    const auto place = entry.place_of("file");
    const auto field = entry.field_of("file");
    const auto folder = path_.parent_path();
    const auto path = (folder / file).lexically_normal();
    const auto relative = path.lexically_relative(folder);
    if (file.empty() || fs::path(file).is_absolute() || relative.empty() || *relative.begin() == "..") {
      add_error(diagnostics(), place, field, "\"" + printable(file) + "\" lies outside the plan's folder");
      return;
    }
    const auto text = read_text(path, folder, place, kMaxTaskFileBytes);
    if (!text) return;
    task.file = path.string();
    const auto cut = cut_task_file(*text);
    if (!cut) {
      add_error(diagnostics(), {task.file, 1, 1}, "", "the front matter is opened by --- and never closed");
      return;
    }
    task.body = cut->body;
    read_sections(cut->body, task);
    if (cut->front_line > 0) read_front_matter(*cut, task);
    if (trimmed(task.body).empty()) {
      add_error(diagnostics(), {task.file, 0, 0}, "", "this task file says nothing to do: its body is empty");
    }
  }

  void read_front_matter(const TaskFile& cut, Task& task) {
    static const auto known =
        with_settings({"id", "priority", "status", "dependencies", "labels", "name", "title", "estimated_time",
                       "created", "assignee"});
    const auto value = parse_yaml(cut.front_matter, task.file, cut.front_line, diagnostics());
    if (value.kind == Value::Kind::null) return;
    if (value.kind != Value::Kind::map) {
      add_error(diagnostics(), {task.file, cut.front_line, 1}, "", "the front matter must be a map with id:");
      return;
    }
    const Reader reader(value, "", diagnostics());
    check_keys(reader, known, Unknown::note);
    compare_with_plan(reader, task);
    task.status = read_word(reader, "status", kStatuses).value_or(task.status);
    for (auto& label : reader.texts("labels").value_or(std::vector<std::string>{})) {
      if (std::find(task.labels.begin(), task.labels.end(), label) == task.labels.end()) task.labels.push_back(label);
    }
    merge_settings(task.settings, read_settings(reader));
  }

  void compare_with_plan(const Reader& reader, Task& task) {
    if (const auto id = reader.text("id"); id && *id != task.id) {
      add_error(diagnostics(), reader.place_of("id"), "id",
                "the id here is \"" + printable(*id) + "\", but the plan says \"" + printable(task.id) + "\"");
    }
    if (reader.member("dependencies")) {
      auto here = reader.texts("dependencies").value_or(std::vector<std::string>{});
      auto there = task.dependencies;
      std::sort(here.begin(), here.end());
      std::sort(there.begin(), there.end());
      if (here != there) {
        add_error(diagnostics(), reader.place_of("dependencies"), "dependencies",
                  "the dependencies here are [" + printable(join(here, ", ")) + "], but the plan says [" +
                      printable(join(there, ", ")) + "]");
      }
    }
    if (const auto priority = read_word(reader, "priority", kPriorities); priority && *priority != task.priority) {
      add_warning(diagnostics(), reader.place_of("priority"), "priority",
                  std::string("the priority here is ") + to_string(*priority) + ", but the plan says " +
                      to_string(task.priority) + ", and that counts");
    }
  }

  const fs::path path_;
  const ReadFile& read_;
  LoadedPlan result_;
  std::vector<DependencyPlace> dependency_places_;
};

}  // namespace

LoadedPlan load_plan(const fs::path& plan_path, const ReadFile& read) { return Loader(plan_path, read).load(); }

}  // namespace fanout::domain
