#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/event.pb.h"

/// Budgets: what a task, a run and a day have used, and how far that is of what they may. Pure; time is a parameter.
namespace fanout::domain {

/// What was used since a person last asked for it.
fanout::v1::Spending spent_by(const fanout::v1::Subagent& task, const google::protobuf::Timestamp& now);
fanout::v1::Spending spent_by(const fanout::v1::Run& run, const google::protobuf::Timestamp& now);

/// What each figure of `a` exceeds that of `b` by; not below zero.
fanout::v1::Spending difference(const fanout::v1::Spending& a, const fanout::v1::Spending& b);
void add(fanout::v1::Spending& into, const fanout::v1::Spending& more);

/// From here on a person is warned.
inline constexpr double kWarnedAt = 0.8;

/// The figures of `budget` that are used to 80 % or wholly, with a sentence for each; at most one for each kind.
std::vector<fanout::v1::BudgetUsed> used_up(fanout::v1::BudgetUsed::Scope scope, const fanout::v1::Budget& budget,
                                            const fanout::v1::Spending& spent);

/// Whether `told` has said as much already.
bool is_told(const fanout::v1::BudgetUsed& news, const std::vector<fanout::v1::BudgetUsed>& told);

/// Takes what `run` has used by now into the day. Another day than before begins with nothing.
void take_in(fanout::internal::v1::DaySpending& day, const std::string& today, const fanout::v1::Run& run,
             const google::protobuf::Timestamp& now);

/// Nothing is limited.
bool is_empty(const fanout::v1::Budget& budget);

}  // namespace fanout::domain
