#pragma once

#include <string>

#include "fanout/v1/agent.pb.h"

/// Adds up what agents tell of their usage, each in its own way. Pure. The sum of a task is
///   earlier sessions + earlier processes of this session + newest whole figure + turns since + steps since
/// figure by figure, so that an agent may tell its cost for the session and its tokens for each turn.
/// | scope      | what it does to the figures it holds                                |
/// |------------|---------------------------------------------------------------------|
/// | STEP       | added                                                               |
/// | TURN       | added; the steps before it are dropped                              |
/// | SESSION    | newest whole figure; turns and steps before it are dropped          |
/// | CUMULATIVE | as SESSION, and drops the earlier processes of the session          |
namespace fanout::domain {

/// `usage` with the cache inside the input and the reasoning inside the output. What is unset stays so.
fanout::v1::AgentUsage normalised(const fanout::v1::AgentUsage& usage);

/// The sum of two normalised figures. A figure that one of them lacks is the other's. Costs in different
/// currencies do not add up: the first stays, and the sum is incomplete.
fanout::v1::AgentUsage sum(const fanout::v1::AgentUsage& a, const fanout::v1::AgentUsage& b);

/// Takes in what an agent told.
void take_usage(fanout::v1::AgentUsageLedger& ledger, const fanout::v1::AgentUsage& usage);

/// A new process of the agent begins; what it tells is its own, and its first words are a new call of the model.
void begin_process(fanout::v1::AgentUsageLedger& ledger);

/// The process named its session. The same one again changes nothing.
void begin_session(fanout::v1::AgentUsageLedger& ledger, const std::string& id);

/// Counts the calls of the model: what the agent itself says and does between two outcomes of tools is one, until a
/// result tells the figure. Not for what happens within a tool call.
void count_turns(fanout::v1::AgentUsageLedger& ledger, const fanout::v1::AgentActivity& activity);

/// The whole so far, with scope TASK.
fanout::v1::AgentUsage total(const fanout::v1::AgentUsageLedger& ledger);

}  // namespace fanout::domain
