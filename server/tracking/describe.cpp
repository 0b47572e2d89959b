#include "server/tracking/describe.hpp"

#include <google/protobuf/util/time_util.h>

#include <sstream>

#include "common/text.hpp"
#include "server/domain/plan/template.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/usage_text.hpp"

namespace fanout::tracking {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;

namespace {

milliseconds to_milliseconds(const google::protobuf::Duration& duration) {
  return milliseconds(TimeUtil::DurationToMilliseconds(duration));
}

std::string value_of(const TaskSpec& task, const std::string& name) {
  const auto found = task.prompt_values().find(name);
  return found == task.prompt_values().end() ? "" : found->second;
}

/// The items of a list that was made for the prompt.
std::vector<std::string> items_of(const TaskSpec& task, const std::string& name) {
  std::vector<std::string> items;
  std::istringstream lines(value_of(task, name));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("- ")) items.push_back(line.substr(2));
  }
  return items;
}

std::string relative_to(const std::string& path, const std::string& folder) {
  return path.starts_with(folder + "/") ? path.substr(folder.size() + 1) : path;
}

std::vector<github::GateLine> gates_of(const v1::Subagent& agent) {
  std::vector<github::GateLine> gates;
  for (const auto& gate : agent.gates()) {
    gates.push_back({gate.name(), gate.passed(), to_milliseconds(gate.duration())});
  }
  return gates;
}

/// For people, and for the end of a task its reason is told beside it.
std::string phase_text(const v1::Subagent& agent) {
  switch (agent.following().state()) {
    case v1::Following::STATE_MERGED: return "merged";
    case v1::Following::STATE_CLOSED: return "closed without a merge";
    case v1::Following::STATE_GAVE_UP: return "given up";
    default: break;
  }
  switch (agent.phase()) {
    case v1::PHASE_PENDING: return "waiting";
    case v1::PHASE_SETTING_UP: return "setting up";
    case v1::PHASE_IMPLEMENTING: return "at work";
    case v1::PHASE_TESTING: return "gates";
    case v1::PHASE_PUSHING: return "pushing";
    case v1::PHASE_REPORTING: return "reporting";
    default: return domain::phase_name(agent.phase());
  }
}

/// The seed's own words.
std::string closing_of(const v1::Subagent& agent) {
  if (agent.phase() != v1::PHASE_COMPLETED || agent.following().state() > v1::Following::STATE_MERGED) return "";
  return std::string("Task completed successfully!") + (agent.gates_size() > 0 ? " All tests passing." : "");
}

/// With the placeholders of a prompt, filled with what is known.
std::string rendered(const RunSpec& spec, const TaskSpec& task, const v1::Subagent& agent, const std::string& text) {
  std::map<std::string, std::string> values(task.prompt_values().begin(), task.prompt_values().end());
  const auto info = task_info(spec, task, agent);
  values["run_id"] = spec.run_id();
  values["branch"] = info.branch;
  values["worktree"] = values["worktree_path"] = info.worktree;
  values["plan_file_path"] = info.plan;
  values["base_commit"] = agent.base_commit();
  values["issue"] = values["issue_num"] = agent.issue().number() == 0 ? "" : std::to_string(agent.issue().number());
  values["issue_url"] = agent.issue().url();
  std::string gates;
  for (const auto& gate : agent.gates()) {
    gates += std::string(gates.empty() ? "" : "\n") + "- " + gate.name() + (gate.passed() ? ": passed" : ": failed");
  }
  values["gates_list"] = gates;
  return domain::render(text, values);
}

}  // namespace

bool is_over(const v1::Following& following) { return following.state() > v1::Following::STATE_WATCHING; }

github::Repository repository_of(const RunSpec& spec) {
  const auto& text = spec.tracker_repository();
  const auto host_end = text.find('/');
  const auto owner_end = text.find('/', host_end + 1);
  return {text.substr(0, host_end), text.substr(host_end + 1, owner_end - host_end - 1), text.substr(owner_end + 1)};
}

github::TaskInfo task_info(const RunSpec& spec, const TaskSpec& task, const v1::Subagent& agent) {
  github::TaskInfo info;
  info.repository = repository_of(spec);
  info.run_id = spec.run_id();
  info.run_name = spec.name();
  info.task_id = task.id();
  info.title = task.title();
  info.description = value_of(task, "task.description");
  info.plan = relative_to(spec.plan_path(), spec.repository());
  info.files = items_of(task, "task.files_list");
  info.tests = items_of(task, "task.tests_list");
  info.criteria = items_of(task, "task.success_criteria");
  // Before the worktree is there, as it will be unless the name is taken.
  info.branch = agent.branch().empty() ? domain::render_name(spec.branch_pattern(), task.id(), spec.run_id())
                                       : agent.branch();
  info.worktree = agent.worktree().empty() ? domain::render_name(spec.worktree_pattern(), task.id(), spec.run_id())
                                           : relative_to(agent.worktree(), spec.repository());
  const auto& options = spec.tracker_options();
  info.labels.assign(task.labels().begin(), task.labels().end());
  info.labels.insert(info.labels.end(), options.labels().begin(), options.labels().end());
  info.keep_labels = options.keep_labels();
  info.assignees.assign(task.assignees().begin(), task.assignees().end());
  info.milestone = task.milestone();
  info.existing_issue = task.issue();
  info.part_of_run = has_one_issue(spec);
  info.issue.number = agent.issue().number();
  info.issue.url = agent.issue().url();
  info.pull_request.number = agent.pull_request().number();
  info.pull_request.url = agent.pull_request().url();
  info.pull_request.state = "open";
  info.pull_request.draft = agent.pull_request().draft();
  info.pull_request.adopted = agent.pull_request().adopted();
  return info;
}

std::string issue_text(const RunSpec& spec, const TaskSpec& task, const v1::Subagent& agent) {
  const auto& text = spec.tracker_options().issue_template();
  return text.empty() ? "" : rendered(spec, task, agent, text);
}

github::Progress progress_of(const v1::Subagent& agent) {
  github::Progress progress;
  progress.phase = phase_text(agent);
  progress.agent = agent.agent();
  progress.attempt = agent.attempt();
  progress.gates = gates_of(agent);
  progress.problem = agent.reason().empty() ? agent.following().reason() : agent.reason();
  progress.closing = closing_of(agent);
  if (domain::is_end(agent.phase())) {
    for (const auto& file : agent.report().files()) progress.files.push_back(file.path());
    progress.summary = agent.report().summary();
  }
  progress.pull_request_url = agent.pull_request().url();
  if (agent.has_report() && agent.report().commits_size() > 0) {
    const auto& last = *agent.report().commits().rbegin();
    progress.commit = last.id();
    progress.commit_summary = last.summary();
  }
  for (const auto& gate : agent.gates()) {
    if (gate.passed()) continue;
    progress.output_name = "gate " + gate.name();
    progress.output_tail = gate.output_tail();
  }
  return progress;
}

github::PullRequestWanted pull_request_of(const RunSpec& spec, const TaskSpec& task, const v1::Run& run,
                                          std::string base) {
  const auto& agent = *domain::find_subagent(run, task.id());
  github::PullRequestWanted wanted;
  wanted.base = std::move(base);
  wanted.draft = spec.tracker_options().draft() && !agent.has_report();
  const auto& text = spec.tracker_options().pull_request_template();
  if (!text.empty()) wanted.evidence.text = rendered(spec, task, agent, text);
  for (const auto& commit : agent.report().commits()) wanted.evidence.commits.push_back({commit.id(), commit.summary()});
  wanted.evidence.gates = gates_of(agent);
  wanted.evidence.agent = agent.agent();
  wanted.evidence.cost = domain::usage_text(run, agent);
  wanted.evidence.duration = to_milliseconds(agent.report().duration());
  return wanted;
}

std::string pull_request_base(const RunSpec& spec, const TaskSpec& task, const v1::Run& run) {
  if (task.dependencies_size() != 1) return spec.pull_request_base();
  const auto* needed = domain::find_subagent(run, task.dependencies(0));
  if (!needed || needed->pushed_commit().empty()) return spec.pull_request_base();
  if (needed->following().state() == v1::Following::STATE_MERGED) return needed->pull_request().base();
  return needed->branch();
}

}  // namespace fanout::tracking
