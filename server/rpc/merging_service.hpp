#pragma once

#include "fanout/v1/merging.grpc.pb.h"
#include "server/merging/merging.hpp"
#include "server/rpc/bridge.hpp"

namespace fanout::rpc {

/// `v1.MergingService`; the methods are documented in merging.proto.
class MergingService final : public fanout::v1::MergingService::CallbackService {
 public:
  MergingService(Bridge& bridge, merging::Merging& merging, const Redactor& redactor)
      : bridge_(bridge), merging_(merging), redactor_(redactor) {}

  grpc::ServerWriteReactor<fanout::v1::DiffTaskResponse>* DiffTask(grpc::CallbackServerContext* context,
                                                                   const fanout::v1::DiffTaskRequest* request) override;
  grpc::ServerUnaryReactor* ReviewRun(grpc::CallbackServerContext* context, const fanout::v1::ReviewRunRequest* request,
                                      fanout::v1::ReviewRunResponse* response) override;
  grpc::ServerUnaryReactor* ListCollisions(grpc::CallbackServerContext* context,
                                           const fanout::v1::ListCollisionsRequest* request,
                                           fanout::v1::ListCollisionsResponse* response) override;
  grpc::ServerWriteReactor<fanout::v1::MergeResponse>* Merge(grpc::CallbackServerContext* context,
                                                             const fanout::v1::MergeRequest* request) override;
  grpc::ServerUnaryReactor* SolveConflict(grpc::CallbackServerContext* context,
                                          const fanout::v1::SolveConflictRequest* request,
                                          fanout::v1::SolveConflictResponse* response) override;

 private:
  awaitable<void> diff(const fanout::v1::DiffTaskRequest& request, Bridge::Writer<fanout::v1::DiffTaskResponse>& writer);
  awaitable<void> review(const fanout::v1::ReviewRunRequest& request, fanout::v1::ReviewRunResponse& response);
  awaitable<void> collisions(const fanout::v1::ListCollisionsRequest& request, fanout::v1::ListCollisionsResponse& response);
  awaitable<void> merge(const fanout::v1::MergeRequest& request, Bridge::Writer<fanout::v1::MergeResponse>& writer);
  awaitable<void> solve(const fanout::v1::SolveConflictRequest& request, fanout::v1::SolveConflictResponse& response);

  Bridge& bridge_;
  merging::Merging& merging_;
  const Redactor& redactor_;
};

}  // namespace fanout::rpc
