#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fanout/v1/event.pb.h"
#include "server/github/types.hpp"

/// What checks and reviews come to for the agent, and when it is asked. Pure.
namespace fanout::tracking {

/// For checks of `commit` that failed. Not empty.
fanout::v1::Feedback feedback_of(const std::vector<github::FailedCheck>& failed, const std::string& commit);
fanout::v1::Feedback feedback_of(const github::Review& review);

/// What a look at a task's pull request leads to.
enum class Reaction {
  none,
  merged,         ///< It is over.
  closed,         ///< It is over, without a merge.
  lost,           ///< The attempt that was to react has not completed.
  read_checks,    ///< Its checks fail: find out which and why.
  read_review,    ///< Changes are asked for: find out which.
};
Reaction reaction_to(const github::PullRequest& seen, const fanout::v1::Subagent& agent);

/// Why the agent is not asked to react to this, in one sentence; empty: it is.
std::string why_not(const fanout::v1::Feedback& feedback, const fanout::v1::Following& following, unsigned most);

/// As the API has it.
fanout::v1::PullRequest told(const github::PullRequest& seen, const fanout::v1::PullRequest& known);

}  // namespace fanout::tracking
