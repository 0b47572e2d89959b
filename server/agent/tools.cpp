#include "server/agent/tools.hpp"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <set>

#include "common/text.hpp"
#include "server/agent/activities.hpp"
#include "server/agent/shell_words.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMaxCalls = 512;
constexpr std::size_t kMaxTitle = 200;
constexpr std::size_t kMaxCompared = 1'000'000;  // pairs of lines

struct NamedKind {
  std::string_view name;
  v1::AgentToolKind kind;
};

/// In lower case, as Claude Code, Codex, Gemini CLI and opencode name them.
constexpr std::array<NamedKind, 46> kTools{{
    {"read", v1::AGENT_TOOL_KIND_READ},
    {"read_file", v1::AGENT_TOOL_KIND_READ},
    {"read_many_files", v1::AGENT_TOOL_KIND_READ},
    {"notebookread", v1::AGENT_TOOL_KIND_READ},
    {"view", v1::AGENT_TOOL_KIND_READ},
    {"list", v1::AGENT_TOOL_KIND_READ},
    {"ls", v1::AGENT_TOOL_KIND_READ},
    {"list_directory", v1::AGENT_TOOL_KIND_READ},
    {"grep", v1::AGENT_TOOL_KIND_SEARCH},
    {"glob", v1::AGENT_TOOL_KIND_SEARCH},
    {"grep_search", v1::AGENT_TOOL_KIND_SEARCH},
    {"search_file_content", v1::AGENT_TOOL_KIND_SEARCH},
    {"codesearch", v1::AGENT_TOOL_KIND_SEARCH},
    {"toolsearch", v1::AGENT_TOOL_KIND_SEARCH},
    {"write", v1::AGENT_TOOL_KIND_EDIT},
    {"edit", v1::AGENT_TOOL_KIND_EDIT},
    {"multiedit", v1::AGENT_TOOL_KIND_EDIT},
    {"notebookedit", v1::AGENT_TOOL_KIND_EDIT},
    {"write_file", v1::AGENT_TOOL_KIND_EDIT},
    {"replace", v1::AGENT_TOOL_KIND_EDIT},
    {"patch", v1::AGENT_TOOL_KIND_EDIT},
    {"apply_patch", v1::AGENT_TOOL_KIND_EDIT},
    {"bash", v1::AGENT_TOOL_KIND_EXECUTE},
    {"shell", v1::AGENT_TOOL_KIND_EXECUTE},
    {"run_shell_command", v1::AGENT_TOOL_KIND_EXECUTE},
    {"powershell", v1::AGENT_TOOL_KIND_EXECUTE},
    {"webfetch", v1::AGENT_TOOL_KIND_FETCH},
    {"web_fetch", v1::AGENT_TOOL_KIND_FETCH},
    {"websearch", v1::AGENT_TOOL_KIND_FETCH},
    {"web_search", v1::AGENT_TOOL_KIND_FETCH},
    {"google_web_search", v1::AGENT_TOOL_KIND_FETCH},
    {"task", v1::AGENT_TOOL_KIND_THINK},
    {"agent", v1::AGENT_TOOL_KIND_THINK},
    {"todowrite", v1::AGENT_TOOL_KIND_THINK},
    {"todoread", v1::AGENT_TOOL_KIND_THINK},
    {"write_todos", v1::AGENT_TOOL_KIND_THINK},
    {"taskcreate", v1::AGENT_TOOL_KIND_THINK},
    {"taskget", v1::AGENT_TOOL_KIND_THINK},
    {"tasklist", v1::AGENT_TOOL_KIND_THINK},
    {"taskupdate", v1::AGENT_TOOL_KIND_THINK},
    {"skill", v1::AGENT_TOOL_KIND_THINK},
    {"enterplanmode", v1::AGENT_TOOL_KIND_SWITCH_MODE},
    {"exitplanmode", v1::AGENT_TOOL_KIND_SWITCH_MODE},
    {"enter_plan_mode", v1::AGENT_TOOL_KIND_SWITCH_MODE},
    {"exit_plan_mode", v1::AGENT_TOOL_KIND_SWITCH_MODE},
    {"switch_mode", v1::AGENT_TOOL_KIND_SWITCH_MODE},
}};

std::string_view first_of(const json::value& input, std::initializer_list<const char*> keys) {
  for (const auto* key : keys) {
    if (const auto text = text_at(input, key); !text.empty()) return text;
  }
  return {};
}

/// Such as "Write hello.txt", or the command.
std::string title_of(std::string_view name, const ToolCalls::Call& call, const json::value& input,
                     std::string_view worktree) {
  if (!call.command.empty()) return one_line(call.command);
  auto about = call.path.empty()
                   ? std::string(first_of(input, {"pattern", "query", "url", "description", "prompt"}))
                   : shown_path(call.path, worktree);
  return one_line(about.empty() ? name : std::string(name) + " " + about);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
  }
  return lines;
}

/// How many lines the longest common subsequence has.
std::size_t common_lines(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
  std::vector<std::size_t> row(b.size() + 1, 0);
  for (const auto& line : a) {
    std::size_t diagonal = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto above = row[j + 1];
      row[j + 1] = line == b[j] ? diagonal + 1 : std::max(above, row[j]);
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::string one_line(std::string_view text) {
  text = trimmed(text);
  return fit(printable(text.substr(0, text.find('\n'))), kMaxTitle);
}

v1::AgentToolKind tool_kind(std::string_view name) {
  const auto wanted = lower_case(name);
  const auto found =
      std::find_if(kTools.begin(), kTools.end(), [&](const auto& tool) { return tool.name == wanted; });
  return found == kTools.end() ? v1::AGENT_TOOL_KIND_OTHER : found->kind;
}

v1::AgentToolKind tool_kind_from_acp(std::string_view kind) {
  constexpr std::array<NamedKind, 10> kinds{{{"read", v1::AGENT_TOOL_KIND_READ},
                                             {"edit", v1::AGENT_TOOL_KIND_EDIT},
                                             {"delete", v1::AGENT_TOOL_KIND_DELETE},
                                             {"move", v1::AGENT_TOOL_KIND_MOVE},
                                             {"search", v1::AGENT_TOOL_KIND_SEARCH},
                                             {"execute", v1::AGENT_TOOL_KIND_EXECUTE},
                                             {"think", v1::AGENT_TOOL_KIND_THINK},
                                             {"fetch", v1::AGENT_TOOL_KIND_FETCH},
                                             {"switch_mode", v1::AGENT_TOOL_KIND_SWITCH_MODE},
                                             {"other", v1::AGENT_TOOL_KIND_OTHER}}};
  const auto found =
      std::find_if(kinds.begin(), kinds.end(), [&](const auto& known) { return known.name == kind; });
  return found == kinds.end() ? v1::AGENT_TOOL_KIND_OTHER : found->kind;
}

std::string shown_path(std::string_view path, std::string_view worktree) {
  while (worktree.size() > 1 && worktree.ends_with('/')) worktree.remove_suffix(1);
  if (!worktree.empty() && path.size() > worktree.size() + 1 && path.starts_with(worktree) &&
      path[worktree.size()] == '/') {
    path.remove_prefix(worktree.size() + 1);
  }
  return std::string(path);
}

std::string command_in(const json::value& input) {
  for (const auto* key : {"command", "cmd"}) {
    if (const auto line = text_at(input, key); !line.empty()) return without_shell(line);
    if (const auto* words = array_at(input, key)) {
      std::vector<std::string> argv;
      for (const auto& word : *words) argv.emplace_back(text_of(word));
      if (!argv.empty()) return without_shell(argv);
    }
  }
  return {};
}

std::string_view path_in(const json::value& input) {
  return first_of(
      input, {"file_path", "filePath", "filepath", "notebook_path", "absolute_path", "dir_path", "path"});
}

std::optional<int> exit_code_in(std::string_view text) {
  constexpr std::string_view prefix = "Exit code ";
  if (!text.starts_with(prefix)) return std::nullopt;
  int code = 0;
  const auto [end, error] = std::from_chars(text.data() + prefix.size(), text.data() + text.size(), code);
  return error == std::errc() ? std::optional(code) : std::nullopt;
}

std::uint32_t count_lines(std::string_view text) { return static_cast<std::uint32_t>(lines_of(text).size()); }

std::optional<LineChanges> line_changes(std::string_view before, std::string_view after) {
  auto a = lines_of(before);
  auto b = lines_of(after);
  const auto [a_differs, b_differs] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  a.erase(a.begin(), a_differs);
  b.erase(b.begin(), b_differs);
  while (!a.empty() && !b.empty() && a.back() == b.back()) {
    a.pop_back();
    b.pop_back();
  }
  if (a.size() * b.size() > kMaxCompared) return std::nullopt;
  const auto common = common_lines(a, b);
  return LineChanges{static_cast<std::uint32_t>(b.size() - common),
                     static_cast<std::uint32_t>(a.size() - common)};
}

ToolCalls::Call& ToolCalls::at(std::string_view id) {
  if (const auto found = calls_.find(id); found != calls_.end()) return found->second;
  if (order_.size() == kMaxCalls) {
    calls_.erase(order_.front());
    order_.pop_front();
  }
  order_.emplace_back(id);
  auto& call = calls_[std::string(id)];
  call.told.set_id(std::string(id));
  return call;
}

const ToolCalls::Call* ToolCalls::find(std::string_view id) const {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : &found->second;
}

void ToolCalls::tell(Output& out, Call& call, const v1::AgentToolCall& now) {
  auto same = call.told;
  same.set_status(now.status());
  const bool known = google::protobuf::util::MessageDifferencer::Equals(same, now);
  call.told = now;
  if (known) return;
  *out.activities.emplace_back().mutable_tool_call() = now;
}

ToolCalls::Call& ToolCalls::begin(Output& out, std::string_view id, std::string_view name,
                                  const json::value& input) {
  auto& call = at(id);
  auto now = call.told;
  now.set_name(std::string(name));
  now.set_kind(tool_kind(name));
  call.path = path_in(input);
  if (now.kind() == v1::AGENT_TOOL_KIND_EXECUTE) call.command = command_in(input);
  now.set_title(title_of(name, call, input, worktree_));
  now.set_input(summarised(input, kMaxInputSummary));
  now.set_status(v1::AgentToolCall::STATUS_IN_PROGRESS);
  now.clear_locations();
  if (!call.path.empty()) now.add_locations()->set_path(shown_path(call.path, worktree_));
  tell(out, call, now);
  return call;
}

v1::AgentPermission permission_for(std::string_view id, const ToolCalls::Call& call,
                                   const std::string& worktree) {
  v1::AgentPermission permission;
  permission.set_id(std::string(id));
  permission.set_tool_call(call.told.id());
  permission.set_tool(call.told.name());
  permission.set_title(call.told.title());
  permission.set_kind(call.told.kind());
  permission.set_command(call.command);
  permission.set_truncated(!call.command_certain);
  std::set<std::string> paths;
  for (const auto& location : call.told.locations()) paths.insert(location.path());
  for (const auto& change : call.changes) paths.insert(change.path());
  if (!call.path.empty()) paths.insert(shown_path(call.path, worktree));
  if (!call.cwd.empty() && call.cwd != worktree) paths.insert(shown_path(call.cwd, worktree));
  for (const auto& path : paths) permission.add_paths(path);
  permission.set_input(call.told.input());
  return permission;
}

void add_file_change(Output& out, std::string_view tool_call, std::string path,
                     v1::AgentFileChange::Kind kind, std::optional<LineChanges> changes) {
  if (path.empty()) return;
  auto& change = *out.activities.emplace_back().mutable_file_change();
  change.set_tool_call(std::string(tool_call));
  change.set_path(std::move(path));
  change.set_kind(kind);
  change.set_source(v1::AgentFileChange::SOURCE_AGENT);
  if (!changes) return;
  change.set_added(changes->added);
  change.set_deleted(changes->deleted);
}

}  // namespace fanout::agent
