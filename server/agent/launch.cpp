#include "server/agent/launch.hpp"

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/agent/acp.hpp"
#include "server/agent/claude_dialogue.hpp"
#include "server/agent/codex.hpp"
#include "server/agent/codex_dialogue.hpp"
#include "server/agent/command.hpp"
#include "server/agent/gemini.hpp"
#include "server/agent/opencode.hpp"

namespace fanout::agent {

namespace {

void append(std::vector<std::string>& argv, std::initializer_list<std::string> words) {
  argv.insert(argv.end(), words);
}

std::string executable(const LaunchOptions& options) {
  return options.command.empty() ? std::string(options.agent->executable) : options.command;
}

/// Of more than one line or with a comma it would be read as something else.
bool is_plain_prefix(const std::string& command) {
  return !command.empty() && command.find_first_of("\n,()*") == std::string::npos;
}

std::string decimal(double amount) { return json::serialize(json::value(amount)); }

/// Commands that a task needs in any case.
const std::vector<std::string>& usual_commands() {
  static const std::vector<std::string> commands{"git status", "git diff",   "git log", "git show",
                                                 "git add",    "git commit", "ls",      "pwd"};
  return commands;
}

/// What headless agents are allowed by name, since they cannot ask.
std::vector<std::string> named_commands(const LaunchOptions& options) {
  std::vector<std::string> commands;
  if (options.approve == Approve::safe) commands = usual_commands();
  for (const auto& command : options.allowed_commands) {
    if (is_plain_prefix(command)) commands.push_back(command);
  }
  return commands;
}

void claude_permissions(const LaunchOptions& options, Launch& launch) {
  auto& argv = launch.argv;
  // Every question comes to our policy; the user's own settings still allow what they allow.
  if (options.level == Level::dialogue)
    return append(argv, {"--permission-prompt-tool", "stdio", "--permission-mode", "default"});
  switch (options.approve) {
    case Approve::never:
      return append(argv, {"--permission-mode", "default"});
    case Approve::all:
      return append(argv, {"--permission-mode", "bypassPermissions"});
    case Approve::edits:
    case Approve::safe:
      append(argv, {"--permission-mode", "acceptEdits"});
  }
  const auto commands = named_commands(options);
  if (commands.empty()) return;
  std::vector<std::string> tools;
  for (const auto& command : commands) tools.push_back("Bash(" + command + ":*)");
  append(argv, {"--allowedTools", join(tools, ",")});
}

Launch launch_claude(const LaunchOptions& options) {
  Launch launch;
  auto& argv = launch.argv;
  argv = {executable(options), "-p", "--output-format", "stream-json", "--verbose"};
  const bool talks = options.level == Level::dialogue;
  if (talks) append(argv, {"--input-format", "stream-json"});
  if (options.partial_messages) append(argv, {"--include-partial-messages"});
  claude_permissions(options, launch);
  if (!options.model.empty()) append(argv, {"--model", options.model});
  if (!options.resume_session.empty()) append(argv, {"--resume", options.resume_session});
  if (options.max_turns) append(argv, {"--max-turns", std::to_string(*options.max_turns)});
  if (options.max_cost) append(argv, {"--max-budget-usd", decimal(*options.max_cost)});
  launch.environment = {{"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"},
                        {"DISABLE_AUTOUPDATER", "1"},
                        {"DISABLE_TELEMETRY", "1"},
                        {"DISABLE_ERROR_REPORTING", "1"}};
  // It refuses to run inside of itself, and Fanout may have been started by one.
  launch.unset = {"CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT"};
  if (!talks) launch.stdin_file = options.prompt_file;
  return launch;
}

/// A list of strings in TOML.
std::string toml_list(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const auto& text : texts) list += (list.size() > 1 ? "," : "") + json::serialize(json::value(text));
  return list + "]";
}

std::string codex_sandbox(const LaunchOptions& options) {
  return options.approve == Approve::all ? "danger-full-access" : "workspace-write";
}

void codex_settings(const LaunchOptions& options, Launch& launch) {
  auto& argv = launch.argv;
  if (options.approve != Approve::all) {
    // Both are needed to commit in a linked worktree: the index lies in one, the objects in the other.
    const auto roots = toml_list({options.common_git_directory.string(), options.git_directory.string()});
    append(argv, {"-c", "sandbox_workspace_write.writable_roots=" + roots});
  }
  append(argv, {"-c", "check_for_update_on_startup=false", "-c", "analytics.enabled=false"});
  if (options.max_turns || options.max_cost)
    launch.notes.push_back("Codex knows no limit of turns or money.");
}

/// Its thread is begun by what the adapter writes.
Launch launch_codex_server(const LaunchOptions& options) {
  Launch launch;
  launch.argv = {executable(options)};
  codex_settings(options, launch);
  append(launch.argv, {"app-server"});
  return launch;
}

Launch launch_codex(const LaunchOptions& options) {
  if (options.level == Level::dialogue) return launch_codex_server(options);
  Launch launch;
  auto& argv = launch.argv;
  argv = {executable(options), "exec", "--json", "--skip-git-repo-check", "-s", codex_sandbox(options)};
  codex_settings(options, launch);
  if (!options.model.empty()) append(argv, {"-m", options.model});
  if (!options.resume_session.empty()) append(argv, {"resume", options.resume_session});
  append(argv, {"-"});
  launch.stdin_file = options.prompt_file;
  return launch;
}

/// The system's defaults: the user's own settings still win.
std::string gemini_settings(const LaunchOptions& options) {
  json::object general{{"enableAutoUpdate", false}, {"enableAutoUpdateNotification", false}};
  json::object settings{{"general", std::move(general)},
                        {"privacy", json::object{{"usageStatisticsEnabled", false}}},
                        {"telemetry", json::object{{"enabled", false}}}};
  if (options.max_turns) settings["model"] = json::object{{"maxSessionTurns", *options.max_turns}};
  return json::serialize(settings) + "\n";
}

Launch launch_gemini(const LaunchOptions& options) {
  Launch launch;
  auto& argv = launch.argv;
  argv = {executable(options), "--skip-trust"};
  if (!options.model.empty()) append(argv, {"--model", options.model});
  if (options.level == Level::acp) {
    append(argv, {"--acp"});
  } else {
    const auto* mode = options.approve == Approve::all     ? "yolo"
                       : options.approve == Approve::never ? "default"
                                                           : "auto_edit";
    append(argv, {"--output-format", "stream-json", "--approval-mode", mode});
    if (!options.resume_session.empty()) append(argv, {"--resume", options.resume_session});
    append(argv, {"-p", ""});
    launch.stdin_file = options.prompt_file;
  }
  const auto settings = options.private_directory / "gemini-defaults.json";
  launch.files.push_back({settings, gemini_settings(options)});
  launch.environment = {{"GEMINI_CLI_SYSTEM_DEFAULTS_PATH", settings.string()},
                        {"GEMINI_CLI_NO_RELAUNCH", "true"}};
  if (options.max_cost) launch.notes.push_back("Gemini CLI knows no limit of money.");
  return launch;
}

/// Later patterns win. Where it cannot ask, what is not allowed is denied: a question would end its run.
json::object opencode_permissions(const LaunchOptions& options) {
  if (options.approve == Approve::all && options.level == Level::headless) return {{"*", "allow"}};
  const auto* otherwise = options.level == Level::acp ? "ask" : "deny";
  json::object commands{{"*", otherwise}};
  if (options.level == Level::headless) {
    for (const auto& command : named_commands(options)) {
      commands[command] = "allow";
      commands[command + " *"] = "allow";
    }
  }
  const auto* edit =
      options.level == Level::headless && options.approve != Approve::never ? "allow" : otherwise;
  return {{"edit", edit},           {"bash", std::move(commands)},     {"webfetch", otherwise},
          {"websearch", otherwise}, {"external_directory", otherwise}, {"doom_loop", otherwise}};
}

Launch launch_opencode(const LaunchOptions& options) {
  Launch launch;
  auto& argv = launch.argv;
  if (options.level == Level::acp) {
    argv = {executable(options), "acp"};
  } else {
    argv = {executable(options), "run", "--format", "json"};
    if (!options.model.empty()) append(argv, {"--model", options.model});
    if (!options.resume_session.empty()) append(argv, {"--session", options.resume_session});
    launch.stdin_file = options.prompt_file;
  }
  const json::object config{
      {"autoupdate", false}, {"share", "disabled"}, {"permission", opencode_permissions(options)}};
  launch.environment = {{"OPENCODE_CONFIG_CONTENT", json::serialize(config)},
                        {"OPENCODE_DISABLE_AUTOUPDATE", "1"},
                        {"OPENCODE_DISABLE_MODELS_FETCH", "1"}};
  if (options.max_turns || options.max_cost)
    launch.notes.push_back("opencode knows no limit of turns or money.");
  return launch;
}

/// For what is not known beforehand: `sh` runs the line, and is replaced by a single program.
Launch launch_line(const LaunchOptions& options) {
  if (trimmed(options.command).empty()) throw Error(ErrorKind::invalid_input, "the agent's command is empty");
  Launch launch;
  launch.argv = {"sh", "-c", options.command};
  if (options.level == Level::lines) launch.stdin_file = options.prompt_file;
  if (options.max_turns || options.max_cost)
    launch.notes.push_back("The agent is not told of limits of turns or money.");
  return launch;
}

/// Which levels each agent speaks on.
bool speaks(const AgentRow& agent, Level level) {
  if (agent.id == "claude") return level == Level::headless || level == Level::dialogue;
  if (agent.id == "codex") return level == Level::headless || level == Level::dialogue;
  if (agent.id == "gemini" || agent.id == "opencode") return level == Level::headless || level == Level::acp;
  return level == agent.unattended;
}

AcpOptions acp_options(const LaunchOptions& options) {
  AcpOptions acp;
  acp.worktree = options.worktree.string();
  acp.prompt = options.prompt;
  // Gemini CLI takes the model as an argument.
  acp.model = options.agent->id == "gemini" ? std::string() : options.model;
  // It takes our word that a file is not there for a failure, and then writes none that is new; but by itself it can.
  acp.host_files = options.agent->id != "gemini";
  acp.mode = options.mode;
  acp.resume_session = options.resume_session;
  acp.auth_method = options.auth_method;
  acp.client_version = options.client_version;
  return acp;
}

/// Whatever is more than looking at files comes to our policy; its sandbox holds what is let through.
CodexOptions codex_options(const LaunchOptions& options) {
  CodexOptions codex;
  codex.worktree = options.worktree.string();
  codex.prompt = options.prompt;
  codex.model = options.model;
  codex.resume_session = options.resume_session;
  codex.approvals = "untrusted";
  codex.sandbox = codex_sandbox(options);
  codex.client_version = options.client_version;
  return codex;
}

void require_level(const LaunchOptions& options) {
  if (options.agent && speaks(*options.agent, options.level)) return;
  const auto name = options.agent ? std::string(options.agent->title) : "no agent";
  throw Error(ErrorKind::invalid_input,
              name + " does not speak on the level " + std::string(to_string(options.level)));
}

}  // namespace

Launch make_launch(const LaunchOptions& options) {
  require_level(options);
  const auto id = options.agent->id;
  auto launch = id == "claude"     ? launch_claude(options)
                : id == "codex"    ? launch_codex(options)
                : id == "gemini"   ? launch_gemini(options)
                : id == "opencode" ? launch_opencode(options)
                                   : launch_line(options);
  // Some trust it more than the directory they are in (opencode).
  launch.environment["PWD"] = options.worktree.string();
  if (options.agent->executable.empty()) return launch;  // a line has its arguments already
  // Codex's "-" and "app-server" stay last.
  const auto at = id == "codex" ? std::prev(launch.argv.end()) : launch.argv.end();
  launch.argv.insert(at, options.more_arguments.begin(), options.more_arguments.end());
  return launch;
}

std::unique_ptr<Adapter> make_adapter(const LaunchOptions& options) {
  require_level(options);
  const auto worktree = options.worktree.string();
  if (options.level == Level::acp) return std::make_unique<Acp>(acp_options(options));
  const auto id = options.agent->id;
  if (options.level == Level::dialogue && id == "codex") return std::make_unique<CodexDialogue>(codex_options(options));
  if (options.level == Level::dialogue) return std::make_unique<ClaudeDialogue>(worktree, options.prompt);
  if (id == "claude") return std::make_unique<Claude>(worktree);
  if (id == "codex") return std::make_unique<Codex>(worktree);
  if (id == "gemini") return std::make_unique<Gemini>(worktree);
  if (id == "opencode") return std::make_unique<Opencode>(worktree);
  return std::make_unique<CommandLines>();
}

}  // namespace fanout::agent
