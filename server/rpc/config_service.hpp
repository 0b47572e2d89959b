#pragma once

#include <filesystem>

#include "fanout/v1/config.grpc.pb.h"
#include "server/async/worker_pool.hpp"
#include "server/rpc/bridge.hpp"

namespace fanout::rpc {

/// `v1.ConfigService`; the method is documented in config.proto.
class ConfigService final : public fanout::v1::ConfigService::CallbackService {
 public:
  ConfigService(Bridge& bridge, async::WorkerPool& workers, std::filesystem::path user_config)
      : bridge_(bridge), workers_(workers), user_config_(std::move(user_config)) {}

  grpc::ServerUnaryReactor* GetConfig(grpc::CallbackServerContext* context, const fanout::v1::GetConfigRequest* request,
                                      fanout::v1::GetConfigResponse* response) override;

 private:
  awaitable<void> get(const fanout::v1::GetConfigRequest& request, fanout::v1::GetConfigResponse& response);

  Bridge& bridge_;
  async::WorkerPool& workers_;
  const std::filesystem::path user_config_;
};

}  // namespace fanout::rpc
