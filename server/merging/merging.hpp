#pragma once

#include <functional>
#include <set>
#include <string>

#include "fanout/v1/merging.pb.h"
#include "server/merging/radar.hpp"
#include "server/merging/workshop.hpp"
#include "server/orchestrator/orchestrator.hpp"

namespace fanout::merging {

struct Target;

/// What comes after a run: looking at its branches, and merging them. Answers what MergingService is asked; the messages
/// say what is meant and what can go wrong.
/// Lives on the I/O thread; not thread-safe. Lifetime: services and runs outlive it.
class Merging {
 public:
  Merging(subagent::Services& services, orchestrator::Orchestrator& runs)
      : services_(services), runs_(runs), radar_(services), cleared_(services.executor) {}

  using DiffSink = std::function<awaitable<void>(fanout::v1::DiffTaskResponse)>;
  awaitable<void> diff(fanout::v1::DiffTaskRequest request, DiffSink sink);
  awaitable<fanout::v1::ReviewRunResponse> review(fanout::v1::ReviewRunRequest request);
  awaitable<fanout::v1::ListCollisionsResponse> collisions(fanout::v1::ListCollisionsRequest request);
  awaitable<void> merge(fanout::v1::MergeRequest request, Sink sink);
  awaitable<fanout::v1::SolveConflictResponse> solve(fanout::v1::SolveConflictRequest request);

  /// Clears away what a daemon that died has left of its merges: programs, worktrees, a checkout half moved. What cannot be
  /// cleared now is told in the log, and again at the next start. Nothing is merged until this is over.
  awaitable<void> recover();

 private:
  awaitable<fanout::v1::Run> find_run(std::string reference);
  awaitable<void> examine(const fanout::v1::Run& run, const fanout::v1::Subagent& task, const Target& target, bool with_files,
                          fanout::v1::BranchState& state);
  awaitable<fanout::v1::ListCollisionsResponse> look_at_all(fanout::v1::Run run);
  awaitable<void> recover_run(std::string called);

  subagent::Services& services_;
  orchestrator::Orchestrator& runs_;
  Radar radar_;
  async::Signal cleared_;
  bool is_cleared_ = false;
  std::set<std::string> busy_;  ///< Runs that are being merged, and branches that something is merged into.
};

}  // namespace fanout::merging
