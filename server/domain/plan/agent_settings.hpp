#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/plan.pb.h"

namespace fanout::domain {

class Reader;

/// One rule of what an agent may do; what is empty fits everything.
struct ApprovalRule {
  std::string ruling;  ///< "allow", "deny" or "ask".
  std::string tool, command, path;
};

/// How agents are to be run. Everything unset falls through, as in Settings; rules of all layers count.
struct AgentSettings {
  std::optional<std::string> model;
  std::optional<std::string> approve;  ///< "never", "edits", "safe" or "all".
  std::vector<ApprovalRule> rules;
  std::optional<std::chrono::milliseconds> answer_timeout;
};

/// `[agents.NAME]` of the user's configuration.
struct AgentConfig {
  std::string command;  ///< Empty: the usual program of its type.
  std::string type;     ///< As in the catalogue of agents. Empty: a command's is "command", else its name.
  std::string mode, auth_method, level;
  std::vector<std::string> args;
  std::map<std::string, std::string> env;
  std::map<std::string, std::string> secret_env;  ///< Variable → name of a secret.
  AgentSettings settings;
};
using AgentConfigs = std::map<std::string, AgentConfig>;

AgentSettings read_agent_settings(const Reader& reader);
AgentSettings agent_settings_from(const fanout::v1::Overrides& flags);
/// Fills what is unset in `upper` from `lower`; rules come together.
void merge_agent_settings(AgentSettings& upper, const AgentSettings& lower);
/// What is wrong with values that came by flags; empty: nothing. Files were checked when they were read.
std::string fault_in(const AgentSettings& flags);

/// `agents` of the user's configuration.
AgentConfigs read_agent_configs(const Reader& config);

/// The agent that a person means by `name`. What the configuration says of that agent stands above what it says of
/// all, `defaults`. Its kind is left empty where only the catalogue of agents tells it.
fanout::internal::v1::AgentSpec agent_spec(const std::string& name, const AgentSettings& settings,
                                           const AgentConfigs& configs, const AgentSettings& defaults);

}  // namespace fanout::domain
