#pragma once

#include <map>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/plan.pb.h"
#include "server/domain/plan/github_config.hpp"
#include "server/domain/plan/plan.hpp"
#include "server/domain/plan/retention.hpp"

namespace fanout::domain {

/// The user's ~/.config/fanout/config.toml.
struct UserConfig {
  Settings defaults;
  AgentConfigs agents;  ///< By name.
  GithubConfig github;
  std::vector<fanout::internal::v1::Price> prices;  ///< Of models, in order.
  Retention retention;
  admission::Settings admission;
};

/// Reads `.fanout.yaml`. Faults are added to `diagnostics`.
Settings parse_repository_settings(const std::string& text, const std::string& file,
                                   std::vector<Diagnostic>& diagnostics);

/// Reads the user's config. Faults are added to `diagnostics`.
UserConfig parse_user_config(const std::string& text, const std::string& file,
                             std::vector<Diagnostic>& diagnostics);

/// Fills what is unset in `upper` from `lower`; env is merged key by key.
void merge_settings(Settings& upper, const Settings& lower);

/// Everything that decides how a plan is run, in order of precedence: flags, task, plan, repository,
/// user, defaults.
struct Layers {
  fanout::v1::Overrides flags;
  Settings repository;
  UserConfig user;
  std::string repository_root;       ///< Absolute root of the main checkout.
  std::string prompt_template;       ///< Empty: the built-in one.
  std::string prompt_template_file;  ///< Where it came from, for diagnostics.
  unsigned cores = 1;
};

/// All that is kept of a run's tasks: prompts, templates, settings.
inline constexpr std::size_t kMaxSpecBytes = 64u << 20;

/// The plan with every setting resolved; who races for a task comes behind all tasks. Adds diagnostics for what only
/// shows now: no agent named, an unknown placeholder in the prompt template, a bad branch pattern. run_id, base_commit
/// and the environment are left for the caller.
fanout::internal::v1::RunSpec resolve(const Plan& plan, const Layers& layers,
                                      std::vector<Diagnostic>& diagnostics);

/// How many agents may be at work at once in a run, where nobody says anything.
unsigned usual_parallel(unsigned cores);

/// Adds an error when a task that is to run has no agent. Only a run needs one.
void require_agents(const fanout::internal::v1::RunSpec& spec, std::vector<Diagnostic>& diagnostics);

}  // namespace fanout::domain
