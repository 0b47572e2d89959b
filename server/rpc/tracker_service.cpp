#include "server/rpc/tracker_service.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;

grpc::ServerWriteReactor<v1::LogInResponse>* TrackerService::LogIn(grpc::CallbackServerContext*,
                                                                   const v1::LogInRequest* request) {
  return bridge_.stream<v1::LogInRequest, v1::LogInResponse>(
      request, [this](const auto& q, auto& writer) { return log_in(q, writer); });
}

grpc::ServerUnaryReactor* TrackerService::LogOut(grpc::CallbackServerContext* context, const v1::LogOutRequest* request,
                                                 v1::LogOutResponse* response) {
  return bridge_.unary<v1::LogOutRequest, v1::LogOutResponse>(
      context, request, response, [this](const auto& q, auto& a) { return log_out(q, a); });
}

grpc::ServerUnaryReactor* TrackerService::GetLogin(grpc::CallbackServerContext* context,
                                                   const v1::GetLoginRequest* request, v1::GetLoginResponse* response) {
  return bridge_.unary<v1::GetLoginRequest, v1::GetLoginResponse>(
      context, request, response, [this](const auto& q, auto& a) { return get_login(q, a); });
}

grpc::ServerUnaryReactor* TrackerService::RefreshLogins(grpc::CallbackServerContext* context,
                                                        const v1::RefreshLoginsRequest* request,
                                                        v1::RefreshLoginsResponse* response) {
  return bridge_.unary<v1::RefreshLoginsRequest, v1::RefreshLoginsResponse>(
      context, request, response, [this](const auto& q, auto& a) { return refresh(q, a); });
}

grpc::ServerUnaryReactor* TrackerService::ListTrackers(grpc::CallbackServerContext* context,
                                                       const v1::ListTrackersRequest* request,
                                                       v1::ListTrackersResponse* response) {
  return bridge_.unary<v1::ListTrackersRequest, v1::ListTrackersResponse>(
      context, request, response, [this](const auto& q, auto& a) { return list(q, a); });
}

awaitable<void> TrackerService::log_in(const v1::LogInRequest& request, Writer& writer) {
  const auto tell = [&writer](v1::DeviceCode code) {
    v1::LogInResponse response;
    *response.mutable_code() = std::move(code);
    return writer.write(std::move(response));
  };
  v1::LogInResponse response;
  *response.mutable_done() = co_await trackers_.log_in(request, tell);
  co_await writer.write(std::move(response));
}

awaitable<void> TrackerService::log_out(const v1::LogOutRequest& request, v1::LogOutResponse& response) {
  response.set_host(co_await trackers_.log_out(request.host()));
}

awaitable<void> TrackerService::get_login(const v1::GetLoginRequest& request, v1::GetLoginResponse& response) {
  *response.mutable_login() = co_await trackers_.login_at(request.host());
}

awaitable<void> TrackerService::refresh(const v1::RefreshLoginsRequest&, v1::RefreshLoginsResponse& response) {
  for (auto& login : co_await trackers_.refresh()) *response.add_logins() = std::move(login);
}

awaitable<void> TrackerService::list(const v1::ListTrackersRequest&, v1::ListTrackersResponse& response) {
  for (auto& tracker : trackers_.list()) *response.add_trackers() = std::move(tracker);
  co_return;
}

}  // namespace fanout::rpc
