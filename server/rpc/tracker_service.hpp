#pragma once

#include "fanout/v1/tracker.grpc.pb.h"
#include "server/rpc/bridge.hpp"
#include "server/tracking/tracking.hpp"

namespace fanout::rpc {

/// TrackerService: logins, and how much of the limits is left.
class TrackerService final : public fanout::v1::TrackerService::CallbackService {
 public:
  TrackerService(Bridge& bridge, tracking::Tracking& tracking) : bridge_(bridge), trackers_(tracking.trackers()) {}

  grpc::ServerWriteReactor<fanout::v1::LogInResponse>* LogIn(grpc::CallbackServerContext* context,
                                                             const fanout::v1::LogInRequest* request) override;
  grpc::ServerUnaryReactor* LogOut(grpc::CallbackServerContext* context, const fanout::v1::LogOutRequest* request,
                                   fanout::v1::LogOutResponse* response) override;
  grpc::ServerUnaryReactor* GetLogin(grpc::CallbackServerContext* context, const fanout::v1::GetLoginRequest* request,
                                     fanout::v1::GetLoginResponse* response) override;
  grpc::ServerUnaryReactor* RefreshLogins(grpc::CallbackServerContext* context,
                                          const fanout::v1::RefreshLoginsRequest* request,
                                          fanout::v1::RefreshLoginsResponse* response) override;
  grpc::ServerUnaryReactor* ListTrackers(grpc::CallbackServerContext* context,
                                         const fanout::v1::ListTrackersRequest* request,
                                         fanout::v1::ListTrackersResponse* response) override;

 private:
  using Writer = Bridge::Writer<fanout::v1::LogInResponse>;
  awaitable<void> log_in(const fanout::v1::LogInRequest& request, Writer& writer);
  awaitable<void> log_out(const fanout::v1::LogOutRequest& request, fanout::v1::LogOutResponse& response);
  awaitable<void> get_login(const fanout::v1::GetLoginRequest& request, fanout::v1::GetLoginResponse& response);
  awaitable<void> refresh(const fanout::v1::RefreshLoginsRequest& request, fanout::v1::RefreshLoginsResponse& response);
  awaitable<void> list(const fanout::v1::ListTrackersRequest& request, fanout::v1::ListTrackersResponse& response);

  Bridge& bridge_;
  tracking::Trackers& trackers_;
};

}  // namespace fanout::rpc
