#include "server/domain/plan/agent_settings.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "common/text.hpp"
#include "server/domain/plan/config_keys.hpp"
#include "server/domain/plan/reader.hpp"
#include "server/domain/plan/security_settings.hpp"

namespace fanout::domain {

using fanout::internal::v1::AgentSpec;
using google::protobuf::util::TimeUtil;

namespace {

const std::vector<std::string> kApproves{"never", "edits", "safe", "all"};
const std::vector<std::string> kRulings{"allow", "deny", "ask"};
const std::vector<std::string> kLevels{"headless", "dialogue", "acp", "lines"};
/// Kinds of the catalogue of agents (server/agent/catalog.cpp) that have a program of their own, and those that need one.
const std::vector<std::string> kWithProgram{"claude", "codex", "gemini", "opencode"};
const std::vector<std::string> kTypes{"claude", "codex", "gemini", "opencode", "acp", "command"};
constexpr std::chrono::minutes kAnswerTimeout{10};

std::vector<ApprovalRule> read_rules(const Reader& reader) {
  static const auto keys = keys_in("rules[]");
  const auto* member = reader.member("rules");
  if (!member) return {};
  if (member->value.kind != Value::Kind::list) {
    add_error(reader.diagnostics(), member->value.place, reader.field_of("rules"),
              "rules must be a list of {ruling, tool, command, path}");
    return {};
  }
  std::vector<ApprovalRule> rules;
  for (std::size_t i = 0; i < member->value.items.size(); ++i) {
    const Reader entry(member->value.items[i], reader.field_of("rules[" + std::to_string(i) + "]"), reader.diagnostics());
    check_keys(entry, keys, Unknown::error);
    if (!entry.member("ruling")) {
      add_error(reader.diagnostics(), member->value.items[i].place, entry.field_of("ruling"),
                "a rule needs ruling: allow, deny or ask");
    }
    const auto ruling = entry.word("ruling", kRulings);
    if (!ruling) continue;
    rules.push_back({*ruling, entry.filled_text("tool").value_or(""), entry.filled_text("command").value_or(""),
                     entry.filled_text("path").value_or("")});
  }
  return rules;
}

template <class T>
void fill(AgentSettings& upper, const AgentSettings& lower, std::optional<T> AgentSettings::*value) {
  if (!(upper.*value)) upper.*value = lower.*value;
}

/// What is said of this agent, unless something that stands above the configuration says it.
template <class T>
std::optional<T> chosen(const AgentSettings& all, const AgentSettings& of_agent, const AgentSettings& defaults,
                        std::optional<T> AgentSettings::*value) {
  return of_agent.*value && all.*value == defaults.*value ? of_agent.*value : all.*value;
}

AgentConfig read_agent_config(const Reader& entry, const Member& agent) {
  static const auto keys = keys_in("agents.*");
  check_keys(entry, keys, Unknown::error);
  AgentConfig config;
  config.command = entry.filled_text("command").value_or("");
  config.type = entry.word("type", kTypes).value_or("");
  config.mode = entry.filled_text("mode").value_or("");
  config.auth_method = entry.filled_text("auth_method").value_or("");
  config.level = entry.word("level", kLevels).value_or("");
  config.args = entry.texts("args").value_or(std::vector<std::string>{});
  auto env = read_env(entry);
  config.env = std::move(env.values);
  config.secret_env = std::move(env.secrets);
  config.settings = read_agent_settings(entry);
  const auto& type = config.type.empty() ? agent.key : config.type;
  const bool has_program = std::find(kWithProgram.begin(), kWithProgram.end(), type) != kWithProgram.end();
  if (!has_program && !entry.member("command")) {
    add_error(entry.diagnostics(), agent.place, entry.field_of("command"),
              "an agent needs command: a shell command line (or type: one of " + join(kWithProgram, ", ") + ")");
  }
  return config;
}

}  // namespace

AgentSettings read_agent_settings(const Reader& reader) {
  AgentSettings settings;
  settings.model = reader.filled_text("model");
  settings.approve = reader.word("approve", kApproves);
  settings.rules = read_rules(reader);
  settings.answer_timeout = reader.duration("answer_timeout");
  return settings;
}

AgentSettings agent_settings_from(const fanout::v1::Overrides& flags) {
  AgentSettings settings;
  if (!flags.model().empty()) settings.model = flags.model();
  if (!flags.approve().empty()) settings.approve = flags.approve();
  if (flags.has_answer_timeout() && flags.answer_timeout().seconds() >= 0)
    settings.answer_timeout = std::chrono::milliseconds(TimeUtil::DurationToMilliseconds(flags.answer_timeout()));
  return settings;
}

void merge_agent_settings(AgentSettings& upper, const AgentSettings& lower) {
  fill(upper, lower, &AgentSettings::model);
  fill(upper, lower, &AgentSettings::approve);
  fill(upper, lower, &AgentSettings::answer_timeout);
  upper.rules.insert(upper.rules.end(), lower.rules.begin(), lower.rules.end());
}

std::string fault_in(const AgentSettings& flags) {
  return flags.approve ? fault_of_word("approve", *flags.approve, kApproves) : "";
}

AgentConfigs read_agent_configs(const Reader& config) {
  AgentConfigs configs;
  const auto* agents = config.member("agents");
  if (!agents || agents->value.kind == Value::Kind::list) return configs;  // a list is a setting
  if (agents->value.kind != Value::Kind::map) {
    add_error(config.diagnostics(), agents->value.place, "agents",
              "agents must be tables, [agents.NAME], or a list of agents to take in that order");
  }
  for (const auto& agent : agents->value.members) {
    const Reader entry(agent.value, "agents." + printable(agent.key), config.diagnostics());
    configs[agent.key] = read_agent_config(entry, agent);
  }
  return configs;
}

AgentSpec agent_spec(const std::string& name, const AgentSettings& settings, const AgentConfigs& configs,
                     const AgentSettings& defaults) {
  const auto found = configs.find(name);
  const auto config = found == configs.end() ? AgentConfig() : found->second;
  AgentSpec spec;
  spec.set_name(name);
  spec.set_command(config.command);
  spec.set_kind(!config.type.empty() ? config.type : config.command.empty() ? "" : "command");
  spec.set_mode(config.mode);
  spec.set_auth_method(config.auth_method);
  spec.set_level(config.level);
  spec.mutable_args()->Assign(config.args.begin(), config.args.end());
  spec.mutable_env()->insert(config.env.begin(), config.env.end());
  spec.mutable_secret_env()->insert(config.secret_env.begin(), config.secret_env.end());
  spec.set_model(chosen(settings, config.settings, defaults, &AgentSettings::model).value_or(""));
  spec.set_approve(chosen(settings, config.settings, defaults, &AgentSettings::approve).value_or("safe"));
  const auto timeout = chosen(settings, config.settings, defaults, &AgentSettings::answer_timeout);
  *spec.mutable_answer_timeout() = TimeUtil::MillisecondsToDuration(
      timeout.value_or(std::chrono::milliseconds(kAnswerTimeout)).count());
  for (const auto* rules : {&settings.rules, &config.settings.rules}) {
    for (const auto& rule : *rules) {
      auto& added = *spec.add_rules();
      added.set_ruling(rule.ruling);
      added.set_tool(rule.tool);
      added.set_command(rule.command);
      added.set_path(rule.path);
    }
  }
  return spec;
}

}  // namespace fanout::domain
