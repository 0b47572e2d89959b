#include "server/domain/plan/resolve.hpp"

namespace fanout::domain {

namespace {

template <class T>
void fill(Settings& upper, const Settings& lower, const char* key, std::optional<T> Settings::*value) {
  if (upper.*value || !(lower.*value)) return;
  upper.*value = lower.*value;
  if (const auto place = lower.places.find(key); place != lower.places.end()) upper.places.insert(*place);
}

}  // namespace

void merge_settings(Settings& upper, const Settings& lower) {
  fill(upper, lower, "repo", &Settings::repo);
  fill(upper, lower, "base", &Settings::base);
  merge_policy_settings(upper.policy, lower.policy, !upper.agent);
  fill(upper, lower, "agent", &Settings::agent);
  fill(upper, lower, "setup", &Settings::setup);
  fill(upper, lower, "verify", &Settings::verify);
  fill(upper, lower, "gates", &Settings::gates);
  fill(upper, lower, "max_parallel", &Settings::max_parallel);
  fill(upper, lower, "timeout", &Settings::timeout);
  fill(upper, lower, "stall_timeout", &Settings::stall_timeout);
  fill(upper, lower, "retries", &Settings::retries);
  fill(upper, lower, "allow_empty", &Settings::allow_empty);
  fill(upper, lower, "push", &Settings::push);
  fill(upper, lower, "remote", &Settings::remote);
  fill(upper, lower, "worktree", &Settings::worktree);
  fill(upper, lower, "branch", &Settings::branch);
  fill(upper, lower, "write_status", &Settings::write_status);
  fill(upper, lower, "tracker", &Settings::tracker);
  fill(upper, lower, "pull_request", &Settings::pull_request);
  fill(upper, lower, "commit_type", &Settings::commit_type);
  fill(upper, lower, "copy", &Settings::copy);
  merge_agent_settings(upper.agent_options, lower.agent_options);
  fill(upper, lower, "cache", &Settings::cache);
  fill(upper, lower, "cache_inputs", &Settings::cache_inputs);
  fill(upper, lower, "cache_wait", &Settings::cache_wait);
  fill(upper, lower, "cache_size", &Settings::cache_size);
  fill(upper, lower, "cache_age", &Settings::cache_age);
  fill(upper, lower, "pool", &Settings::pool);
  fill(upper, lower, "pool_size", &Settings::pool_size);
  fill(upper, lower, "pool_space", &Settings::pool_space);
  fill(upper, lower, "ports", &Settings::ports);
  merge_limit_settings(upper.limits, lower.limits);
  merge_sandbox_settings(upper.sandbox, lower.sandbox);
  merge_tracker_settings(upper.tracker_options, lower.tracker_options);
  const auto above = upper.env;
  for (const auto& [name, value] : lower.env) {
    if (!upper.security.secret_env.contains(name)) upper.env.emplace(name, value);
  }
  merge_security_settings(upper.security, lower.security, above);
}

}  // namespace fanout::domain
