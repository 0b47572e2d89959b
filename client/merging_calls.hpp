#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "client/session.hpp"
#include "fanout/v1/merging.pb.h"

namespace fanout::client {

/// MergingService as plain calls: gRPC ends here, too. Failure: CallFailed.
class MergingCalls {
 public:
  /// At the daemon of the session, which is started if none answers.
  explicit MergingCalls(Session& session);
  /// At the daemon that answers on that socket.
  explicit MergingCalls(std::filesystem::path socket);
  ~MergingCalls();
  MergingCalls(const MergingCalls&) = delete;
  MergingCalls& operator=(const MergingCalls&) = delete;

  static constexpr std::chrono::minutes kPatience{10};  ///< Many large worktrees are looked through.

  fanout::v1::ReviewRunResponse review(const fanout::v1::ReviewRunRequest& request, std::chrono::milliseconds limit = kPatience);
  fanout::v1::ListCollisionsResponse collisions(const fanout::v1::ListCollisionsRequest& request);
  fanout::v1::SolveConflictResponse solve(const fanout::v1::SolveConflictRequest& request);
  /// Hand what comes to `sink`, in order; return when there is no more. A sink that throws ends the call. So does `stop`,
  /// a descriptor, once it is readable: the failure is then of kind cancelled.
  void diff(const fanout::v1::DiffTaskRequest& request, const std::function<void(const fanout::v1::DiffTaskResponse&)>& sink,
            int stop = -1);
  void merge(const fanout::v1::MergeRequest& request, const std::function<void(const fanout::v1::MergeResponse&)>& sink,
             int stop = -1);

 private:
  struct Stub;

  std::filesystem::path socket_;
  std::unique_ptr<Stub> stub_;
};

}  // namespace fanout::client
