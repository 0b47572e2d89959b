#include "server/editing/add_tasks.hpp"

#include <algorithm>
#include <ctime>
#include <map>
#include <set>

#include "common/text.hpp"
#include "server/domain/plan/checks.hpp"
#include "server/domain/plan/load.hpp"
#include "server/domain/plan/loading.hpp"
#include "server/editing/files.hpp"
#include "server/editing/plan_text.hpp"
#include "server/editing/text.hpp"
#include "server/git/git.hpp"
#include "server/planning/plan_files.hpp"
#include "server/planning/planner.hpp"

namespace fanout::editing {

namespace fs = std::filesystem;

namespace {

constexpr const char* kTaskFolder = "tasks";
constexpr std::size_t kLongestPath = 500;

Error refused(ErrorKind kind, const std::string& why) { return Error(kind, why + "; nothing was changed"); }

using FileText = std::variant<std::string, domain::ReadFailure>;

FileText read_beneath(const fs::path& file, const fs::path& inside) { return planning::read_plan_file(file, inside); }

/// The folder, or what there is of it.
fs::path as_far_as_there(fs::path folder) {
  std::error_code ignored;
  while (folder.has_relative_path() && !fs::is_directory(folder, ignored)) folder = folder.parent_path();
  return folder;
}

std::string name_for(const fs::path& plan) {
  try {
    return as_title(git::find_repository(as_far_as_there(plan.parent_path())).filename().string());
  } catch (const Error&) {
    return as_title(plan.parent_path().filename().string());
  }
}

std::string text_of_plan(const fs::path& plan) {
  auto text = planning::read_plan_file(plan, {});
  if (auto* found = std::get_if<std::string>(&text)) return std::move(*found);
  throw Error(ErrorKind::not_found, "cannot read " + printable(plan.string()) + ": " + std::get<domain::ReadFailure>(text).reason +
                                        " (fanout plan new makes a plan)");
}

/// A plan before it is changed, and what is decided about its new tasks.
class Addition {
 public:
  explicit Addition(const fs::path& plan)
      : plan_(plan), text_(text_of_plan(plan)), before_(domain::load_plan(plan, read_beneath)), root_(root_around()) {
    for (const auto& task : before_.plan.tasks) taken_.insert(lower_case(task.id));
    for (const auto& task : before_.plan.tasks) ids_.push_back(task.id);
  }

  void add(const WantedTask& wanted) {
    TaskText task;
    task.title = as_title(wanted.title);
    if (task.title.empty()) throw refused(ErrorKind::invalid_input, "a task needs a title");
    task.priority = priority_of(wanted.priority);
    task.id = id_of(wanted, task.title);
    task.dependencies = dependencies_of(wanted, task.id);
    task.prompt = cleaned(wanted.prompt);
    task.issue = wanted.issue;
    for (const auto& file : wanted.files) place_file(file, task);
    entries_.push_back({task.id, task.title, name_of(task.id), task.priority, task.dependencies});
    taken_.insert(lower_case(task.id));
    ids_.push_back(task.id);
    tasks_.push_back(std::move(task));
  }

  AddedTasks write() {
    const auto edited = with_entries(text_, entries_, plan_.string());
    AddedTasks added;
    added.diagnostics = checked(edited);
    std::vector<fs::path> made;
    try {
      require_inside(plan_.parent_path() / kTaskFolder, plan_.parent_path());
      for (const auto& task : tasks_) {
        create_file(path_of(task.id), task_file_text(task));
        made.push_back(path_of(task.id));
      }
      require_unchanged();
      replace_file(plan_, edited.text);
    } catch (...) {
      std::error_code ignored;
      for (const auto& file : made) fs::remove(file, ignored);
      throw;
    }
    for (const auto& task : tasks_) added.tasks.push_back(told(task));
    return added;
  }

 private:
  void require_unchanged() const {
    if (text_of_plan(plan_) == text_) return;
    throw refused(ErrorKind::precondition, shown_plan() + " was changed at this very moment: try again");
  }

  std::string shown_plan() const { return printable(plan_.string()); }

  static std::string name_of(const std::string& id) { return std::string(kTaskFolder) + "/" + id + ".md"; }
  fs::path path_of(const std::string& id) const { return (plan_.parent_path() / name_of(id)).lexically_normal(); }

  /// Empty: none, and so no file of it is known.
  fs::path root_around() const {
    try {
      return repository_of(plan_, before_.plan);
    } catch (const Error&) {
      return {};
    }
  }

  static domain::Priority priority_of(const std::string& word) {
    if (word.empty()) return domain::Priority::medium;
    for (const auto priority : domain::kPriorities) {
      if (word == to_string(priority)) return priority;
    }
    throw refused(ErrorKind::invalid_input,
                  "unknown priority \"" + printable(word) + "\": it is one of blocker, high, medium, low");
  }

  bool is_free(const std::string& id) const { return !taken_.contains(lower_case(id)) && !is_there(path_of(id)); }

  std::string id_of(const WantedTask& wanted, const std::string& title) const {
    if (wanted.id.empty()) return free_id(id_from_title(title));
    const auto& id = wanted.id;
    const auto shown = "\"" + printable(id) + "\"";
    const auto fault = domain::fault_in_id(id);
    if (!fault.empty()) throw refused(ErrorKind::invalid_input, "the id " + shown + " " + fault);
    if (taken_.contains(lower_case(id)))
      throw refused(ErrorKind::already_there, "there is a task " + shown + " in " + shown_plan() + already_in_line(id));
    const auto file = path_of(id);
    if (!is_there(file)) return id;
    throw refused(ErrorKind::already_there, printable(file.string()) + " is there already: choose another id with --id");
  }

  std::string free_id(const std::string& stem) const {
    if (is_free(stem)) return stem;
    for (unsigned number = 2;; ++number) {
      if (const auto id = stem + "-" + std::to_string(number); is_free(id)) return id;
    }
  }

  std::string already_in_line(const std::string& id) const {
    for (const auto& task : before_.plan.tasks) {
      if (lower_case(task.id) == lower_case(id)) return ", line " + std::to_string(task.place.line);
    }
    return "";
  }

  std::vector<std::string> dependencies_of(const WantedTask& wanted, const std::string& id) const {
    std::vector<std::string> distinct;
    for (const auto& dependency : wanted.dependencies) {
      const auto shown = printable(dependency);
      if (dependency == id) throw refused(ErrorKind::invalid_input, "\"" + shown + "\" cannot depend on itself");
      if (std::find(ids_.begin(), ids_.end(), dependency) == ids_.end())
        throw refused(ErrorKind::invalid_input,
                      "\"" + shown + "\" is no task of " + shown_plan() + domain::did_you_mean(dependency, ids_));
      if (std::find(distinct.begin(), distinct.end(), dependency) == distinct.end()) distinct.push_back(dependency);
    }
    return distinct;
  }

  void place_file(const std::string& named, TaskText& task) const {
    const auto file = fs::path(named).lexically_normal();
    const bool plain = named == as_title(named, kLongestPath) && named.find('`') == std::string::npos && file.string() != ".";
    if (!plain || file.is_absolute() || file.empty() || *file.begin() == "..")
      throw refused(ErrorKind::invalid_input, "\"" + printable(named) + "\" must be a path within the repository");
    std::error_code ignored;
    const bool known = root_.empty() || fs::exists(root_ / file, ignored);
    (known ? task.modify : task.create).push_back(file.string());
  }

  /// What the plan would be, seen as a run would see it. Faults in lines that are not there yet are told of the file.
  std::vector<domain::Diagnostic> checked(const EditedPlan& edited) const {
    std::map<fs::path, std::string> written{{plan_, edited.text}};
    for (const auto& task : tasks_) written.emplace(path_of(task.id), task_file_text(task));
    const auto after = domain::load_plan(plan_, [&](const fs::path& file, const fs::path& inside) -> FileText {
      const auto found = written.find(file);
      if (found == written.end()) return read_beneath(file, inside);
      return found->second;
    });
    if (after.ok()) {
      require_as_wanted(after.plan);
      return after.diagnostics;
    }
    auto faults = after.diagnostics;
    for (auto& fault : faults) {
      auto& line = fault.place.line;
      if (fault.place.file != plan_.string() || line < edited.first_line) continue;
      line = line < edited.first_line + edited.lines ? 0 : line - edited.lines;
      if (line == 0) fault.place.column = 0;
    }
    throw planning::PlanFaultsError(std::move(faults), planning::kNothingChanged);
  }

  /// The prompt may hold what swallows the sections behind it.
  void require_as_wanted(const domain::Plan& plan) const {
    for (const auto& task : tasks_) {
      const auto found = std::find_if(plan.tasks.begin(), plan.tasks.end(), [&](const auto& one) { return one.id == task.id; });
      const auto swallowed = [](const auto& wanted, const auto& read) { return !wanted.empty() && read.empty(); };
      if (!swallowed(task.create, found->create) && !swallowed(task.modify, found->modify)) continue;
      throw refused(ErrorKind::invalid_input, "the prompt of \"" + task.id + "\" opens a code fence and does not close it");
    }
  }

  fanout::v1::AddedTask told(const TaskText& task) const {
    fanout::v1::AddedTask added;
    added.set_id(task.id);
    added.set_title(task.title);
    added.set_file(valid_utf8(path_of(task.id).string()));
    return added;
  }

  const fs::path plan_;
  const std::string text_;
  const domain::LoadedPlan before_;
  const fs::path root_;
  std::set<std::string> taken_;  ///< In lower case.
  std::vector<std::string> ids_;
  std::vector<TaskText> tasks_;
  std::vector<Entry> entries_;
};

}  // namespace

AddedTasks add_tasks(const fs::path& plan, const std::vector<WantedTask>& wanted) {
  Addition addition(plan);
  if (wanted.empty()) return {};
  for (const auto& task : wanted) addition.add(task);
  return addition.write();
}

domain::LoadedPlan read_plan(const fs::path& plan) {
  text_of_plan(plan);  // says so where there is none
  return domain::load_plan(plan, read_beneath);
}

std::vector<std::string> task_ids(const fs::path& plan) {
  std::vector<std::string> ids;
  const auto said = read_plan(plan).plan;
  for (const auto& task : said.tasks) ids.push_back(task.id);
  return ids;
}

std::string new_plan(const fs::path& plan, const std::string& name, const std::string& created) {
  auto title = as_title(name);
  if (title.empty()) title = name_for(plan);
  create_file(plan, new_plan_text(title, created));
  return title;
}

fs::path repository_of(const fs::path& plan, const domain::Plan& said) {
  const auto folder = plan.parent_path();
  return git::find_repository(said.settings.repo ? (folder / *said.settings.repo).lexically_normal() : folder);
}

WantedTask wanted_task(const fanout::v1::AddTaskRequest& request) {
  return {request.id(), request.title(), request.priority(), {request.dependencies().begin(), request.dependencies().end()},
          {request.files().begin(), request.files().end()}, request.prompt()};
}

std::string created_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[sizeof "20251028-011700"];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &parts);
  return text;
}

}  // namespace fanout::editing
