#include "server/domain/run/race.hpp"

#include <algorithm>
#include <tuple>

#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

std::string names_of(const v1::Run& run, const std::vector<std::string>& ids) {
  std::string names;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto* between = i == 0 ? "" : i + 1 == ids.size() ? " and " : ", ";
    names += between + name_of_contender(*find_subagent(run, ids[i]));
  }
  return names;
}

bool ended_before(const v1::Subagent* a, const v1::Subagent* b) {
  const auto moment = [](const v1::Subagent& agent) {
    return std::make_tuple(agent.ended_at().seconds(), agent.ended_at().nanos());
  };
  return moment(*a) < moment(*b);
}

}  // namespace

bool is_contender(const v1::Subagent& agent) { return !agent.race_of().empty(); }

std::vector<const v1::Subagent*> contenders_of(const v1::Run& run, const std::string& task_id) {
  std::vector<const v1::Subagent*> found;
  for (const auto& agent : run.subagents()) {
    if (is_contender(agent) && agent.race_of() == task_id) found.push_back(&agent);
  }
  return found;
}

std::string plan_task(const v1::Run& run, const std::string& task_id) {
  const auto* agent = find_subagent(run, task_id);
  return agent && is_contender(*agent) ? agent->race_of() : task_id;
}

std::size_t count_tasks(const v1::Run& run) {
  const auto& all = run.subagents();
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& agent) { return !is_contender(agent); }));
}

Race race_for(const v1::Run& run, const std::string& task_id) {
  Race race;
  std::vector<const v1::Subagent*> passed;
  for (const auto* agent : contenders_of(run, task_id)) {
    if (agent->phase() == v1::PHASE_COMPLETED) {
      passed.push_back(agent);
    } else {
      (is_end(agent->phase()) ? race.lost : race.at_work).push_back(agent->task_id());
    }
  }
  std::stable_sort(passed.begin(), passed.end(), ended_before);
  for (const auto* agent : passed) race.passed.push_back(agent->task_id());
  return race;
}

bool is_run(const Race& race, bool by_judge) { return race.at_work.empty() || (!by_judge && !race.passed.empty()); }

std::string race_text(const v1::Run& run, const Race& race) {
  auto text = "its race: " + names_of(run, race.at_work) + (race.at_work.size() == 1 ? " is at work" : " are at work");
  if (!race.passed.empty()) text += ", " + names_of(run, race.passed) + (race.passed.size() == 1 ? " has" : " have") + " passed";
  if (!race.lost.empty()) text += ", " + names_of(run, race.lost) + " did not make it";
  return text;
}

std::string race_failure(const v1::Run& run, const Race& race) {
  std::vector<std::string> reasons;
  for (const auto& id : race.lost) {
    const auto& agent = *find_subagent(run, id);
    reasons.push_back(name_of_contender(agent) + " " + phase_name(agent.phase()) +
                      (agent.reason().empty() ? "" : ": " + agent.reason()));
  }
  return "none of the agents that raced made it: " + join(reasons, "; ");
}

std::string chosen_by(const v1::Run& run, const std::vector<std::string>& candidates, const std::string& printed) {
  auto text = trimmed(printed);
  if (const auto line = text.rfind('\n'); line != text.npos) text = trimmed(text.substr(line + 1));
  if (text.empty()) return "";
  for (const auto& id : candidates) {
    const auto& agent = *find_subagent(run, id);
    if (text == id || text == agent.branch() || text == agent.worktree()) return id;
  }
  return "";
}

std::string name_of_contender(const v1::Subagent& agent) {
  const auto name = printable(trimmed(agent.agent()));
  const bool is_name = !name.empty() && name.find(' ') == std::string::npos;
  return agent.task_id() + (is_name ? " (" + name + ")" : "");
}

}  // namespace fanout::domain
