#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "server/domain/plan/retention.hpp"
#include "server/orchestrator/orchestrator.hpp"

namespace fanout::orchestrator {

/// Bounds what is kept of runs that have ended: events by compacting them into the run's outcome, output by removing
/// it. Never of a run under way. Worktrees, branches and snapshots are not its business.
/// Lives on the I/O thread. Not thread-safe.
class Housekeeping {
 public:
  /// `config`: the user's configuration, read anew each time.
  Housekeeping(subagent::Services& services, Orchestrator& runs, std::filesystem::path config, std::chrono::milliseconds interval)
      : services_(services), runs_(runs), config_(std::move(config)), interval_(interval) {}

  /// Once each interval, until cancelled.
  awaitable<void> live();

 private:
  awaitable<void> tidy();
  awaitable<domain::Retention> retention();
  awaitable<void> keep_records(std::vector<store::EndedRun> ended);
  awaitable<void> bound_events(std::vector<store::EndedRun> ended, domain::Retention limits);
  awaitable<void> bound_output(std::vector<store::EndedRun> ended, domain::Retention limits);
  awaitable<std::uint64_t> log_size();

  subagent::Services& services_;
  Orchestrator& runs_;
  std::filesystem::path config_;
  std::chrono::milliseconds interval_;
  std::string fault_;  ///< Of the configuration, as it was told last.
};

}  // namespace fanout::orchestrator
