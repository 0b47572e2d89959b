#pragma once

#include "fanout/v1/event.pb.h"
#include "fanout/v1/run.pb.h"

/// A task's phases, and what begins anew with another attempt. Private to the fold.
namespace fanout::domain::folding {

void change_phase(fanout::v1::Subagent& agent, const fanout::v1::Event& event);
/// Another attempt because of what was said of the work; or a person's wish, with which all counting begins anew.
void take_request(fanout::v1::Run& run, fanout::v1::Subagent& agent, const fanout::v1::Event& event);
void await_retry(fanout::v1::Run& run, fanout::v1::Subagent& agent, const fanout::v1::Event& event);
void return_work(fanout::v1::Subagent& agent, const fanout::v1::Event& event);
void park(fanout::v1::Subagent& agent, const fanout::v1::AgentParked& parked);

}  // namespace fanout::domain::folding
