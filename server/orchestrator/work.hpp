#pragma once

#include <string>
#include <vector>

#include "fanout/v1/work.pb.h"
#include "server/git/snapshot.hpp"
#include "server/orchestrator/orchestrator.hpp"

namespace fanout::orchestrator {

/// The work that agents have left: their snapshots, and the worktrees and branches that nobody needs any more.
/// Lives on the I/O thread. Not thread-safe.
class Work {
 public:
  Work(subagent::Services& services, Orchestrator& runs) : services_(services), runs_(runs) {}

  /// Error not_found.
  awaitable<std::vector<git::Snapshot>> snapshots(std::string run_id, std::string task_id);

  struct Restored {
    unsigned number = 0;  ///< Put back.
    git::Restored git;
  };
  /// `number` 0: the newest that differs from what is there. Error not_found; precondition while the task is under way.
  awaitable<Restored> restore(std::string run_id, std::string task_id, unsigned number);

  /// See WorkService.CleanUp. Error not_found.
  awaitable<fanout::v1::CleanUpResponse> clean_up(fanout::v1::CleanUpRequest request);

 private:
  awaitable<fanout::v1::Subagent> ended_task(std::string run_id, std::string task_id);
  awaitable<std::vector<fanout::v1::CleanUpResponse::Item>> clean_task(fanout::v1::Run run, fanout::v1::Subagent task,
                                                                      fanout::v1::CleanUpRequest request);
  awaitable<void> clean_archive(fanout::v1::Run run, bool all_go, bool dry_run, fanout::v1::CleanUpResponse& response);
  awaitable<std::vector<fanout::v1::Run>> chosen(fanout::v1::CleanUpRequest request);

  subagent::Services& services_;
  Orchestrator& runs_;
};

}  // namespace fanout::orchestrator
