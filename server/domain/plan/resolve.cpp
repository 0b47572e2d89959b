#include "server/domain/plan/resolve.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "common/text.hpp"
#include "server/domain/plan/checks.hpp"
#include "server/domain/plan/reader.hpp"
#include "server/domain/plan/template.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;
using fanout::internal::v1::RunSpec;
using fanout::internal::v1::TaskSpec;
using google::protobuf::util::TimeUtil;

namespace {

constexpr unsigned kLeastParallel = 8;
constexpr std::chrono::hours kAgentTimeout{1};

Settings from_flags(const v1::Overrides& flags) {
  Settings settings;
  if (!flags.agent().empty()) settings.agent = flags.agent();
  if (!flags.base().empty()) settings.base = flags.base();
  if (flags.has_max_parallel()) settings.max_parallel = flags.max_parallel();
  if (flags.has_timeout()) settings.timeout = std::chrono::milliseconds(TimeUtil::DurationToMilliseconds(flags.timeout()));
  if (flags.has_push()) settings.push = flags.push();
  if (!flags.remote().empty()) settings.remote = flags.remote();
  if (flags.has_write_status()) settings.write_status = flags.write_status();
  if (!flags.tracker().empty()) settings.tracker = flags.tracker();
  return settings;
}

template <class T>
void fill(std::optional<T>& upper, const std::optional<T>& lower) {
  if (!upper) upper = lower;
}

std::string bullets(const std::vector<std::string>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "- " : "\n- ") + item;
  return text.empty() ? "- (none named)" : text;
}

std::vector<std::string> touched(const Task& task) {
  auto files = task.create;
  files.insert(files.end(), task.modify.begin(), task.modify.end());
  files.insert(files.end(), task.remove.begin(), task.remove.end());
  return files;
}

std::string description(const Task& task) {
  if (task.objective.empty()) return std::string(trimmed(task.body));
  return task.approach.empty() ? task.objective : task.objective + "\n\n" + task.approach;
}

/// What the seed's placeholders stand for, as far as it is known before the worktree is there.
std::map<std::string, std::string> prompt_values(const Plan& plan, const Task& task, const std::string& base) {
  const auto files = touched(task);
  const auto dependencies = task.dependencies.empty() ? "none" : join(task.dependencies, ", ");
  return {
      {"task.id", task.id},
      {"task.title", task.title},
      {"task.description", description(task)},
      {"task.objective", task.objective},
      {"task.body", task.body},
      {"task.files", join(files, ", ")},
      {"task.files_list", bullets(files)},
      {"task.tests", join(task.tests, ", ")},
      {"task.tests_list", bullets(task.tests)},
      {"task.success_criteria", bullets(task.acceptance)},
      {"task.detailed_implementation_steps", task.approach.empty() ? description(task) : task.approach},
      {"task.estimated_time", task.estimated_time.empty() ? "not estimated" : task.estimated_time},
      {"task.priority", to_string(task.priority)},
      {"task.dependencies", dependencies},
      {"task.labels", join(task.labels, ", ")},
      {"task.notes", task.notes},
      {"task.conflicts", task.conflicts},
      {"task.file", task.file},
      {"task_id", task.id},
      {"task_name", task.title},
      {"task_priority", to_string(task.priority)},
      {"task_dependencies", dependencies},
      {"plan_file_path", plan.path},
      {"plan_name", plan.name},
      {"plan_overview", plan.overview},
      {"base", base},
  };
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
    spec_.set_max_parallel(run_.max_parallel.value_or(std::max(kLeastParallel, layers_.cores * 4)));
    spec_.set_push(run_.push.value_or(false));
    spec_.set_remote(run_.remote.value_or("origin"));
    spec_.set_write_status(run_.write_status.value_or(true));
    set_tracker();
    set_patterns();
    check_template();
    for (const auto& task : plan_.tasks) add_task(task);
    return std::move(spec_);
  }

 private:
  void set_tracker() {
    spec_.set_tracker(run_.tracker.value_or("none"));
    if (spec_.tracker() != "none") {
      fault("tracker", "unknown tracker \"" + printable(spec_.tracker()) + "\": this version knows none");
    }
  }

  void set_patterns() {
    spec_.set_worktree_pattern(run_.worktree.value_or("worktrees/{task_id}"));
    spec_.set_branch_pattern(run_.branch.value_or("feature/{task_id}"));
    check_pattern("worktree", spec_.worktree_pattern());
    check_pattern("branch", spec_.branch_pattern());
    const auto& folder = spec_.worktree_pattern();
    if (folder.starts_with('/') || folder.find("..") != std::string::npos) {
      fault("worktree", "the worktree pattern \"" + printable(folder) + "\" must be a path inside the repository");
    }
    const auto branch = render_name(spec_.branch_pattern(), "t", "r");
    if (branch.starts_with('-') || branch.find_first_of(" ~^:?*[\\") != std::string::npos ||
        branch.find("..") != std::string::npos || branch.ends_with('/')) {
      fault("branch", "the branch pattern \"" + printable(spec_.branch_pattern()) + "\" does not give a branch name");
    }
  }

  void check_pattern(const std::string& key, const std::string& pattern) {
    if (pattern.find("{issue}") != std::string::npos) {
      fault(key, "the " + key + " pattern uses {issue}, and there are no issues with tracker none");
    }
    if (plan_.tasks.size() > 1 && pattern.find("{task_id}") == std::string::npos) {
      fault(key, "the " + key + " pattern \"" + printable(pattern) + "\" must hold {task_id}, or all tasks would share it");
    }
    auto rest = render_name(pattern, "t", "r");
    for (std::string::size_type at; (at = rest.find("{issue}")) != std::string::npos;) rest.erase(at, 7);
    if (const auto open = rest.find('{'); open != std::string::npos) {
      fault(key, "unknown placeholder " + printable(rest.substr(open, rest.find('}') - open + 1)) + " in the " + key +
                     " pattern: it may hold {task_id}, {run_id} and {issue}");
    }
  }

  void check_template() {
    if (layers_.prompt_template.empty()) return;
    for (auto& unknown : unknown_placeholders(layers_.prompt_template, layers_.prompt_template_file)) {
      diagnostics_.push_back(std::move(unknown));
    }
  }

  void add_task(const Task& task) {
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
    set_commands(own, out);
    *out.mutable_timeout() = TimeUtil::MillisecondsToDuration(own.timeout.value_or(kAgentTimeout).count());
    out.mutable_env()->insert(own.env.begin(), own.env.end());
    out.set_allow_empty(own.allow_empty.value_or(false));
    out.set_commit_type(own.commit_type.value_or("feat"));
    out.set_prompt_template(layers_.prompt_template.empty() ? std::string(default_prompt_template())
                                                            : layers_.prompt_template);
    const auto values = prompt_values(plan_, task, spec_.base());
    out.mutable_prompt_values()->insert(values.begin(), values.end());
    for (const auto& pattern : own.copy.value_or(std::vector<std::string>{})) out.add_copy(pattern);
  }

  void set_commands(const Settings& own, TaskSpec& out) {
    out.set_agent(own.agent.value_or(""));
    const auto named = layers_.user.agents.find(out.agent());
    out.set_agent_command(named == layers_.user.agents.end() ? out.agent() : named->second);
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

  void fault(const std::string& field, std::string message) {
    add_error(diagnostics_, {plan_.path, 0, 0}, field, std::move(message));
  }

  const Plan& plan_;
  const Layers& layers_;
  Diagnostics& diagnostics_;
  Settings run_;  ///< All layers but the task's.
  RunSpec spec_;
};

}  // namespace

void merge_settings(Settings& upper, const Settings& lower) {
  fill(upper.repo, lower.repo);
  fill(upper.base, lower.base);
  fill(upper.agent, lower.agent);
  fill(upper.setup, lower.setup);
  fill(upper.verify, lower.verify);
  fill(upper.gates, lower.gates);
  fill(upper.max_parallel, lower.max_parallel);
  fill(upper.timeout, lower.timeout);
  fill(upper.allow_empty, lower.allow_empty);
  fill(upper.push, lower.push);
  fill(upper.remote, lower.remote);
  fill(upper.worktree, lower.worktree);
  fill(upper.branch, lower.branch);
  fill(upper.write_status, lower.write_status);
  fill(upper.tracker, lower.tracker);
  fill(upper.commit_type, lower.commit_type);
  fill(upper.copy, lower.copy);
  upper.env.insert(lower.env.begin(), lower.env.end());
}

RunSpec resolve(const Plan& plan, const Layers& layers, Diagnostics& diagnostics) {
  return Resolver(plan, layers, diagnostics).resolve();
}

void require_agents(const RunSpec& spec, Diagnostics& diagnostics) {
  std::vector<std::string> without;
  for (const auto& task : spec.tasks()) {
    if (!task.skipped() && trimmed(task.agent_command()).empty()) without.push_back(task.id());
  }
  if (without.empty()) return;
  const bool all = without.size() == static_cast<std::size_t>(spec.tasks_size());
  add_error(diagnostics, {spec.plan_path(), 0, 0}, "agent",
            (all ? "no agent is named" : "no agent is named for " + join(without, ", ")) +
                ": pass --agent COMMAND, or set agent: in the plan, in .fanout.yaml or in the configuration");
}

}  // namespace fanout::domain
