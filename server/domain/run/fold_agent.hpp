#pragma once

#include "fanout/v1/event.pb.h"
#include "fanout/v1/run.pb.h"

/// What a task's agent is, does and says. Private to the fold.
namespace fanout::domain::folding {

/// What is known of it before it has said anything itself.
void launch(fanout::v1::Subagent& agent, const fanout::v1::AgentLaunched& launched);
void take_output(fanout::v1::Subagent& agent, const fanout::v1::Output& output);
void take_activity(fanout::v1::Subagent& agent, const fanout::v1::Event& event);
void take_condition(fanout::v1::Subagent& agent, const fanout::v1::Event& event);
void clear_condition(fanout::v1::Subagent& agent);
/// Nothing of it waits for anybody, or stands still, once its program has ended.
void end_agent(fanout::v1::Subagent& agent);
/// The winner's work is the task's own from now on, and so is the agent.
void decide_race(const fanout::v1::Run& run, fanout::v1::Subagent& agent, const fanout::v1::RaceDecided& decided);

}  // namespace fanout::domain::folding
