#include "server/domain/plan/template.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

namespace {

/// Everything that a template may name; README and fanout-plan(5) list the same.
const std::set<std::string>& known_placeholders() {
  static const std::set<std::string> names{"task.id",
                                           "task.title",
                                           "task.description",
                                           "task.objective",
                                           "task.body",
                                           "task.files",
                                           "task.files_list",
                                           "task.tests",
                                           "task.tests_list",
                                           "task.success_criteria",
                                           "task.detailed_implementation_steps",
                                           "task.estimated_time",
                                           "task.priority",
                                           "task.dependencies",
                                           "task.labels",
                                           "task.notes",
                                           "task.conflicts",
                                           "task.file",
                                           "task_id",
                                           "task_name",
                                           "task_priority",
                                           "task_dependencies",
                                           "plan_file_path",
                                           "plan_name",
                                           "plan_overview",
                                           "base",
                                           "run_id",
                                           "worktree",
                                           "worktree_path",
                                           "branch",
                                           "base_commit",
                                           "issue",
                                           "issue_num",
                                           "issue_url",
                                           "project_setup_commands",
                                           "project_verify_command",
                                           "unit_test_command",
                                           "integration_test_command",
                                           "lint_command",
                                           "typecheck_command",
                                           "format_command",
                                           "specific_tests",
                                           "gates_list",
                                           "port",
                                           "slug"};
  return names;
}

/// Words in braces that the seed's own template leaves for the agent to fill in.
const std::set<std::string>& agents_words() {
  static const std::set<std::string> words{"type",        "file1",  "file2",  "file3",
                                           "description", "detail", "summary"};
  return words;
}

bool is_first(char c) { return c >= 'a' && c <= 'z'; }
bool is_next(char c) { return is_first(c) || (c >= '0' && c <= '9') || c == '_' || c == '.'; }

/// Calls `text(piece)` and `placeholder(name, offset)` in order, for all of `source`.
void walk(std::string_view source, const std::function<void(std::string_view)>& text,
          const std::function<void(std::string_view, std::size_t)>& placeholder) {
  std::size_t done = 0;
  for (auto open = source.find('{'); open != std::string_view::npos; open = source.find('{', open + 1)) {
    if (open > 0 && source[open - 1] == '$') continue;  // a shell's ${name}
    auto end = open + 1;
    while (end < source.size() && is_next(source[end])) ++end;
    const auto name = source.substr(open + 1, end - open - 1);
    if (end >= source.size() || source[end] != '}' || name.empty() || !is_first(name.front())) continue;
    text(source.substr(done, open - done));
    placeholder(name, open);
    done = end + 1;
    open = end;
  }
  text(source.substr(done));
}

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

std::vector<Diagnostic> unknown_placeholders(std::string_view text, const std::string& file) {
  const auto& known = known_placeholders();
  const std::vector<std::string> candidates(known.begin(), known.end());
  Diagnostics diagnostics;
  walk(
      text, [](std::string_view) {},
      [&](std::string_view view, std::size_t offset) {
        const std::string name(view);
        if (known.contains(name) || agents_words().contains(name)) return;
        add_error(diagnostics, place_at(text, offset, file), "",
                  "unknown placeholder {" + name + "}" + did_you_mean(name, candidates));
      });
  return diagnostics;
}

std::string render(std::string_view text, const std::map<std::string, std::string>& values) {
  std::string rendered;
  walk(
      text, [&](std::string_view piece) { rendered += piece; },
      [&](std::string_view name, std::size_t) {
        const auto value = values.find(std::string(name));
        rendered += value == values.end() ? "{" + std::string(name) + "}" : value->second;
      });
  return rendered;
}

std::string render_name(std::string_view pattern, const std::string& task_id, const std::string& run_id,
                        const std::string& issue) {
  std::string name(pattern);
  replace_all(name, "{task_id}", task_id);
  replace_all(name, "{run_id}", run_id);
  replace_all(name, "{issue}", issue);
  return name;
}

bool names_issue(std::string_view pattern) { return pattern.find("{issue}") != std::string_view::npos; }

}  // namespace fanout::domain
