#include "server/agent/catalog.hpp"

#include <algorithm>
#include <array>

#include "common/text.hpp"
#include "server/agent/homes.hpp"

namespace fanout::agent {

namespace {

using std::string_view;

constexpr std::array<string_view, 6> kClaudeVariables{"ANTHROPIC_API_KEY",       "ANTHROPIC_AUTH_TOKEN",
                                                      "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK",
                                                      "CLAUDE_CODE_USE_VERTEX",  "CLAUDE_CODE_USE_FOUNDRY"};
constexpr std::array<string_view, 2> kClaudeFiles{"$CLAUDE_CONFIG_DIR/.credentials.json",
                                                  "~/.claude/.credentials.json"};
constexpr std::array<string_view, 1> kCodexVariables{"CODEX_API_KEY"};
constexpr std::array<string_view, 2> kCodexFiles{"$CODEX_HOME/auth.json", "~/.codex/auth.json"};
constexpr std::array<string_view, 3> kGeminiVariables{"GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI",
                                                      "GOOGLE_GENAI_USE_GCA"};
constexpr std::array<string_view, 1> kGeminiFiles{"~/.gemini/oauth_creds.json"};
constexpr std::array<string_view, 4> kOpencodeVariables{"ANTHROPIC_API_KEY", "OPENAI_API_KEY",
                                                        "GEMINI_API_KEY", "OPENROUTER_API_KEY"};
constexpr std::array<string_view, 3> kOpencodeFiles{"$XDG_DATA_HOME/opencode/auth.json",
                                                    "~/.local/share/opencode/auth.json",
                                                    "~/.config/opencode/opencode.json"};

constexpr std::array<OwnVariables, 15> kClaudeOwn{{{"ANTHROPIC_*"},
                                                   {"CLAUDE_*"},
                                                   {"DISABLE_*"},
                                                   {"BASH_*"},
                                                   {"MCP_*"},
                                                   {"MAX_THINKING_TOKENS"},
                                                   {"MAX_MCP_OUTPUT_TOKENS"},
                                                   {"API_TIMEOUT_MS"},
                                                   {"AWS_*", "CLAUDE_CODE_USE_BEDROCK"},
                                                   {"GOOGLE_*", "CLAUDE_CODE_USE_VERTEX"},
                                                   {"CLOUD_ML_REGION", "CLAUDE_CODE_USE_VERTEX"},
                                                   {"VERTEX_REGION_*", "CLAUDE_CODE_USE_VERTEX"},
                                                   {"AZURE_*", "CLAUDE_CODE_USE_FOUNDRY"},
                                                   {"OTEL_*"},
                                                   {"USE_BUILTIN_RIPGREP"}}};
constexpr std::array<OwnVariables, 3> kCodexOwn{{{"OPENAI_*"}, {"CODEX_*"}, {"RUST_LOG"}}};
constexpr std::array<OwnVariables, 4> kGeminiOwn{{{"GEMINI_*"}, {"GOOGLE_*"}, {"CLOUD_SHELL"}, {"OTLP_*"}}};
/// Which models a program of one's own talks to nobody knows.
constexpr std::array<OwnVariables, 8> kAnyOwn{{{"ANTHROPIC_*"},
                                               {"CLAUDE_*"},
                                               {"OPENAI_*"},
                                               {"CODEX_*"},
                                               {"GEMINI_*"},
                                               {"GOOGLE_*"},
                                               {"OPENROUTER_*"},
                                               {"OPENCODE_*"}}};

const std::array<AgentRow, 6> kAgents{{
    {.id = "claude",
     .title = "Claude Code",
     .executable = "claude",
     .version_flag = "--version",
     .unattended = Level::dialogue,
     .asking = Level::dialogue,
     .resumes = true,
     .tells_cost = true,
     .tells_result = true,
     .memory_mib = 300,
     .login_variables = kClaudeVariables,
     .login_files = kClaudeFiles,
     .login_hint = "run `claude` once and log in, or set ANTHROPIC_API_KEY",
     .own_variables = kClaudeOwn,
     .cannot =
         "tells no result when a signal ends it; its memory is shared by all worktrees of a repository"},
    {.id = "codex",
     .title = "Codex",
     .executable = "codex",
     .version_flag = "--version",
     .unattended = Level::headless,
     .asking = Level::dialogue,
     .keeps_itself = true,
     .resumes = true,
     .tells_cost = false,
     .tells_result = true,
     .memory_mib = 180,
     .login_variables = kCodexVariables,
     .login_files = kCodexFiles,
     .login_hint = "run `codex login`, or set CODEX_API_KEY",
     .own_variables = kCodexOwn,
     .cannot =
         "tells no cost; where its own sandbox keeps it in the worktree (safe, all) it asks nothing, tells not "
         "which commands that denied, and hears nothing while it works"},
    {.id = "gemini",
     .title = "Gemini CLI",
     .executable = "gemini",
     .version_flag = "--version",
     .unattended = Level::headless,
     .asking = Level::acp,
     .resumes = true,
     .tells_cost = false,
     .tells_result = true,
     .memory_mib = 400,
     .login_variables = kGeminiVariables,
     .login_files = kGeminiFiles,
     .login_hint = "run `gemini` once and log in, or set GEMINI_API_KEY",
     .own_variables = kGeminiOwn,
     .cannot = "tells no cost and no exit code of a command; its retries are silent; over ACP it cannot load "
               "a session in "
               "the minute in which that began"},
    {.id = "opencode",
     .title = "opencode",
     .executable = "opencode",
     .version_flag = "--version",
     .unattended = Level::headless,
     .asking = Level::acp,
     .resumes = true,
     .tells_cost = true,
     .tells_result = true,
     .memory_mib = 600,
     .login_variables = kOpencodeVariables,
     .login_files = kOpencodeFiles,
     .login_hint = "run `opencode auth login`",
     .own_variables = kAnyOwn,
     .cannot =
         "says nothing before its first step ends, and nothing of retries; over ACP it tells the tokens of a "
         "turn's last step only (its cost is whole)"},
    {.id = "acp",
     .title = "The agent",
     .executable = "",
     .version_flag = "--version",
     .unattended = Level::acp,
     .asking = Level::acp,
     .resumes = true,
     .tells_cost = false,
     .tells_result = true,
     .login_hint = "log in with the agent's own program",
     .own_variables = kAnyOwn,
     .cannot = "what it can do is found out when it starts"},
    {.id = "command",
     .title = "The agent",
     .executable = "",
     .version_flag = "",
     .unattended = Level::lines,
     .asking = Level::lines,
     .tells_result = false,
     .own_variables = kAnyOwn,
     .cannot = "asks nothing and resumes nothing; tells only what it prints, and its FANOUT_EVENT lines"},
}};

}  // namespace

string_view to_string(Level level) {
  switch (level) {
    case Level::headless:
      return "headless";
    case Level::dialogue:
      return "dialogue";
    case Level::acp:
      return "acp";
    case Level::lines:
      return "lines";
  }
  return "?";
}

std::span<const AgentRow> agents() { return kAgents; }

const AgentRow* find_agent(string_view id) {
  const auto found =
      std::find_if(kAgents.begin(), kAgents.end(), [&](const auto& row) { return row.id == id; });
  return found == kAgents.end() ? nullptr : &*found;
}

AgentChoice choose_agent(string_view word) {
  constexpr string_view acp = "acp:";
  if (word.starts_with(acp)) return {find_agent("acp"), std::string(trimmed(word.substr(acp.size())))};
  const auto* row = find_agent(word);
  if (row && !row->executable.empty()) return {row, {}};
  return {find_agent("command"), std::string(word)};
}

Level level_for(const AgentRow& row, const Policy& policy) {
  const bool forbids = std::any_of(policy.rules.begin(), policy.rules.end(),
                                   [](const auto& rule) { return rule.ruling != Ruling::allow; });
  const bool nothing_to_ask = policy.approve == Approve::all || (policy.approve == Approve::safe && row.keeps_itself);
  return nothing_to_ask && !forbids ? row.unattended : row.asking;
}

Login login_state(const AgentRow& row, const std::function<std::string(string_view)>& variable,
                  const std::function<bool(const std::string&)>& exists) {
  if (row.login_variables.empty() && row.login_files.empty()) return Login::unknown;
  const auto is_set = [&](string_view name) { return !variable(name).empty(); };
  const auto is_there = [&](string_view file) {
    const auto whole = expanded(file, variable);
    return !whole.empty() && exists(whole);
  };
  const bool any = std::any_of(row.login_variables.begin(), row.login_variables.end(), is_set) ||
                   std::any_of(row.login_files.begin(), row.login_files.end(), is_there);
  return any ? Login::yes : Login::no;
}

}  // namespace fanout::agent
