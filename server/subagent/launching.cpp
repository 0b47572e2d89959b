// How an agent's program is started, and what it may do unasked.
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "common/error.hpp"
#include "common/text.hpp"
#include "common/version.hpp"
#include "server/agent/shell_words.hpp"
#include "server/subagent/private_file.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace spec = fanout::internal::v1;

namespace {

/// What is there already counts: the agent may be reading it, and a session that goes on began with it.
std::string written_once(const std::filesystem::path& file, const std::string& text) {
  if (!std::filesystem::exists(file)) write_private(file, text);
  std::ifstream in(file, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return std::move(all).str();
}

/// "agent" has prompt.md, "agent-2" prompt-2.md.
std::string prompt_file(const std::string& program) { return "prompt" + program.substr(std::string("agent").size()) + ".md"; }

agent::Rule rule_from(const spec::ApprovalRule& rule) {
  const auto ruling = rule.ruling() == "allow"  ? agent::Ruling::allow
                      : rule.ruling() == "deny" ? agent::Ruling::deny
                                                : agent::Ruling::ask;
  return {ruling, rule.tool(), rule.command(), rule.path()};
}

std::optional<agent::Level> level_from(const std::string& word) {
  for (const auto level : {agent::Level::headless, agent::Level::dialogue, agent::Level::acp, agent::Level::lines}) {
    if (agent::to_string(level) == word) return level;
  }
  return std::nullopt;
}

/// A command as a rule names it; empty where a rule cannot say it.
std::string plain_words(const agent::ShellCommand& command) {
  std::vector<std::string> words;
  for (const auto& word : command.words) {
    if (!word.plain || word.text.empty() || word.text.find(' ') != std::string::npos) return "";
    words.push_back(word.text);
  }
  return command.redirects ? "" : join(words, " ");
}

/// Codex's own sandbox is bubblewrap, too, which root cannot nest: then ours is the one that holds it.
bool is_held_by_us_alone(const std::string& agent, sandbox::Level level) {
  return agent == "codex" && level != sandbox::Level::off && ::getuid() == 0;
}

}  // namespace

agent::Policy Subagent::policy_for(const AgentOrder& order) const {
  agent::Policy policy;
  policy.worktree = worktree_.path.string();
  policy.approve = agent::approve_from(order.agent.approve()).value_or(agent::Approve::safe);
  for (const auto& rule : order.agent.rules()) policy.rules.push_back(rule_from(rule));
  if (policy.approve < agent::Approve::safe) return policy;
  // What Fanout runs here itself, its agent may run too.
  for (const auto& command : allowed_commands()) policy.rules.push_back({agent::Ruling::allow, {}, command, {}});
  return policy;
}

std::vector<std::string> Subagent::allowed_commands() const {
  std::vector<std::string> commands(detected_.verify.begin(), detected_.verify.end());
  for (const auto& gate : task_.gates()) commands.push_back(gate.run());
  for (const auto* known : {&detected_.unit_test, &detected_.integration_test, &detected_.lint, &detected_.typecheck,
                            &detected_.format}) {
    commands.push_back(*known);
  }
  std::vector<std::string> single;
  for (const auto& line : commands) {
    for (const auto& command : agent::parse_command_line(line).value_or(std::vector<agent::ShellCommand>{})) {
      if (auto words = plain_words(command); !words.empty()) single.push_back(std::move(words));
    }
  }
  return single;
}

awaitable<agent::LaunchOptions> Subagent::launch_options(AgentOrder order) {
  co_await choose_sandbox();
  agent::LaunchOptions options;
  const auto& wanted = order.agent;
  options.agent = agent::find_agent(wanted.kind());
  if (!options.agent) throw Error(ErrorKind::invalid_input, "this daemon knows no agent of the kind " + wanted.kind());
  const auto policy = policy_for(order);
  options.level = level_from(wanted.level()).value_or(agent::level_for(*options.agent, policy));
  options.command = wanted.command();
  options.model = wanted.model();
  options.mode = wanted.mode();
  options.auth_method = wanted.auth_method();
  options.resume_session = order.session;
  options.prompt_file = attempt_directory() / prompt_file(order.program);
  options.worktree = worktree_.path;
  options.private_directory = attempt_directory();
  options.approve = is_held_by_us_alone(wanted.kind(), *sandbox_level_) ? agent::Approve::all : policy.approve;
  options.allowed_commands = allowed_commands();
  options.more_arguments = {wanted.args().begin(), wanted.args().end()};
  options.client_version = kVersion;
  options.partial_messages = true;  // with them comes what is used during a turn
  if (options.agent->tells_cost) options.max_cost = money_left();
  options.prompt = co_await services_.files.run(
      [&](std::stop_token) { return written_once(options.prompt_file, order.message); });
  if (options.level == agent::Level::lines) co_return options;
  const auto folders = co_await services_.workers.run([&](std::stop_token) { return git::git_folders(worktree_.path); });
  options.git_directory = folders.own;
  options.common_git_directory = folders.common;
  co_return options;
}

}  // namespace fanout::subagent
