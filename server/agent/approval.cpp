#include "server/agent/approval.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "common/text.hpp"
#include "server/agent/safe_commands.hpp"
#include "server/agent/shell_words.hpp"
#include "server/agent/worktree_path.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;

namespace {

constexpr std::array<std::pair<std::string_view, Approve>, 4> kLevels{
    {{"never", Approve::never}, {"edits", Approve::edits}, {"safe", Approve::safe}, {"all", Approve::all}}};

/// "AGENT_TOOL_KIND_EXECUTE" → "execute"
std::string kind_name(v1::AgentToolKind kind) {
  constexpr std::string_view prefix = "AGENT_TOOL_KIND_";
  const auto name = v1::AgentToolKind_Name(kind);
  return lower_case(name.size() > prefix.size() ? std::string_view(name).substr(prefix.size())
                                           : std::string_view());
}

bool fits_tool(const Rule& rule, const v1::AgentPermission& permission) {
  if (rule.tool.empty()) return true;
  const auto wanted = lower_case(rule.tool);
  return wanted == lower_case(permission.tool()) || wanted == kind_name(permission.kind());
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = text.find(' ');
    if (end != 0) words.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
  }
  return words;
}

bool begins_with(const ShellCommand& command, std::string_view prefix) {
  const auto wanted = words_of(prefix);
  return command.words.size() >= wanted.size() &&
         std::equal(wanted.begin(), wanted.end(), command.words.begin(),
                    [](const auto& word, const auto& said) { return said.plain && said.text == word; });
}

bool fits_path(const Rule& rule, std::string_view path, const std::string& worktree) {
  const auto whole = path_inside(path, worktree);
  if (!whole) return false;
  const auto relative =
      whole->size() > worktree.size() ? whole->substr(worktree.size() + 1) : std::string(".");
  if (rule.path.ends_with('/')) return (relative + "/").starts_with(rule.path);
  return relative == rule.path || fnmatch(rule.path.c_str(), relative.c_str(), 0) == 0;
}

/// The permission, with its command line read once.
struct Asked {
  const v1::AgentPermission& permission;
  bool runs = false;                                  ///< It is about a command.
  std::optional<std::vector<ShellCommand>> commands;  ///< Nothing: its meaning is not certain.
};

Asked read(const v1::AgentPermission& permission) {
  Asked asked{
      permission, permission.kind() == v1::AGENT_TOOL_KIND_EXECUTE || !permission.command().empty(), {}};
  if (asked.runs && !permission.truncated()) asked.commands = parse_command_line(permission.command());
  return asked;
}

/// A rule that denies or asks fits when anything of what is asked fits. What cannot be read may hold
/// anything.
bool touches(const Rule& rule, const Asked& asked, const Policy& policy) {
  if (!fits_tool(rule, asked.permission)) return false;
  if (!rule.command.empty()) {
    if (!asked.runs || !asked.commands) return false;
    const auto any = [&](const auto& command) { return begins_with(command, rule.command); };
    if (std::none_of(asked.commands->begin(), asked.commands->end(), any)) return false;
  }
  if (rule.path.empty()) return true;
  const auto& paths = asked.permission.paths();
  return std::any_of(paths.begin(), paths.end(),
                     [&](const auto& path) { return fits_path(rule, path, policy.worktree); });
}

/// A rule that allows fits when all of it fits; for command lines each command is looked at by itself.
bool covers(const Rule& rule, const Asked& asked, const Policy& policy) {
  if (rule.ruling != Ruling::allow || !rule.command.empty() || !fits_tool(rule, asked.permission))
    return false;
  if (rule.path.empty()) return true;
  const auto& paths = asked.permission.paths();
  return !asked.runs && !paths.empty() && std::all_of(paths.begin(), paths.end(), [&](const auto& path) {
    return fits_path(rule, path, policy.worktree);
  });
}

bool is_inside(const v1::AgentPermission& permission, const Policy& policy) {
  return std::all_of(permission.paths().begin(), permission.paths().end(),
                     [&](const auto& path) { return path_inside(path, policy.worktree).has_value(); });
}

bool allows_command(const ShellCommand& command, const Asked& asked, const Policy& policy) {
  if (policy.approve >= Approve::safe && is_safe(command, policy.worktree)) return true;
  return !command.redirects && std::any_of(policy.rules.begin(), policy.rules.end(), [&](const auto& rule) {
    return rule.ruling == Ruling::allow && !rule.command.empty() && fits_tool(rule, asked.permission) &&
           begins_with(command, rule.command);
  });
}

Decision judge_command(const Asked& asked, const Policy& policy) {
  if (!asked.commands) return {Ruling::ask, "What the command does is not certain from its text."};
  if (!is_inside(asked.permission, policy)) return {Ruling::ask, "The command reaches outside the worktree."};
  for (const auto& command : *asked.commands) {
    if (!allows_command(command, asked, policy)) {
      return {Ruling::ask, "Nothing allows the command " + command.words.front().text + " as it is."};
    }
  }
  return {Ruling::allow, "Every command in it is allowed."};
}

Decision judge_by_level(const Asked& asked, const Policy& policy) {
  if (asked.runs) return judge_command(asked, policy);
  if (policy.approve == Approve::never) return {Ruling::ask, "Nothing is allowed without being asked."};
  const auto& permission = asked.permission;
  switch (permission.kind()) {
    case v1::AGENT_TOOL_KIND_THINK:
      return {Ruling::allow, "It changes nothing."};
    case v1::AGENT_TOOL_KIND_READ:
    case v1::AGENT_TOOL_KIND_SEARCH:
    case v1::AGENT_TOOL_KIND_EDIT:
    case v1::AGENT_TOOL_KIND_DELETE:
    case v1::AGENT_TOOL_KIND_MOVE:
      if (permission.truncated() || permission.paths().empty())
        return {Ruling::ask, "It does not say which files."};
      if (!is_inside(permission, policy)) return {Ruling::ask, "It reaches outside the worktree."};
      return {Ruling::allow, "It stays inside the worktree."};
    default:
      return {Ruling::ask, "Tools of this kind are not allowed by themselves."};
  }
}

/// Whether a rule that denies or asks about commands could fit what cannot be read.
bool may_touch_unread(const Asked& asked, const Policy& policy) {
  return asked.runs && !asked.commands &&
         std::any_of(policy.rules.begin(), policy.rules.end(),
                     [](const auto& rule) { return rule.ruling != Ruling::allow && !rule.command.empty(); });
}

}  // namespace

std::optional<Approve> approve_from(std::string_view word) {
  for (const auto& [name, level] : kLevels) {
    if (name == word) return level;
  }
  return std::nullopt;
}

std::string_view to_string(Approve approve) {
  for (const auto& [name, level] : kLevels) {
    if (level == approve) return name;
  }
  return "?";
}

Decision judge(const Policy& policy, const v1::AgentPermission& permission) {
  const auto asked = read(permission);
  for (const auto ruling : {Ruling::deny, Ruling::ask}) {
    for (const auto& rule : policy.rules) {
      if (rule.ruling == ruling && touches(rule, asked, policy)) {
        return {ruling, ruling == Ruling::deny ? "A rule denies it." : "A rule asks for it."};
      }
    }
  }
  if (may_touch_unread(asked, policy))
    return {Ruling::ask, "What the command does is not certain from its text."};
  if (policy.approve == Approve::all) return {Ruling::allow, "Everything is allowed."};
  const bool covered = std::any_of(policy.rules.begin(), policy.rules.end(),
                                   [&](const auto& rule) { return covers(rule, asked, policy); });
  if (covered) return {Ruling::allow, "A rule allows it."};
  return judge_by_level(asked, policy);
}

}  // namespace fanout::agent
