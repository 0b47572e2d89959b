#pragma once

#include <filesystem>

#include "fanout/v1/service.grpc.pb.h"
#include "server/async/worker_pool.hpp"
#include "server/planning/planner.hpp"
#include "server/rpc/bridge.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::rpc {

/// Loads plans for the services, on the worker pool.
class PlanLoader {
 public:
  PlanLoader(async::WorkerPool& workers, std::filesystem::path user_config)
      : workers_(workers), user_config_(std::move(user_config)) {}

  /// Error invalid_input: the path is missing or relative.
  awaitable<planning::Prepared> load(planning::Request request, bool for_run);
  /// The settings of a repository alone.
  awaitable<fanout::internal::v1::RunSpec> without_plan(planning::Request request);
  awaitable<fanout::v1::PlanDescription> describe(const planning::Prepared& prepared);

 private:
  async::WorkerPool& workers_;
  std::filesystem::path user_config_;
};

/// `v1.PlanService`; the methods are documented in service.proto.
class PlanService final : public fanout::v1::PlanService::CallbackService {
 public:
  PlanService(Bridge& bridge, PlanLoader& loader, subagent::Services& services)
      : bridge_(bridge), loader_(loader), services_(services) {}

  grpc::ServerUnaryReactor* ValidatePlan(grpc::CallbackServerContext* context,
                                         const fanout::v1::ValidatePlanRequest* request,
                                         fanout::v1::ValidatePlanResponse* response) override;
  grpc::ServerUnaryReactor* DescribePlan(grpc::CallbackServerContext* context,
                                         const fanout::v1::DescribePlanRequest* request,
                                         fanout::v1::DescribePlanResponse* response) override;

 private:
  awaitable<void> validate(const fanout::v1::ValidatePlanRequest& request, fanout::v1::ValidatePlanResponse& response);
  awaitable<void> describe(const fanout::v1::DescribePlanRequest& request, fanout::v1::DescribePlanResponse& response);

  Bridge& bridge_;
  PlanLoader& loader_;
  subagent::Services& services_;
};

}  // namespace fanout::rpc
