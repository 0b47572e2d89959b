#include "server/rpc/dashboard_service.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;

grpc::ServerUnaryReactor* DashboardService::OpenDashboard(grpc::CallbackServerContext* context,
                                                          const v1::OpenDashboardRequest* request,
                                                          v1::OpenDashboardResponse* response) {
  return bridge_.unary<v1::OpenDashboardRequest, v1::OpenDashboardResponse>(
      context, request, response, [this](const auto& q, auto& a) { return open(q, a); });
}

awaitable<void> DashboardService::open(const v1::OpenDashboardRequest& request, v1::OpenDashboardResponse& response) {
  std::string run_id;
  if (!request.run_id().empty()) run_id = co_await runs_.find(request.run_id());
  response.set_url(dashboard_.open(run_id, request.allow_actions()));
}

}  // namespace fanout::rpc
