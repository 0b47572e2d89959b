#pragma once

#include "fanout/v1/work.grpc.pb.h"
#include "server/orchestrator/work.hpp"
#include "server/rpc/bridge.hpp"

namespace fanout::rpc {

/// `v1.WorkService`; the methods are documented in work.proto.
class WorkService final : public fanout::v1::WorkService::CallbackService {
 public:
  WorkService(Bridge& bridge, orchestrator::Orchestrator& runs, subagent::Services& services)
      : bridge_(bridge), runs_(runs), work_(services, runs) {}

  grpc::ServerUnaryReactor* ListSnapshots(grpc::CallbackServerContext* context,
                                          const fanout::v1::ListSnapshotsRequest* request,
                                          fanout::v1::ListSnapshotsResponse* response) override;
  grpc::ServerUnaryReactor* RestoreSnapshot(grpc::CallbackServerContext* context,
                                            const fanout::v1::RestoreSnapshotRequest* request,
                                            fanout::v1::RestoreSnapshotResponse* response) override;
  grpc::ServerUnaryReactor* CleanUp(grpc::CallbackServerContext* context, const fanout::v1::CleanUpRequest* request,
                                    fanout::v1::CleanUpResponse* response) override;

 private:
  awaitable<void> list(const fanout::v1::ListSnapshotsRequest& request, fanout::v1::ListSnapshotsResponse& response);
  awaitable<void> restore(const fanout::v1::RestoreSnapshotRequest& request,
                          fanout::v1::RestoreSnapshotResponse& response);
  awaitable<void> clean_up(const fanout::v1::CleanUpRequest& request, fanout::v1::CleanUpResponse& response);

  Bridge& bridge_;
  orchestrator::Orchestrator& runs_;
  orchestrator::Work work_;
};

}  // namespace fanout::rpc
