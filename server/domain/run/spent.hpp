#pragma once

#include <google/protobuf/timestamp.pb.h>

#include "fanout/v1/run.pb.h"

/// What was used, as budgets count it. Pure; `now` counts in who is at work just then.
namespace fanout::domain {

/// Over all attempts. Tokens are input and output, with the cache inside; unpriced: some have no known price.
fanout::v1::Spending spent(const fanout::v1::Subagent& task, const google::protobuf::Timestamp& now);

/// All tasks together; the time is that in which at least one agent was at work.
fanout::v1::Spending spent(const fanout::v1::Run& run, const google::protobuf::Timestamp& now);

/// `budget` with each figure that `news` has in its place.
fanout::v1::Budget overlaid(fanout::v1::Budget budget, const fanout::v1::Budget& news);

/// An agent of the task begins or ends its work; the same again changes nothing.
void begin_work(fanout::v1::Run& run, fanout::v1::Subagent& task, const google::protobuf::Timestamp& now);
void end_work(fanout::v1::Run& run, fanout::v1::Subagent& task, const google::protobuf::Timestamp& now);

}  // namespace fanout::domain
