#include "support.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "server/agent/acp.hpp"
#include "server/agent/claude_dialogue.hpp"
#include "server/agent/codex.hpp"
#include "server/agent/codex_dialogue.hpp"
#include "server/agent/command.hpp"
#include "server/agent/gemini.hpp"
#include "server/agent/opencode.hpp"

namespace fanout::agent::test {

namespace v1 = fanout::v1;

namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string usage_line(const v1::AgentUsage& usage) {
  auto line = "usage " + v1::AgentUsage::Scope_Name(usage.scope()).substr(6);
  if (usage.has_input_tokens()) line += " in " + number(usage.input_tokens());
  if (usage.has_cached_input_tokens()) line += " cached " + number(usage.cached_input_tokens());
  if (usage.has_output_tokens()) line += " out " + number(usage.output_tokens());
  if (usage.has_cost()) line += " cost " + std::to_string(usage.cost().amount());
  if (usage.has_context_used()) line += " context " + number(usage.context_used());
  return line;
}

std::string change_line(const v1::AgentFileChange& change) {
  auto line = "change " + change.path() + " " + v1::AgentFileChange::Kind_Name(change.kind()).substr(5);
  if (change.has_added()) line += " +" + number(change.added()) + " -" + number(change.deleted());
  return line;
}

std::string result_line(const v1::AgentResult& result) {
  auto line = "result " + v1::AgentResult::Outcome_Name(result.outcome()).substr(8) + ": " + result.summary();
  if (result.has_turns()) line += " (" + number(result.turns()) + " turns)";
  if (result.has_status()) line += " (status " + std::to_string(result.status()) + ")";
  return line;
}

std::string one(const Activity& activity) {
  switch (activity.activity_case()) {
    case Activity::kSession:
      return "session " + activity.session().id() + (activity.session().resumed() ? " resumed" : "");
    case Activity::kMessage:
      return "says " + activity.message().text();
    case Activity::kReasoning:
      return "thinks " + activity.reasoning().text();
    case Activity::kPlan: {
      std::string line = "plan";
      for (const auto& item : activity.plan().items()) {
        line += " [" + item.text() + ": " + v1::AgentPlan::Status_Name(item.status()).substr(7) + "]";
      }
      return line;
    }
    case Activity::kToolCall:
      return "tool " + activity.tool_call().title() + " (" +
             v1::AgentToolKind_Name(activity.tool_call().kind()).substr(16) + ")";
    case Activity::kToolResult:
      return std::string("tool ") +
             (activity.tool_result().denied()   ? "denied"
              : activity.tool_result().failed() ? "failed"
                                                : "done") +
             ": " + activity.tool_result().output();
    case Activity::kFileChange:
      return change_line(activity.file_change());
    case Activity::kCommand:
      return "ran " + activity.command().command() +
             (activity.command().has_exit_code() ? " -> " + std::to_string(activity.command().exit_code())
                                                 : "");
    case Activity::kPermission:
      return "asks for " + activity.permission().title();
    case Activity::kQuestion:
      return "asks " + (activity.question().items_size() > 0 ? activity.question().items(0).text()
                                                             : activity.question().text());
    case Activity::kAnswer:
      return std::string("answer ") + (activity.answer().allowed() ? "yes: " : "no: ") +
             activity.answer().text();
    case Activity::kUsage:
      return usage_line(activity.usage());
    case Activity::kLimit:
      return "limit " + v1::AgentLimit::Kind_Name(activity.limit().kind()).substr(5) + ": " +
             activity.limit().text();
    case Activity::kRetrying:
      return "retries " + number(activity.retrying().attempt()) + "/" +
             number(activity.retrying().max_attempts()) + ": " + activity.retrying().reason();
    case Activity::kNotice:
      return "notice " + activity.notice().text();
    case Activity::kResult:
      return result_line(activity.result());
    case Activity::kRaw:
      return "raw " + activity.raw().reason();
    case Activity::ACTIVITY_NOT_SET:
      return "nothing";
  }
  return "?";
}

bool is_partial(const Activity& activity) {
  return activity.message().partial() || activity.reasoning().partial();
}

bool both_ways(const std::string& name) {
  return name.starts_with("acp-") || name.find("-stream-") != std::string::npos || name.starts_with("codex-appserver-");
}

}  // namespace

std::string recording(const std::string& name) {
  std::ifstream in(std::filesystem::path(FANOUT_RECORDINGS) / (name + ".jsonl"), std::ios::binary);
  if (!in) throw std::runtime_error("no recording " + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> recordings() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(FANOUT_RECORDINGS)) {
    names.push_back(entry.path().stem().string());
  }
  return names;
}

std::vector<Spoken> dialogue(const std::string& name) {
  std::vector<Spoken> all;
  const auto text = recording(name);
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const auto line = parse_json(rest.substr(0, end));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    if (!line) continue;
    const auto& message = line->at("msg");
    all.push_back({text_at(*line, "dir") == "out", json::serialize(message) + "\n", message});
  }
  return all;
}

std::string agent_bytes(const std::string& name) {
  if (!both_ways(name)) return recording(name);
  std::string bytes;
  for (const auto& spoken : dialogue(name)) {
    if (!spoken.by_us) bytes += spoken.line;
  }
  return bytes;
}

std::unique_ptr<Adapter> adapter_for(const std::string& name) {
  if (name.starts_with("acp-")) {
    AcpOptions options;
    options.worktree = kWorktree;
    options.prompt = "work";
    if (name.starts_with("acp-codex")) options.mode = name.ends_with("allow") ? "auto" : "full-access";
    return std::make_unique<Acp>(options);
  }
  if (name.starts_with("claude-stream-")) return std::make_unique<ClaudeDialogue>(kWorktree, "work");
  if (name.starts_with("claude-")) return std::make_unique<Claude>(kWorktree);
  if (name.starts_with("codex-appserver-")) return std::make_unique<CodexDialogue>(CodexOptions{kWorktree, "work", "", "", "on-request", "workspace-write", "0"});
  if (name.starts_with("codex-")) return std::make_unique<Codex>(kWorktree);
  if (name.starts_with("gemini-")) return std::make_unique<Gemini>(kWorktree);
  if (name.starts_with("opencode-")) return std::make_unique<Opencode>(kWorktree);
  return std::make_unique<CommandLines>();
}

std::vector<Activity> read(Adapter& adapter, std::string_view bytes) {
  auto all = adapter.feed(bytes).activities;
  for (auto& activity : adapter.finish().activities) all.push_back(std::move(activity));
  return all;
}

std::vector<Activity> read(const std::string& name) {
  const auto adapter = adapter_for(name);
  return read(*adapter, recording(name));
}

std::vector<std::string> told(const std::vector<Activity>& activities) {
  std::vector<std::string> lines;
  for (const auto& activity : activities) {
    if (!is_partial(activity)) lines.push_back(one(activity));
  }
  return lines;
}

}  // namespace fanout::agent::test
