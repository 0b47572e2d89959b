#include "server/domain/subagent/transcript.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kLineColumns = 300;

std::string one_line(std::string_view text) {
  std::string words;
  for (const char c : trimmed(text)) words += c == '\n' ? ' ' : c;
  return fit(printable(words), kLineColumns);
}

/// Empty: of no interest afterwards.
std::string line_for(const v1::AgentActivity& activity) {
  switch (activity.activity_case()) {
    case v1::AgentActivity::kMessage:
      return "said: " + one_line(activity.message().text());
    case v1::AgentActivity::kToolCall:
      return activity.tool_call().title().empty() ? "" : "did: " + one_line(activity.tool_call().title());
    case v1::AgentActivity::kToolResult:
      return activity.tool_result().failed() ? "which failed: " + one_line(activity.tool_result().output()) : "";
    case v1::AgentActivity::kResult:
      return "ended: " + one_line(activity.result().summary());
    default:
      return "";
  }
}

}  // namespace

std::string transcript(std::span<const v1::Event> events, const std::string& task_id, std::size_t most) {
  std::string text, last;
  for (const auto& event : events) {
    if (event.task_id() != task_id || !event.has_agent_activity()) continue;
    if (event.agent_activity().has_message() && trimmed(event.agent_activity().message().text()).empty()) continue;
    auto line = line_for(event.agent_activity());
    if (line.empty() || line == last) continue;
    text += "- " + line + "\n";
    last = std::move(line);
    if (text.size() > 4 * most) text = tail(text, most);
  }
  return tail(text, most);
}

std::string fenced(std::string_view text, std::string_view language) {
  std::size_t longest = 2, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  return fence + std::string(language) + "\n" + std::string(text) + (text.ends_with('\n') ? "" : "\n") + fence + "\n";
}

std::string about_the_work_so_far(const std::string& why, const std::string& transcript, const std::string& patch,
                                  bool cut) {
  std::string text = "\n\n## What was done before\n\nAn earlier session worked on this task, and cannot be continued (" +
                     why + "). Its work is still in this worktree: go on from there, and do not do it again.\n";
  if (!transcript.empty()) text += "\nWhat it said and did, oldest first:\n\n" + transcript;
  if (!patch.empty()) {
    text += "\nWhat has changed since the branch began" + std::string(cut ? " (the beginning of it)" : "") + ":\n\n" +
            fenced(patch, "diff");
  }
  return text;
}

}  // namespace fanout::domain
