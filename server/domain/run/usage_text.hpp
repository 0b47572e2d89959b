#pragma once

#include <string>

#include "fanout/v1/run.pb.h"

/// What was used, in words for people: the same in status, report and pull request.
namespace fanout::domain {

/// "950", "12.3k" or "1.2M".
std::string tokens_text(std::uint64_t tokens);

/// "$0.12" as the agent said it, "~$0.12" as computed from prices, "$0.12 + unpriced" when some of it has no known
/// price, "cost unknown" when nothing has one; empty where nothing was used.
std::string cost_text(const fanout::v1::AgentUsage& usage);

/// "12.3k tokens, ~$0.04, 7 turns"; empty where nothing is known.
std::string usage_text(const fanout::v1::Subagent& task);

/// The same for a task and all agents that raced for it.
std::string usage_text(const fanout::v1::Run& run, const fanout::v1::Subagent& task);

/// The same for all tasks of a run.
std::string usage_text(const fanout::v1::Run& run);

}  // namespace fanout::domain
