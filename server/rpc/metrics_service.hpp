#pragma once

#include "fanout/v1/metrics.grpc.pb.h"
#include "server/orchestrator/orchestrator.hpp"
#include "server/rpc/bridge.hpp"

namespace fanout::rpc {

/// `v1.MetricsService`; the methods are documented in metrics.proto.
class MetricsService final : public fanout::v1::MetricsService::CallbackService {
 public:
  MetricsService(Bridge& bridge, orchestrator::Orchestrator& runs) : bridge_(bridge), runs_(runs) {}

  grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* context,
                                       const fanout::v1::GetMetricsRequest* request,
                                       fanout::v1::GetMetricsResponse* response) override;

 private:
  awaitable<void> get(const fanout::v1::GetMetricsRequest& request, fanout::v1::GetMetricsResponse& response);

  Bridge& bridge_;
  orchestrator::Orchestrator& runs_;
};

}  // namespace fanout::rpc
