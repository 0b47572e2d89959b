#include "server/domain/plan/load.hpp"

#include <algorithm>
#include <tuple>

#include "server/domain/plan/loading.hpp"
#include "server/domain/plan/settings_reader.hpp"

namespace fanout::domain {

namespace fs = std::filesystem;

namespace {

void read_metadata(const Reader& top, Plan& plan) {
  static const std::vector<std::string> known{"name",    "title",   "created", "status", "updated",
                                              "version", "plan_id", "author",  "type"};
  if (const auto* metadata = top.member("metadata")) {
    if (metadata->value.kind != Value::Kind::map) {
      add_error(top.diagnostics(), metadata->value.place, "metadata", "metadata must be a map with name:");
    }
    const Reader reader(metadata->value, "metadata", top.diagnostics());
    check_keys(reader, known, Unknown::note);
    plan.name = one_line(reader.text("name").value_or(reader.text("title").value_or("")));
    plan.status = reader.text("status").value_or("");
  }
  if (plan.name.empty()) plan.name = one_line(top.text("name").value_or(top.text("title").value_or("")));
  if (plan.name.empty()) plan.name = one_line(fs::path(plan.path).parent_path().filename().string());
}

void read_tasks(const Reader& top, Plan& plan, Loading& loading) {
  const auto* tasks = top.member("tasks");
  const Place place = tasks ? tasks->value.place : Place{plan.path, 1, 1};
  if (!tasks || (tasks->value.kind == Value::Kind::list && tasks->value.items.empty())) {
    add_error(top.diagnostics(), place, "tasks",
              "this plan has no tasks: it needs tasks: with at least one entry");
  } else if (tasks->value.kind != Value::Kind::list) {
    add_error(top.diagnostics(), place, "tasks", "tasks must be a list");
  } else if (const auto count = tasks->value.items.size(); count > kMaxTasks) {
    add_error(top.diagnostics(), place, "tasks",
              "this plan has " + std::to_string(count) + " tasks; " + std::to_string(kMaxTasks) +
                  " are the most: split it");
  } else {
    for (std::size_t i = 0; i < count; ++i) {
      if (auto task = read_task(tasks->value.items[i], i, loading)) plan.tasks.push_back(std::move(*task));
    }
  }
}

/// Repositories by name; relative paths are of the plan's folder.
void read_repositories(const Reader& top, Plan& plan) {
  const auto* repositories = top.member("repos");
  if (!repositories) return;
  if (repositories->value.kind != Value::Kind::map) {
    return add_error(top.diagnostics(), repositories->value.place, "repos", "repos must be a map of names and paths, such as {api: ../api}");
  }
  const Reader reader(repositories->value, "repos", top.diagnostics());
  for (const auto& member : repositories->value.members) {
    if (const auto fault = fault_in_id(member.key); !fault.empty()) {
      add_error(top.diagnostics(), member.place, "repos", "the name \"" + printable(member.key) + "\" " + fault);
    } else if (const auto path = reader.filled_text(member.key)) {
      plan.repositories.push_back({member.key, *path, member.value.place});
    }
  }
}

/// All that stands in a plan above its tasks.
void read_head(const Reader& reader, Plan& plan) {
  static const auto known =
      with_settings_keys({"metadata", "overview", "tasks", "shared_resources", "testing", "success_criteria",
                          "notes", "changelog", "research", "features", "name", "title", "repos"});
  check_keys(reader, known, Unknown::note);
  read_metadata(reader, plan);
  plan.overview = reader.text("overview").value_or("");
  plan.settings = read_settings(reader);
  read_repositories(reader, plan);
}

void read_plan(const Value& value, Plan& plan, Loading& loading) {
  if (value.kind != Value::Kind::map) {
    add_error(loading.diagnostics(), {plan.path, 1, 1}, "",
              "this is not a plan: it must be a map with tasks:");
    return;
  }
  const Reader reader(value, "", loading.diagnostics());
  read_head(reader, plan);
  read_tasks(reader, plan, loading);
  check_repositories(plan, loading.diagnostics());
  check_graph(plan, loading.dependencies(), loading.diagnostics());
}

bool is_error(const Diagnostic& diagnostic) { return diagnostic.severity == Diagnostic::Severity::error; }

/// Errors are kept before anything else: a plan with a fault must not pass for one without.
std::size_t leave_out_excess(Diagnostics& diagnostics) {
  if (diagnostics.size() <= kMaxDiagnostics) return 0;
  const auto excess = diagnostics.size() - kMaxDiagnostics;
  std::stable_partition(diagnostics.begin(), diagnostics.end(), is_error);
  diagnostics.resize(kMaxDiagnostics);
  return excess;
}

/// The plan's own first, then file by file, from top to bottom.
void sort_by_place(Diagnostics& diagnostics, const std::string& plan_path) {
  const auto key = [&](const Diagnostic& d) {
    return std::make_tuple(d.place.file != plan_path, std::cref(d.place.file), d.place.line, d.place.column);
  };
  std::stable_sort(diagnostics.begin(), diagnostics.end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
}

Diagnostics in_order(Diagnostics diagnostics, const std::string& plan_path) {
  const auto excess = leave_out_excess(diagnostics);
  sort_by_place(diagnostics, plan_path);
  if (excess > 0) {
    add_note(diagnostics, {plan_path, 0, 0}, "",
             std::to_string(excess) + " more messages are left out: mend these first");
  }
  return diagnostics;
}

/// An object of an open plan; null where it is none.
Value open_object(const std::string& text, const char* what, Diagnostics& diagnostics) {
  if (text.size() <= kMaxEntryBytes) return parse_json_object(text, diagnostics);
  add_error(diagnostics, {}, "", std::string(what) + " is larger than " + std::to_string(kMaxEntryBytes >> 20) + " MiB");
  return {};
}

void read_open_head(const std::string& text, Plan& plan, Loading& loading) {
  Value value;
  value.kind = Value::Kind::map;
  if (!text.empty()) value = open_object(text, "this", loading.diagnostics());
  if (value.kind != Value::Kind::map) return;
  if (value.find("tasks")) {
    add_error(loading.diagnostics(), {}, "tasks", "the tasks of a plan that is still being written come one by one, after this");
  }
  read_head(Reader(value, "", loading.diagnostics()), plan);
}

void read_open_entry(const OpenPlanText& text, Plan& plan, Loading& loading) {
  if (text.known.size() >= kMaxTasks) {
    return add_error(loading.diagnostics(), {}, "tasks", "this run has " + std::to_string(kMaxTasks) + " tasks, and may have no more");
  }
  const auto value = open_object(*text.entry, "this task", loading.diagnostics());
  if (value.kind != Value::Kind::map) return;
  if (auto task = read_task(value, 0, loading)) plan.tasks.push_back(std::move(*task));
  check_repositories(plan, loading.diagnostics());
  check_open_graph(plan, text.known, loading.dependencies(), loading.diagnostics());
}

/// It has no place in a list.
std::string field_alone(const std::string& field) {
  constexpr std::string_view entry = "tasks[0]";
  if (!field.starts_with(entry)) return field;
  return field.substr(std::min(field.size(), entry.size() + 1));
}

}  // namespace

LoadedPlan load_open_plan(const fs::path& folder, const std::string& origin, const OpenPlanText& text, const ReadFile& read) {
  Loading loading(folder / "plan", read);
  LoadedPlan loaded;
  auto& plan = loaded.plan;
  plan.path = loading.plan_path().string();  // which names it, where nothing else does
  plan.open = true;
  read_open_head(text.head, plan, loading);
  plan.path = origin;
  if (text.entry) {
    loading.diagnostics().clear();  // who brings a task is not told again of what stands above it
    read_open_entry(text, plan, loading);
  }
  loaded.diagnostics = in_order(std::move(loading.diagnostics()), plan.path);
  for (auto& diagnostic : loaded.diagnostics) diagnostic.field = field_alone(diagnostic.field);
  return loaded;
}

LoadedPlan load_plan(const fs::path& plan_path, const ReadFile& read) {
  Loading loading(plan_path, read);
  LoadedPlan loaded;
  loaded.plan.path = plan_path.string();
  if (const auto text = loading.text_of(plan_path, {}, {loaded.plan.path, 0, 0}, "", kMaxPlanBytes)) {
    const auto value = parse_yaml(*text, loaded.plan.path, 1, loading.diagnostics());
    const bool told = !loading.diagnostics().empty();
    if (!told || value.kind == Value::Kind::map) read_plan(value, loaded.plan, loading);
  }
  loaded.diagnostics = in_order(std::move(loading.diagnostics()), loaded.plan.path);
  return loaded;
}

}  // namespace fanout::domain
