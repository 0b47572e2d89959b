#pragma once

#include "fanout/v1/service.grpc.pb.h"
#include "server/orchestrator/orchestrator.hpp"
#include "server/rpc/bridge.hpp"
#include "server/rpc/growing_plan.hpp"
#include "server/rpc/plan_service.hpp"

namespace fanout::rpc {

/// `v1.RunService`; the methods are documented in service.proto.
class RunService final : public fanout::v1::RunService::CallbackService {
 public:
  RunService(Bridge& bridge, PlanLoader& loader, orchestrator::Orchestrator& runs, subagent::Services& services)
      : bridge_(bridge), loader_(loader), runs_(runs), services_(services), growing_(loader, runs, services) {}

  grpc::ServerUnaryReactor* ExecutePlan(grpc::CallbackServerContext* context,
                                        const fanout::v1::ExecutePlanRequest* request,
                                        fanout::v1::ExecutePlanResponse* response) override;
  grpc::ServerUnaryReactor* GetRun(grpc::CallbackServerContext* context, const fanout::v1::GetRunRequest* request,
                                   fanout::v1::GetRunResponse* response) override;
  grpc::ServerUnaryReactor* ListRuns(grpc::CallbackServerContext* context, const fanout::v1::ListRunsRequest* request,
                                     fanout::v1::ListRunsResponse* response) override;
  grpc::ServerUnaryReactor* CancelRun(grpc::CallbackServerContext* context,
                                      const fanout::v1::CancelRunRequest* request,
                                      fanout::v1::CancelRunResponse* response) override;
  grpc::ServerUnaryReactor* ExtendRun(grpc::CallbackServerContext* context,
                                      const fanout::v1::ExtendRunRequest* request,
                                      fanout::v1::ExtendRunResponse* response) override;
  grpc::ServerUnaryReactor* RetryRun(grpc::CallbackServerContext* context, const fanout::v1::RetryRunRequest* request,
                                     fanout::v1::RetryRunResponse* response) override;
  grpc::ServerUnaryReactor* SyncRun(grpc::CallbackServerContext* context, const fanout::v1::SyncRunRequest* request,
                                    fanout::v1::SyncRunResponse* response) override;
  grpc::ServerWriteReactor<fanout::v1::WatchRunResponse>* WatchRun(
      grpc::CallbackServerContext* context, const fanout::v1::WatchRunRequest* request) override;
  grpc::ServerWriteReactor<fanout::v1::ReadLogResponse>* ReadLog(grpc::CallbackServerContext* context,
                                                                 const fanout::v1::ReadLogRequest* request) override;

 private:
  awaitable<void> execute(const fanout::v1::ExecutePlanRequest& request, fanout::v1::ExecutePlanResponse& response);
  awaitable<void> get(const fanout::v1::GetRunRequest& request, fanout::v1::GetRunResponse& response);
  awaitable<void> list(const fanout::v1::ListRunsRequest& request, fanout::v1::ListRunsResponse& response);
  awaitable<void> cancel(const fanout::v1::CancelRunRequest& request, fanout::v1::CancelRunResponse& response);
  awaitable<void> retry(const fanout::v1::RetryRunRequest& request, fanout::v1::RetryRunResponse& response);
  awaitable<void> sync(const fanout::v1::SyncRunRequest& request, fanout::v1::SyncRunResponse& response);
  awaitable<void> watch(const fanout::v1::WatchRunRequest& request,
                        Bridge::Writer<fanout::v1::WatchRunResponse>& writer);
  awaitable<void> require_secrets_of(fanout::internal::v1::RunSpec spec);
  awaitable<void> read_log(const fanout::v1::ReadLogRequest& request,
                           Bridge::Writer<fanout::v1::ReadLogResponse>& writer);

  Bridge& bridge_;
  PlanLoader& loader_;
  orchestrator::Orchestrator& runs_;
  subagent::Services& services_;
  GrowingPlan growing_;
};

}  // namespace fanout::rpc
