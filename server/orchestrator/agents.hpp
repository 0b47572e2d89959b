#pragma once

#include <string>
#include <vector>

#include "fanout/v1/agents.pb.h"
#include "server/orchestrator/orchestrator.hpp"

namespace fanout::orchestrator {

/// Talking to agents at work, whichever run they belong to. Lives on the I/O thread. Not thread-safe.
class Agents {
 public:
  Agents(subagent::Services& services, Orchestrator& runs) : services_(services), runs_(runs) {}

  /// See AgentService. `run_id` may be the beginning of one. Error not_found, precondition, invalid_input.
  awaitable<fanout::v1::Attention> answer(fanout::v1::AnswerAgentRequest request);
  awaitable<fanout::v1::TellAgentResponse> tell(fanout::v1::TellAgentRequest request);
  /// The tasks whose agents stand still now, or go on; all of the run when `task_id` is empty.
  struct Paused {
    std::string run_id;
    std::vector<std::string> task_ids;
  };
  awaitable<Paused> pause(std::string run_id, std::string task_id, bool on);

  /// All that waits for an answer, oldest first; of one run, or of all when `run_id` is empty.
  std::vector<fanout::v1::Attention> waiting(const std::string& run_id) const;
  /// Until that may have changed.
  awaitable<void> wait_for_change() { return services_.attention.wait(); }

 private:
  subagent::Services& services_;
  Orchestrator& runs_;
};

}  // namespace fanout::orchestrator
