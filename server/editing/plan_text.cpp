#include "server/editing/plan_text.hpp"

#include <algorithm>
#include <optional>

#include "common/text.hpp"
#include "server/domain/plan/tree.hpp"
#include "server/editing/text.hpp"
#include "server/planning/planner.hpp"

namespace fanout::editing {

using domain::Value;

namespace {

constexpr std::size_t kUsualIndent = 2;

/// Each with its line end, but the last, which may have none.
std::vector<std::string> cut_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

std::size_t indent_of(const std::string& line) { return std::min(line.find_first_not_of(' '), line.size()); }
bool is_blank(const std::string& line) { return trimmed(line).empty(); }
bool is_comment(const std::string& line) { return trimmed(line).starts_with('#'); }

/// Where entries could be put: before line `line`, from 0.
struct Place {
  std::size_t line;
  std::size_t indent = kUsualIndent;
  bool spaced = false;     ///< An empty line before each, as the others have it.
  std::string before = {};  ///< What has to come first.
};

std::string lines_of_entry(const Entry& entry, std::size_t indent, const std::string& end) {
  std::vector<std::string> ids;
  for (const auto& id : entry.dependencies) ids.push_back(yaml_quoted(id));
  const std::string dash(indent, ' '), rest(indent + 2, ' ');
  return dash + "- id: " + yaml_quoted(entry.id) + end + rest + "name: " + yaml_quoted(entry.title) + end + rest +
         "file: " + yaml_quoted(entry.file) + end + rest + "priority: " + yaml_quoted(to_string(entry.priority)) + end + rest +
         "dependencies: [" + join(ids, ", ") + "]" + end;
}

EditedPlan put(const std::vector<std::string>& lines, const Place& place, const std::vector<Entry>& entries) {
  const std::string end = !lines.empty() && lines.front().ends_with("\r\n") ? "\r\n" : "\n";
  std::string added = place.before.empty() ? "" : place.before + end;
  for (const auto& entry : entries) added += (place.spaced ? end : "") + lines_of_entry(entry, place.indent, end);
  EditedPlan edited;
  for (std::size_t i = 0; i < place.line; ++i) edited.text += lines[i];
  if (!edited.text.empty() && !edited.text.ends_with('\n')) edited.text += end;
  edited.text += added;
  for (std::size_t i = place.line; i < lines.size(); ++i) edited.text += lines[i];
  edited.first_line = static_cast<unsigned>(place.line) + 1;
  edited.lines = static_cast<unsigned>(std::count(added.begin(), added.end(), '\n'));
  return edited;
}

bool same(const Value& a, const Value& b) {
  const auto same_member = [](const domain::Member& x, const domain::Member& y) {
    return x.key == y.key && same(x.value, y.value);
  };
  return a.kind == b.kind && a.text == b.text && std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same) &&
         std::equal(a.members.begin(), a.members.end(), b.members.begin(), b.members.end(), same_member);
}

bool says(const Value& task, const Entry& entry) {
  const auto has = [&](const char* key, const std::string& text) {
    const auto* member = task.find(key);
    return member && member->value.kind == Value::Kind::scalar && member->value.text == text;
  };
  const auto* dependencies = task.find("dependencies");
  const auto same_id = [](const Value& value, const std::string& id) { return value.text == id; };
  return task.members.size() == 5 && has("id", entry.id) && has("name", entry.title) && has("file", entry.file) &&
         has("priority", to_string(entry.priority)) && dependencies &&
         std::equal(dependencies->value.items.begin(), dependencies->value.items.end(), entry.dependencies.begin(),
                    entry.dependencies.end(), same_id);
}

/// Whether `after` is `before` and the entries, and nothing else.
bool is_extended(const Value& before, const Value& after, const std::vector<Entry>& entries) {
  if (after.kind != Value::Kind::map) return false;
  const auto* old_tasks = before.find("tasks");
  const auto* tasks = after.find("tasks");
  const std::size_t old_count = old_tasks ? old_tasks->value.items.size() : 0;
  if (!tasks || tasks->value.items.size() != old_count + entries.size()) return false;
  if (after.members.size() != before.members.size() + (old_tasks ? 0 : 1)) return false;
  const auto kept = [&](const domain::Member& member) {
    const auto* now = after.find(member.key);
    return now && (member.key == "tasks" || same(member.value, now->value));
  };
  const auto& items = tasks->value.items;
  const auto border = items.begin() + static_cast<std::ptrdiff_t>(old_count);
  const bool old_ones = !old_tasks || std::equal(items.begin(), border, old_tasks->value.items.begin(), same);
  return old_ones && std::all_of(before.members.begin(), before.members.end(), kept) &&
         std::equal(border, items.end(), entries.begin(), says);
}

/// Behind the last line that can belong to the top map: a line of "..." ends the document.
std::size_t end_of_document(const std::vector<std::string>& lines) {
  auto end = lines.size();
  while (end > 0 && is_blank(lines[end - 1])) --end;
  return end > 0 && trimmed(lines[end - 1]) == "..." ? end - 1 : lines.size();
}

/// The line on which the member behind `tasks` begins; the document's end where it is the last.
std::size_t end_of_tasks(const Value& plan, const domain::Member& tasks, const std::vector<std::string>& lines) {
  auto end = end_of_document(lines);
  for (const auto& member : plan.members) {
    if (member.place.line > tasks.place.line) end = std::min<std::size_t>(end, member.place.line - 1);
  }
  return end;
}

/// Comments that stand as far out as the next member, or at the margin, are about what follows.
std::size_t without_what_follows(const std::vector<std::string>& lines, std::size_t end, std::size_t indent) {
  const auto leads_on = [&](const std::string& line) {
    return is_blank(line) || (is_comment(line) && (indent_of(line) < indent || indent_of(line) == 0));
  };
  while (end > 0 && leads_on(lines[end - 1])) --end;
  return end;
}

/// `tasks: []`, on one line, without its brackets.
bool take_brackets_off(std::vector<std::string>& lines, const domain::Place& place) {
  auto& line = lines.at(place.line - 1);
  const auto open = line.find('[', place.column - 1);
  const auto close = open == std::string::npos ? open : line.find_first_not_of(" \t", open + 1);
  if (close == std::string::npos || line[close] != ']') return false;
  const auto rest = line.substr(close + 1);
  line.erase(open);
  if (is_blank(rest)) line.erase(line.find_last_not_of(" \t") + 1);
  line += rest;
  return true;
}

/// Where they could go, the likeliest first. Changes `lines` where an empty list has to be opened for them.
std::vector<Place> places_in(const Value& plan, std::vector<std::string>& lines) {
  const auto* tasks = plan.find("tasks");
  if (!tasks) {
    const auto end = end_of_document(lines);
    return {{without_what_follows(lines, end, kUsualIndent), kUsualIndent, false, "tasks:"}, {end, kUsualIndent, false, "tasks:"}};
  }
  const auto& list = tasks->value;
  const std::size_t key_line = tasks->place.line;
  if (list.kind == Value::Kind::null) return {{key_line}};
  if (list.kind != Value::Kind::list) return {};
  if (list.items.empty()) return take_brackets_off(lines, list.place) ? std::vector<Place>{{list.place.line}} : std::vector<Place>();
  const auto& first = lines.at(list.place.line - 1);
  const std::size_t indent = list.place.column - 1;
  if (indent >= first.size() || first[indent] != '-') return {};
  const auto end = end_of_tasks(plan, *tasks, lines);
  const auto last = list.items.back().place.line;
  const bool spaced = list.items.size() > 1 && last >= 2 && is_blank(lines.at(last - 2));
  return {{without_what_follows(lines, end, indent), indent, spaced}, {end, indent, spaced}};
}

Value parsed(const std::string& text, const std::string& path, domain::Diagnostics& faults) {
  return domain::parse_yaml(text, path, 1, faults);
}

}  // namespace

EditedPlan with_entries(const std::string& plan, const std::vector<Entry>& entries, const std::string& path) {
  domain::Diagnostics faults;
  const auto before = parsed(plan, path, faults);
  if (!faults.empty()) throw planning::PlanFaultsError(std::move(faults), planning::kNothingChanged);
  auto lines = cut_lines(plan);
  for (const auto& place : places_in(before, lines)) {
    auto edited = put(lines, place, entries);
    const auto after = parsed(edited.text, path, faults);
    if (faults.empty() && is_extended(before, after, entries)) return edited;
    faults.clear();
  }
  throw Error(ErrorKind::precondition, "no task can be added to " + printable(path) +
                                           " without changing what else it says: write its tasks: as lines that begin with \"-\"");
}

std::string new_plan_text(std::string_view name, std::string_view created) {
  return "# A plan for Fanout. To add a task: fanout plan add \"TITLE\"; to check it: fanout plan validate; to run it: fanout execute.\n"
         "metadata:\n"
         "  name: " + yaml_quoted(name) + "\n"
         "  created: " + yaml_quoted(created) + "\n"
         "  status: \"ready\"\n"
         "\n"
         "# What the plan is about, for people and for the agents' prompts.\n"
         "overview: \"\"\n"
         "\n"
         "# One entry for each task, whose text is in the file beside the plan. Tasks that do not depend on each other run at once.\n"
         "# Settings of this plan alone, such as gates or agent, may stand below: see fanout-plan(5).\n"
         "tasks: []\n";
}

}  // namespace fanout::editing
