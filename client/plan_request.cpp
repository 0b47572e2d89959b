#include "client/plan_request.hpp"

#include <algorithm>
#include <random>
#include <sstream>

#include "client/render/times.hpp"
#include "common/amount.hpp"
#include "common/duration.hpp"
#include "common/environment.hpp"
#include "common/error.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace fs = std::filesystem;

namespace {

constexpr const char* kUsualPlaces[] = {".parallel/plans/plan.yaml", "plan.yaml"};

/// Without "." and, where no link can be meant by it, without "..".
fs::path tidy(const fs::path& path) {
  const bool climbs = std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
  return climbs ? fs::weakly_canonical(path) : path.lexically_normal();
}

/// A folder means its plan.yaml.
fs::path plan_at(const fs::path& typed) {
  std::error_code error;
  const auto path = tidy(typed);
  return fs::is_directory(path, error) ? (path / "plan.yaml").lexically_normal() : path;
}

google::protobuf::Duration time_of_flag(const std::string& flag, const std::string& typed) {
  const auto time = parse_duration(typed);
  if (!time || time->count() == 0)
    throw Error(ErrorKind::invalid_input, flag + " must be a time such as 90s, 15m or 1h30m, not \"" + typed + "\"");
  return to_duration(*time);
}

[[noreturn]] void refuse_figure(const char* flag, const char* wanted, const std::string& typed) {
  throw Error(ErrorKind::invalid_input, std::string(flag) + " must be " + wanted + ", not \"" + typed + "\"");
}

/// "2", or "claude,codex".
void set_race(const std::string& typed, fanout::v1::Overrides& overrides) {
  if (typed.empty()) return;
  if (typed.find_first_not_of("0123456789") == typed.npos && typed.size() < 5) return overrides.set_race(static_cast<std::uint32_t>(std::stoul(typed)));
  std::istringstream names(typed);
  for (std::string name; std::getline(names, name, ',');) overrides.add_race_agents(std::string(trimmed(name)));
}

bool is_passed_on(std::string_view name) {
  for (const auto* known : {"PATH", "SHELL", "LANG", "TZ", "SSH_AUTH_SOCK"}) {
    if (name == known) return true;
  }
  return name.starts_with("LC_");
}

}  // namespace

fs::path find_plan(const std::string& typed, const fs::path& folder) {
  std::error_code error;
  if (!typed.empty()) return plan_at(folder / typed);
  for (const auto* place : kUsualPlaces) {
    if (fs::is_regular_file(folder / place, error)) return folder / place;
  }
  throw Error(ErrorKind::invalid_input, std::string("which plan? Here is neither ") + kUsualPlaces[0] +
                                            " nor " + kUsualPlaces[1] + "; name one, or make one with fanout plan new");
}

fs::path new_plan_path(const std::string& typed, const fs::path& folder) {
  return typed.empty() ? folder / kUsualPlaces[0] : plan_at(folder / typed);
}

fanout::v1::Budget budget_of(const BudgetOptions& options) {
  fanout::v1::Budget budget;
  if (!options.tokens.empty()) {
    const auto tokens = parse_tokens(options.tokens);
    if (!tokens) refuse_figure("--budget-tokens", "a number such as 200000, 200k or 1.5M", options.tokens);
    budget.set_tokens(*tokens);
  }
  if (!options.money.empty()) {
    const auto money = parse_dollars(options.money);
    if (!money || *money == 0) refuse_figure("--budget-money", "an amount of US dollars such as 2.50", options.money);
    budget.set_money(*money);
  }
  if (!options.time.empty()) *budget.mutable_time() = time_of_flag("--budget-time", options.time);
  if (options.turns) budget.set_turns(*options.turns);
  return budget;
}

fanout::v1::Overrides overrides_of(const PlanOptions& options) {
  fanout::v1::Overrides overrides;
  overrides.set_agent(options.agent);
  overrides.set_model(options.model);
  overrides.set_approve(options.approve);
  overrides.set_base(options.base);
  overrides.set_repository(options.repo);
  overrides.set_remote(options.remote);
  overrides.set_tracker(options.tracker);
  if (options.max_parallel) overrides.set_max_parallel(*options.max_parallel);
  if (options.retries) overrides.set_retries(*options.retries);
  if (options.push) overrides.set_push(*options.push);
  if (options.pull_request) overrides.set_pull_request(*options.pull_request);
  if (options.follow) overrides.set_follow(*options.follow);
  if (options.draft) overrides.set_draft(*options.draft);
  if (options.ci_retries) overrides.set_ci_retries(*options.ci_retries);
  overrides.set_auto_merge(options.auto_merge);
  overrides.set_tracker_mode(options.tracker_mode);
  overrides.set_sandbox(options.sandbox);
  set_race(options.race, overrides);
  overrides.set_judge(options.judge);
  overrides.mutable_fallback_agents()->Assign(options.fallbacks.begin(), options.fallbacks.end());
  if (options.gate_retries) overrides.set_gate_retries(*options.gate_retries);
  if (const auto budget = budget_of(options.budget); budget.ByteSizeLong() > 0) *overrides.mutable_task_budget() = budget;
  if (options.environment_cache) overrides.set_environment_cache(*options.environment_cache);
  if (options.no_write_status) overrides.set_write_status(false);
  if (!options.timeout.empty()) *overrides.mutable_timeout() = time_of_flag("--timeout", options.timeout);
  if (!options.answer_timeout.empty())
    *overrides.mutable_answer_timeout() = time_of_flag("--answer-timeout", options.answer_timeout);
  return overrides;
}

void pass_environment_on(fanout::v1::ExecutePlanRequest& request) {
  for (const auto& [name, value] : own_environment()) {
    if (is_passed_on(name)) (*request.mutable_environment())[name] = value;
  }
}

std::string random_id() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::random_device random;
  std::string id;
  for (int i = 0; i < 32; ++i) id += kDigits[random() & 15];
  return id;
}

}  // namespace fanout::client
