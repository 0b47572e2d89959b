#pragma once

#include "fanout/v1/pool.grpc.pb.h"
#include "server/rpc/bridge.hpp"
#include "server/rpc/plan_service.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::rpc {

/// `v1.PoolService`; the methods are documented in pool.proto.
class PoolService final : public fanout::v1::PoolService::CallbackService {
 public:
  PoolService(Bridge& bridge, PlanLoader& loader, subagent::Services& services)
      : bridge_(bridge), loader_(loader), services_(services) {}

  grpc::ServerUnaryReactor* GetPool(grpc::CallbackServerContext* context, const fanout::v1::GetPoolRequest* request,
                                    fanout::v1::GetPoolResponse* response) override;
  grpc::ServerUnaryReactor* WarmPool(grpc::CallbackServerContext* context, const fanout::v1::WarmPoolRequest* request,
                                     fanout::v1::WarmPoolResponse* response) override;
  grpc::ServerUnaryReactor* DrainPool(grpc::CallbackServerContext* context, const fanout::v1::DrainPoolRequest* request,
                                      fanout::v1::DrainPoolResponse* response) override;

 private:
  awaitable<void> get(const fanout::v1::GetPoolRequest& request, fanout::v1::GetPoolResponse& response);
  awaitable<void> warm(const fanout::v1::WarmPoolRequest& request, fanout::v1::WarmPoolResponse& response);
  awaitable<void> drain(const fanout::v1::DrainPoolRequest& request, fanout::v1::DrainPoolResponse& response);
  awaitable<std::vector<std::string>> meant(std::string folder);
  awaitable<fanout::internal::v1::RunSpec> settings_for(fanout::v1::WarmPoolRequest request);

  Bridge& bridge_;
  PlanLoader& loader_;
  subagent::Services& services_;
};

}  // namespace fanout::rpc
