#pragma once

#include "fanout/v1/service.pb.h"
#include "server/orchestrator/orchestrator.hpp"
#include "server/rpc/plan_service.hpp"

/// Plans that are written while they run: what `v1.RunService` does for them.
namespace fanout::rpc {

/// The plan of a request that begins one. Error invalid_input: its folder is missing or relative.
planning::Request open_plan_request(const fanout::v1::ExecutePlanRequest& request, std::string search_path);

/// What is kept of it with the run, to read its tasks with.
fanout::internal::v1::OpenPlanSpec open_plan_spec(const fanout::v1::ExecutePlanRequest& request);

/// Reads, checks and adds tasks that come into such a plan. Lives on the I/O thread.
class GrowingPlan {
 public:
  GrowingPlan(PlanLoader& loader, orchestrator::Orchestrator& runs, subagent::Services& services)
      : loader_(loader), runs_(runs), services_(services) {}

  /// As ExtendRun is documented.
  awaitable<void> extend(const fanout::v1::ExtendRunRequest& request, fanout::v1::ExtendRunResponse& response);

 private:
  using RunSpec = fanout::internal::v1::RunSpec;
  using TaskSpec = fanout::internal::v1::TaskSpec;
  using Result = fanout::v1::ExtendRunResponse::Result;

  awaitable<bool> add_all(const fanout::v1::ExtendRunRequest& request, fanout::v1::ExtendRunResponse& response);
  awaitable<void> look(std::string text, RunSpec& spec, Result& result);
  awaitable<void> recognise(const fanout::v1::ExtendRunRequest& request, fanout::v1::ExtendRunResponse& response);

  PlanLoader& loader_;
  orchestrator::Orchestrator& runs_;
  subagent::Services& services_;
};

/// The caller's PATH, else this daemon's: what a run's programs are looked up in.
std::string search_path_of(const google::protobuf::Map<std::string, std::string>& caller, const subagent::Variables& own);

/// Throws Error where a secret is missing that the task names. BLOCKS.
void require_secrets(const secrets::Store& secrets, const fanout::internal::v1::TaskSpec& task);

}  // namespace fanout::rpc
