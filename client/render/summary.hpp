#pragma once

#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "client/render/times.hpp"
#include "fanout/v1/run.pb.h"

namespace fanout::client {

/// One line per task: outcome, time, commits, files, and the branch or the reason.
std::vector<std::string> task_table(const fanout::v1::Run& run, Time now, const Style& style,
                                    std::size_t columns);

/// What a run came to: one sentence, the table, and what to do next.
std::vector<std::string> summary(const fanout::v1::Run& run, Time now, const Style& style,
                                 std::size_t columns);

/// What its agent used, for a narrow column: "12.3k", and "$0.12 + ?" where some of it has no known price. Empty:
/// nothing is known.
std::string tokens_of(const fanout::v1::Subagent& agent);
std::string short_cost(const fanout::v1::AgentUsage& usage);

/// "4 of 5 tasks completed in 8.3s".
std::string outcome_sentence(const fanout::v1::Run& run, Time now);

/// What the tasks' programs are kept in, and why in no more; nothing before the first of them.
std::vector<std::string> sandbox_lines(const fanout::v1::Run& run, const Style& style);

/// The budgets that are nearly or wholly used up.
std::vector<std::string> budget_lines(const fanout::v1::Run& run, const Style& style);

/// What came of the run at its tracker, and what it waits for there. Empty without a tracker.
std::vector<std::string> tracker_lines(const fanout::v1::Run& run, const Style& style);

/// Commands that are worth typing now, the most likely first.
std::vector<std::string> next_steps(const fanout::v1::Run& run);

/// "Next: A", one step a line.
std::vector<std::string> step_lines(const std::vector<std::string>& steps, const Style& style);

/// The same for next_steps().
std::vector<std::string> next_lines(const fanout::v1::Run& run, const Style& style);

}  // namespace fanout::client
