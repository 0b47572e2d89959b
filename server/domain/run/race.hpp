#pragma once

#include <string>
#include <vector>

#include "fanout/v1/run.pb.h"

/// Several agents at one task (`race`): each is a subagent of its own, a contender, which is no task of the plan. The
/// task itself waits for them, and has the work of the one that wins. Pure.
namespace fanout::domain {

/// It races for a task.
bool is_contender(const fanout::v1::Subagent& agent);

/// Those that race for `task_id`, in their order; none: it is no race.
std::vector<const fanout::v1::Subagent*> contenders_of(const fanout::v1::Run& run, const std::string& task_id);

/// The task of the plan that it is about: for a contender the one that it races for.
std::string plan_task(const fanout::v1::Run& run, const std::string& task_id);

/// All subagents but contenders.
std::size_t count_tasks(const fanout::v1::Run& run);

/// How a race stands: task ids of contenders.
struct Race {
  std::vector<std::string> at_work;  ///< Not ended.
  std::vector<std::string> passed;   ///< Their gates have passed; the first first.
  std::vector<std::string> lost;     ///< Ended otherwise.
  bool operator==(const Race&) const = default;
};
Race race_for(const fanout::v1::Run& run, const std::string& task_id);

/// Whether nothing more is to be waited for: the first has passed, or, where a judge chooses, all have ended.
bool is_run(const Race& race, bool by_judge);

/// What a task waits for whose contenders are at work, such as "its race: a@1 (claude) and a@2 (codex) are at work".
std::string race_text(const fanout::v1::Run& run, const Race& race);

/// Why each of them did not make it, in one sentence.
std::string race_failure(const fanout::v1::Run& run, const Race& race);

/// Which candidate a judge's last words name: by its id, its branch or its worktree. Empty: none.
std::string chosen_by(const fanout::v1::Run& run, const std::vector<std::string>& candidates, const std::string& printed);

/// "a@2 (codex)"; without its agent where that is a whole command line.
std::string name_of_contender(const fanout::v1::Subagent& agent);

}  // namespace fanout::domain
