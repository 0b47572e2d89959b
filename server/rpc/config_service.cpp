#include "server/rpc/config_service.hpp"

#include "server/planning/effective_config.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;

grpc::ServerUnaryReactor* ConfigService::GetConfig(grpc::CallbackServerContext* context, const v1::GetConfigRequest* request,
                                                   v1::GetConfigResponse* response) {
  return bridge_.unary<v1::GetConfigRequest, v1::GetConfigResponse>(
      context, request, response, [this](const auto& q, auto& a) { return get(q, a); });
}

awaitable<void> ConfigService::get(const v1::GetConfigRequest& request, v1::GetConfigResponse& response) {
  response = co_await workers_.run([&](std::stop_token) { return planning::effective_config(request, user_config_); });
}

}  // namespace fanout::rpc
