#pragma once

#include "fanout/v1/dashboard.grpc.pb.h"
#include "server/dashboard/dashboard.hpp"
#include "server/rpc/bridge.hpp"

namespace fanout::rpc {

/// `v1.DashboardService`; the method is documented in dashboard.proto.
class DashboardService final : public fanout::v1::DashboardService::CallbackService {
 public:
  DashboardService(Bridge& bridge, orchestrator::Orchestrator& runs, dashboard::Dashboard& dashboard)
      : bridge_(bridge), runs_(runs), dashboard_(dashboard) {}

  grpc::ServerUnaryReactor* OpenDashboard(grpc::CallbackServerContext* context,
                                          const fanout::v1::OpenDashboardRequest* request,
                                          fanout::v1::OpenDashboardResponse* response) override;

 private:
  awaitable<void> open(const fanout::v1::OpenDashboardRequest& request, fanout::v1::OpenDashboardResponse& response);

  Bridge& bridge_;
  orchestrator::Orchestrator& runs_;
  dashboard::Dashboard& dashboard_;
};

}  // namespace fanout::rpc
