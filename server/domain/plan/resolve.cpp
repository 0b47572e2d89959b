#include "server/domain/plan/resolve.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "common/text.hpp"
#include "server/domain/plan/checks.hpp"
#include "server/domain/plan/patterns.hpp"
#include "server/domain/plan/prompt_values.hpp"
#include "server/domain/plan/settings_reader.hpp"
#include "server/domain/plan/template.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;
using fanout::internal::v1::RunSpec;
using fanout::internal::v1::TaskSpec;
using google::protobuf::util::TimeUtil;

namespace {

constexpr unsigned kLeastParallel = 8;
constexpr std::chrono::hours kAgentTimeout{1};
constexpr std::chrono::minutes kStallTimeout{10};
constexpr std::int64_t kLongestTimeout = 365 * 24 * 3600;  // seconds, as in files
constexpr unsigned kUsualPorts = 10;
constexpr unsigned kPoolSize = 20;
constexpr std::uint64_t kPoolSpace = 10ull << 30;

bool has_usable_timeout(const v1::Overrides& flags) {
  const auto& timeout = flags.timeout();
  return flags.has_timeout() && timeout.seconds() >= 0 && timeout.seconds() <= kLongestTimeout &&
         timeout.nanos() >= 0 && TimeUtil::DurationToMilliseconds(timeout) > 0;
}

Settings from_flags(const v1::Overrides& flags) {
  Settings settings;
  if (!flags.agent().empty()) settings.agent = flags.agent();
  if (flags.agent().empty() && flags.race_agents_size() > 0) settings.agent = flags.race_agents(0);
  if (!flags.base().empty()) settings.base = flags.base();
  if (flags.has_max_parallel()) settings.max_parallel = flags.max_parallel();
  if (has_usable_timeout(flags)) {
    settings.timeout = std::chrono::milliseconds(TimeUtil::DurationToMilliseconds(flags.timeout()));
  }
  if (flags.has_retries()) settings.retries = flags.retries();
  if (flags.has_push()) settings.push = flags.push();
  if (!flags.remote().empty()) settings.remote = flags.remote();
  if (flags.has_write_status()) settings.write_status = flags.write_status();
  if (!flags.tracker().empty()) settings.tracker = flags.tracker();
  settings.tracker_options = tracker_settings_from(flags);
  settings.policy = policy_settings_from(flags);
  settings.agent_options = agent_settings_from(flags);
  settings.sandbox = sandbox_settings_from(flags);
  if (flags.has_pull_request()) settings.pull_request = flags.pull_request();
  if (flags.has_environment_cache() && !flags.environment_cache()) settings.cache = std::vector<std::string>{};
  return settings;
}

class Resolver {
 public:
  Resolver(const Plan& plan, const Layers& layers, Diagnostics& diagnostics)
      : plan_(plan), layers_(layers), diagnostics_(diagnostics) {
    run_ = from_flags(layers.flags);
    merge_settings(run_, plan.settings);
    merge_settings(run_, layers.repository);
    merge_settings(run_, layers.user.defaults);
  }

  RunSpec resolve() {
    spec_.set_name(plan_.name);
    spec_.set_plan_path(plan_.path);
    spec_.set_repository(layers_.repository_root);
    spec_.set_base(run_.base.value_or("HEAD"));
    spec_.set_max_parallel(run_.max_parallel.value_or(usual_parallel(layers_.cores)));
    spec_.set_push(run_.push.value_or(run_.tracker.value_or("none") != "none"));
    spec_.set_remote(run_.remote.value_or("origin"));
    spec_.set_write_status(run_.write_status.value_or(true));
    *spec_.mutable_budget() = run_.policy.run;
    *spec_.mutable_day_budget() = run_.policy.day;
    spec_.mutable_prices()->Assign(layers_.user.prices.begin(), layers_.user.prices.end());
    spec_.set_pool(run_.pool.value_or(false));
    spec_.set_pool_most(run_.pool_size.value_or(kPoolSize));
    spec_.set_pool_bytes(run_.pool_space.value_or(kPoolSpace));
    if (run_.cache_size) spec_.set_cache_bytes(*run_.cache_size);
    if (run_.cache_age) *spec_.mutable_cache_age() = TimeUtil::MillisecondsToDuration(run_.cache_age->count());
    check_flags();
    set_tracker();
    set_patterns();
    check_template();
    add_tasks();
    return std::move(spec_);
  }

 private:
  /// What files say has been checked where it was read.
  void check_flags() {
    const auto& flags = layers_.flags;
    if (flags.has_max_parallel() && (flags.max_parallel() < 1 || flags.max_parallel() > kMostParallel)) {
      add_error(diagnostics_, {}, "max_parallel",
                "max_parallel must be a whole number from 1 to " + std::to_string(kMostParallel));
    }
    if (flags.has_timeout() && !has_usable_timeout(flags)) {
      add_error(diagnostics_, {}, "timeout", "timeout must be longer than nothing and at most 365 days");
    }
    if (const auto wrong = fault_in(agent_settings_from(flags)); !wrong.empty()) {
      add_error(diagnostics_, {}, "approve", wrong);
    }
    if (const auto wrong = fault_in(tracker_settings_from(flags)); !wrong.empty()) {
      add_error(diagnostics_, {}, "tracker", wrong);
    }
    if (const auto wrong = fault_in(policy_settings_from(flags)); !wrong.empty()) add_error(diagnostics_, {}, "", wrong);
    if (const auto wrong = fault_in(sandbox_settings_from(flags)); !wrong.empty()) add_error(diagnostics_, {}, "sandbox", wrong);
    if (flags.has_retries() && flags.retries() > kMostRetries) {
      add_error(diagnostics_, {}, "retries",
                "retries must be a whole number from 0 to " + std::to_string(kMostRetries));
    }
  }

  void set_tracker() {
    spec_.set_tracker(run_.tracker.value_or("none"));
    if (spec_.tracker() == "none") return;
    if (spec_.tracker() != "github") {
      fault("tracker", "unknown tracker \"" + printable(spec_.tracker()) +
                           "\": there are \"github\" and \"none\", which makes no issues");
    }
    *spec_.mutable_tracker_options() = tracker_spec(run_.tracker_options, static_cast<int>(plan_.tasks.size()));
    // The branch is found out by whoever knows the repository.
    if (run_.pull_request.value_or(true) && spec_.push()) spec_.set_pull_request_base(spec_.base());
  }

  void set_patterns() {
    spec_.set_worktree_pattern(run_.worktree.value_or("worktrees/{task_id}"));
    spec_.set_branch_pattern(run_.branch.value_or("feature/{task_id}"));
    check_pattern("worktree", spec_.worktree_pattern());
    check_pattern("branch", spec_.branch_pattern());
  }

  void check_pattern(const std::string& key, const std::string& pattern) {
    if (const auto reason = fault_in_pattern(key, pattern); !reason.empty()) fault(key, reason);
    if (names_issue(pattern) && spec_.tracker() == "none") {
      fault(key, "the " + key + " pattern uses {issue}, and there are no issues with tracker none");
    }
    if (names_issue(pattern) && spec_.tracker_options().mode() == "tracking") {
      fault(key, "the " + key + " pattern uses {issue}, and there is one issue for the whole run: set tracker.mode to per-task");
    }
    if ((plan_.open || plan_.tasks.size() > 1) && pattern.find("{task_id}") == std::string::npos) {
      fault(key, "the " + key + " pattern \"" + printable(pattern) +
                     "\" must hold {task_id}, or all tasks would share it");
    }
  }

  void check_template() {
    if (layers_.prompt_template.empty()) return;
    if (!check_utf8(layers_.prompt_template, layers_.prompt_template_file, 1, diagnostics_)) return;
    for (auto& unknown : unknown_placeholders(layers_.prompt_template, layers_.prompt_template_file)) {
      diagnostics_.push_back(std::move(unknown));
    }
  }

  /// A daemon holds many runs, and a template or an overview counts once for each task. Contenders come last: before
  /// them stand the plan's tasks, each in its place.
  void add_tasks() {
    std::vector<TaskSpec> contenders;
    std::size_t bytes = 0;
    for (const auto& task : plan_.tasks) {
      const auto racing = contenders_for(add_task(task));
      contenders.insert(contenders.end(), racing.begin(), racing.end());
      bytes += spec_.tasks(spec_.tasks_size() - 1).ByteSizeLong();
      for (const auto& one : racing) bytes += one.ByteSizeLong();
      if (bytes <= kMaxSpecBytes) continue;
      add_error(diagnostics_, {plan_.path, 0, 0}, "tasks",
                "the prompts and settings of all tasks come to more than " +
                    std::to_string(kMaxSpecBytes >> 20) +
                    " MiB: shorten the overview, the template or the task files");
      return;
    }
    for (auto& one : contenders) *spec_.add_tasks() = std::move(one);
  }

  /// Those that race for the task that was added last.
  std::vector<TaskSpec> contenders_for(const Settings& own) const {
    const auto& task = *spec_.tasks().rbegin();
    const auto count = std::min(own.policy.race.value_or(1), kMostRacers);
    std::vector<TaskSpec> contenders;
    for (unsigned i = 0; count > 1 && !task.skipped() && i < count; ++i) {
      auto& one = contenders.emplace_back(task);
      one.set_id(contender_id(task.id(), i + 1));
      one.set_race_of(task.id());
      if (task.title().empty()) one.set_title(task.id());  // for what it commits
      one.clear_file();
      one.clear_judge();
      set_agents(own, racing_agents(own, i), one);
    }
    return contenders;
  }

  /// The one that is named; else the task's agents take turns to begin, and the others of them take over.
  static std::vector<std::string> racing_agents(const Settings& own, unsigned index) {
    if (!own.policy.racers.empty()) return {own.policy.racers[index]};
    auto agents = agents_of(own);
    std::rotate(agents.begin(), agents.begin() + static_cast<std::ptrdiff_t>(index % agents.size()), agents.end());
    return agents;
  }

  static std::vector<std::string> agents_of(const Settings& own) {
    std::vector<std::string> agents{own.agent.value_or("")};
    agents.insert(agents.end(), own.policy.fallbacks.begin(), own.policy.fallbacks.end());
    return agents;
  }

  Settings add_task(const Task& task) {
    Settings own = from_flags(layers_.flags);
    merge_settings(own, task.settings);
    merge_settings(own, run_);
    auto& out = *spec_.add_tasks();
    out.set_id(task.id);
    out.set_title(task.title);
    out.set_priority(to_string(task.priority));
    out.mutable_dependencies()->Assign(task.dependencies.begin(), task.dependencies.end());
    out.set_skipped(task.status == TaskStatus::completed);
    out.set_file(task.file);
    out.mutable_labels()->Assign(task.labels.begin(), task.labels.end());
    out.set_issue(task.issue);
    set_commands(own, out);
    set_issue_extras(own.tracker_options, out);
    *out.mutable_timeout() = TimeUtil::MillisecondsToDuration(own.timeout.value_or(kAgentTimeout).count());
    *out.mutable_stall_timeout() = TimeUtil::MillisecondsToDuration(own.stall_timeout.value_or(kStallTimeout).count());
    out.set_retries(own.retries.value_or(0));
    if (own.policy.gate_retries) out.set_gate_retries(*own.policy.gate_retries);
    *out.mutable_budget() = own.policy.task;
    if (task.settings.policy.run.ByteSizeLong() + task.settings.policy.day.ByteSizeLong() > 0) {
      add_error(diagnostics_, task.settings.places.at("budget"), "budget",
                "a task's budget is its own: that of a run or a day stands in the plan or above it");
    }
    *out.mutable_limits() = limits_spec(own.limits);
    *out.mutable_sandbox() = sandbox_spec(own.sandbox);
    if (spec_.tracker() == "none") drop_tracker_access(task, out);
    out.mutable_env()->insert(own.env.begin(), own.env.end());
    set_security(own.security, out);
    out.set_allow_empty(own.allow_empty.value_or(false));
    out.set_commit_type(own.commit_type.value_or("feat"));
    out.set_prompt_template(layers_.prompt_template.empty() ? std::string(default_prompt_template())
                                                            : layers_.prompt_template);
    const auto values = prompt_values(plan_, task, spec_.base());
    out.mutable_prompt_values()->insert(values.begin(), values.end());
    for (const auto& pattern : own.copy.value_or(std::vector<std::string>{})) out.add_copy(pattern);
    set_environment(own, out);
    out.set_judge(own.policy.judge.value_or(""));
    return own;
  }

  /// A plan or task that asks for it means it; the configuration says it for all plans, of which some have no tracker.
  void drop_tracker_access(const Task& task, TaskSpec& out) {
    out.mutable_sandbox()->set_tracker_access("none");
    for (const auto* settings : {&task.settings, &plan_.settings}) {
      const auto& access = settings->sandbox.tracker_access;
      if (!access) continue;
      const auto place = settings->places.find("tracker_access");
      if (*access == "none" || place == settings->places.end()) return;
      return add_error(diagnostics_, place->second, "tracker_access",
                       "tracker_access is for plans with a tracker, and this one has none: set tracker to github");
    }
  }

  void set_environment(const Settings& own, TaskSpec& out) {
    out.set_detect_cache(!own.cache);
    for (const auto& folder : own.cache.value_or(std::vector<std::string>{})) out.add_cache(folder);
    for (const auto& pattern : own.cache_inputs.value_or(std::vector<std::string>{})) out.add_cache_inputs(pattern);
    out.set_await_cache(own.cache_wait.value_or(false));
    out.set_ports(own.ports.value_or(kUsualPorts));
  }

  /// The first, and those that take over from it.
  void set_agents(const Settings& own, const std::vector<std::string>& names, TaskSpec& out) const {
    const auto spec_of = [&](const std::string& name) {
      return agent_spec(name, own.agent_options, layers_.user.agents, layers_.user.defaults.agent_options);
    };
    out.set_agent(names.front());
    *out.mutable_agent_spec() = spec_of(names.front());
    out.clear_fallbacks();
    for (std::size_t i = 1; i < names.size(); ++i) *out.add_fallbacks() = spec_of(names[i]);
    out.set_agent_command(out.agent_spec().command().empty() ? out.agent() : out.agent_spec().command());
  }

  void set_commands(const Settings& own, TaskSpec& out) {
    set_agents(own, agents_of(own), out);
    out.set_detect_setup(!own.setup);
    out.set_detect_verify(!own.verify);
    for (const auto& command : own.setup.value_or(std::vector<std::string>{})) out.add_setup(command);
    for (const auto& command : own.verify.value_or(std::vector<std::string>{})) out.add_verify(command);
    for (const auto& gate : own.gates.value_or(std::vector<Gate>{})) {
      auto& added = *out.add_gates();
      added.set_name(gate.name);
      added.set_run(gate.run);
      if (gate.timeout) *added.mutable_timeout() = TimeUtil::MillisecondsToDuration(gate.timeout->count());
    }
  }

  /// At the place that the setting comes from; a flag has none.
  void fault(const std::string& key, std::string message) {
    const auto place = run_.places.find(key);
    add_error(diagnostics_, place == run_.places.end() ? Place{} : place->second, key, std::move(message));
  }

  const Plan& plan_;
  const Layers& layers_;
  Diagnostics& diagnostics_;
  Settings run_;  ///< All layers but the task's.
  RunSpec spec_;
};

}  // namespace

RunSpec resolve(const Plan& plan, const Layers& layers, Diagnostics& diagnostics) {
  return Resolver(plan, layers, diagnostics).resolve();
}

unsigned usual_parallel(unsigned cores) { return std::max(kLeastParallel, cores * 4); }

void require_agents(const RunSpec& spec, Diagnostics& diagnostics) {
  constexpr std::size_t most_named = 10;
  std::vector<std::string> without;
  std::size_t needed = 0;
  for (const auto& task : spec.tasks()) {
    if (task.skipped() || !task.race_of().empty()) continue;
    ++needed;
    if (trimmed(task.agent_command()).empty()) without.push_back(task.id());
  }
  if (without.empty()) return;
  std::string whom;
  if (without.size() < needed) {
    whom = " for " + join(std::span(without).first(std::min(without.size(), most_named)), ", ");
    if (without.size() > most_named) whom += " and " + std::to_string(without.size() - most_named) + " more";
  }
  add_error(diagnostics, {spec.plan_path(), 0, 0}, "agent",
            "no agent is named" + whom +
                ": pass --agent COMMAND, or set agent: in the plan, in .fanout.yaml or in the configuration");
}

}  // namespace fanout::domain
