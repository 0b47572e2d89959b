#pragma once

#include <filesystem>
#include <functional>

#include "fanout/v1/service.grpc.pb.h"
#include "server/orchestrator/orchestrator.hpp"
#include "server/rpc/bridge.hpp"

namespace fanout::rpc {

/// `v1.DaemonService`; the methods are documented in service.proto.
class DaemonService final : public fanout::v1::DaemonService::CallbackService {
 public:
  /// `shut_down` is called once a client asks for it, and returns at once. `leave`: agents go on.
  DaemonService(Bridge& bridge, orchestrator::Orchestrator& runs, subagent::Services& services,
                std::filesystem::path socket, std::filesystem::path state_directory, std::string http_address,
                std::function<void(bool leave)> shut_down);

  grpc::ServerUnaryReactor* GetInfo(grpc::CallbackServerContext* context, const fanout::v1::GetInfoRequest* request,
                                    fanout::v1::GetInfoResponse* response) override;
  grpc::ServerUnaryReactor* Shutdown(grpc::CallbackServerContext* context, const fanout::v1::ShutdownRequest* request,
                                     fanout::v1::ShutdownResponse* response) override;

 private:
  awaitable<void> info(fanout::v1::GetInfoResponse& response);
  awaitable<void> shutdown(const fanout::v1::ShutdownRequest& request, fanout::v1::ShutdownResponse& response);

  Bridge& bridge_;
  orchestrator::Orchestrator& runs_;
  subagent::Services& services_;
  fanout::v1::GetInfoResponse fixed_;  ///< What does not change while we live.
  std::function<void(bool leave)> shut_down_;
};

}  // namespace fanout::rpc
