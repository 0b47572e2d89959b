#include "server/domain/plan/config_keys.hpp"

#include <algorithm>

namespace fanout::domain {

namespace {

/// Of the user's configuration; `[github."HOST"]` has them too.
std::vector<ConfigKey> make_github_keys() {
  using enum ConfigKey::Fallback;
  return {
      {"client_id", words, "none"},
      {"app_id", words, "none"},
      {"app_key", words, "none"},
      {"app_installation", words, "the repository's"},
      {"ca_file", words, "none but the system's"},
      {"api_url", words, "where GitHub has it"},
      {"graphql_url", words, "where GitHub has it"},
      {"login_url", words, "where GitHub has it"},
      {"follow_interval", value, "30s"},
      {"burst", value, "20"},
      {"per_minute", value, "75"},
      {"per_hour", value, "450"},
      {"points_per_minute", value, "800"},
      {"reads_at_once", value, "10"},
      {"batch", value, "20"},
      {"refill", value, "1s"},
      {"edit_spacing", value, "1s"},
      {"first_penalty", value, "1m"},
      {"longest_penalty", value, "15m"},
      {"recovery", value, "1h"},
  };
}

std::vector<ConfigKey> make_user_keys() {
  using enum ConfigKey::Fallback;
  std::vector<ConfigKey> keys{
      {"agents.*.command"},
      {"agents.*.type"},
      {"agents.*.args"},
      {"agents.*.env.*"},
      {"agents.*.model"},
      {"agents.*.approve"},
      {"agents.*.rules"},
      {"agents.*.answer_timeout"},
      {"agents.*.mode"},
      {"agents.*.auth_method"},
      {"agents.*.level"},
      {"admission.agents", value, "off"},
      {"admission.tests", words, "one for each core"},
      {"admission.memory_reserve", words, "a tenth of the memory, at most 2GiB"},
      {"admission.memory_pressure", value, "20"},
      {"admission.disk_reserve", value, "2GiB"},
      {"admission.disk_reserve_percent", value, "5"},
      {"retention.events_age", value, "30d"},
      {"retention.events_size", value, "256MiB"},
      {"retention.output_age", value, "90d"},
      {"retention.output_size", value, "20GiB"},
      {"notify.on", words, "nothing"},
      {"notify.desktop", value, "true"},
      {"notify.command", words, "none"},
      {"prices.*.input"},
      {"prices.*.cached_input"},
      {"prices.*.cache_write"},
      {"prices.*.output"},
      {"prices.*.as_of"},
  };
  const auto github = make_github_keys();
  for (const auto& key : github) keys.push_back({"github." + key.name, key.kind, key.fallback});
  for (const auto& key : github) keys.push_back({"github.*." + key.name});
  return keys;
}

/// What stands before the first dot; of a list's entries the list.
std::string_view first_part(std::string_view name) {
  auto part = name.substr(0, name.find('.'));
  if (part.ends_with("[]")) part.remove_suffix(2);
  return part;
}

}  // namespace

const std::vector<ConfigKey>& shared_config_keys() {
  using enum ConfigKey::Fallback;
  static const std::vector<ConfigKey> keys{
      {"agent", words, "the one that is installed, if there is just one"},
      {"agents", words, "none takes over"},
      {"model", words, "the agent's own"},
      {"approve", value, "safe"},
      {"rules", words, "none"},
      {"rules[].ruling"},
      {"rules[].tool"},
      {"rules[].command"},
      {"rules[].path"},
      {"answer_timeout", value, "10m"},
      {"repo", words, "the one around the plan"},
      {"base", value, "HEAD"},
      {"setup", words, "found out from the tree"},
      {"verify", words, "found out from the tree"},
      {"gates", words, "none"},
      {"gates[].name"},
      {"gates[].run"},
      {"gates[].timeout"},
      {"max_parallel", words, "four for each core, at least 8"},
      {"timeout", value, "1h"},
      {"stall_timeout", value, "10m"},
      {"retries", value, "0"},
      {"race", value, "1"},
      {"judge", words, "the first whose gates pass"},
      {"gate_retries", words, "2 for agents that keep a session, 0 for commands"},
      {"max_memory", value, "off"},
      {"max_processes", value, "off"},
      {"cpu_weight", words, "everyone's"},
      {"max_output", value, "off"},
      {"sandbox", words, "workspace where it works"},
      {"sandbox_require", value, "false"},
      {"sandbox_network", words, "on with workspace, off with strict"},
      {"tracker_access", value, "none"},
      {"escape", value, "report"},
      {"sandbox_read", words, "nothing more"},
      {"sandbox_write", words, "nothing more"},
      {"budget.tokens", words, "no limit"},
      {"budget.money", words, "no limit"},
      {"budget.time", words, "no limit"},
      {"budget.turns", words, "no limit"},
      {"budget.run.tokens", words, "no limit"},
      {"budget.run.money", words, "no limit"},
      {"budget.run.time", words, "no limit"},
      {"budget.run.turns", words, "no limit"},
      {"budget.day.tokens", words, "no limit"},
      {"budget.day.money", words, "no limit"},
      {"budget.day.time", words, "no limit"},
      {"budget.day.turns", words, "no limit"},
      {"env.*", words, "no variables"},
      {"pass_env", words, "none but the usual ones and the agent's own"},
      {"max_file_size", value, "50MB"},
      {"secret_scan", value, "on"},
      {"copy", words, "nothing"},
      {"cache", words, "what setup commands are known to make"},
      {"cache_inputs", words, "none"},
      {"cache_wait", value, "false"},
      {"cache_size", words, "10GB"},
      {"cache_age", words, "14d"},
      {"ports", value, "10"},
      {"pool", value, "false"},
      {"pool_size", value, "20"},
      {"pool_space", value, "10GB"},
      {"worktree", value, "worktrees/{task_id}"},
      {"branch", value, "feature/{task_id}"},
      {"commit_type", value, "feat"},
      {"allow_empty", value, "false"},
      {"write_status", value, "true"},
      {"push", words, "true with a tracker, else false"},
      {"remote", value, "origin"},
      {"tracker.name", value, "none"},
      {"tracker.mode", value, "auto"},
      {"tracker.labels", words, "none"},
      {"tracker.create_labels", value, "true"},
      {"tracker.assignees", words, "none"},
      {"tracker.milestone", words, "none"},
      {"tracker.project", words, "none"},
      {"pull_request", value, "true"},
      {"draft", value, "false"},
      {"follow", value, "false"},
      {"ci_retries", value, "2"},
      {"auto_merge", value, "off"},
  };
  return keys;
}

const std::vector<ConfigKey>& user_config_keys() {
  static const auto keys = make_user_keys();
  return keys;
}

std::vector<std::string> children_of(std::string_view path, std::span<const ConfigKey> keys) {
  const auto prefix = path.empty() ? std::string() : std::string(path) + ".";
  std::vector<std::string> children;
  for (const auto& key : keys) {
    if (!key.name.starts_with(prefix)) continue;
    const std::string child(first_part(std::string_view(key.name).substr(prefix.size())));
    if (std::find(children.begin(), children.end(), child) == children.end()) children.push_back(child);
  }
  return children;
}

std::vector<std::string> keys_in(std::string_view path) {
  auto keys = children_of(path, shared_config_keys());
  for (auto& key : children_of(path, user_config_keys())) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(std::move(key));
  }
  std::erase(keys, "*");
  return keys;
}

}  // namespace fanout::domain
