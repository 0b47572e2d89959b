#include "server/rpc/plan_service.hpp"

#include "common/programs.hpp"
#include "server/orchestrator/forecast.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;

namespace {

template <class Request>
planning::Request looked_at(const Request& request) {
  return {request.plan_path(), request.overrides(), request.working_directory(), search_path(own_environment())};
}

template <class Response>
void tell(const std::vector<domain::Diagnostic>& diagnostics, Response& response) {
  for (auto& diagnostic : planning::to_wire(diagnostics)) *response.add_diagnostics() = std::move(diagnostic);
}

}  // namespace

awaitable<planning::Prepared> PlanLoader::load(planning::Request request, bool for_run) {
  if (!request.plan_path.is_absolute()) {
    throw Error(ErrorKind::invalid_input, "plan_path must be an absolute path, not \"" + request.plan_path.string() + "\"");
  }
  if (!request.working_directory.is_absolute()) request.working_directory = request.plan_path.parent_path();
  co_return co_await workers_.run(
      [&](std::stop_token) { return planning::prepare(request, user_config_, for_run); });
}

awaitable<fanout::internal::v1::RunSpec> PlanLoader::without_plan(planning::Request request) {
  co_return co_await workers_.run([&](std::stop_token) { return planning::settings_alone(request, user_config_); });
}

awaitable<v1::PlanDescription> PlanLoader::describe(const planning::Prepared& prepared) {
  return workers_.run([&prepared](std::stop_token) { return planning::describe(prepared); });
}

grpc::ServerUnaryReactor* PlanService::ValidatePlan(grpc::CallbackServerContext* context,
                                                    const v1::ValidatePlanRequest* request,
                                                    v1::ValidatePlanResponse* response) {
  return bridge_.unary<v1::ValidatePlanRequest, v1::ValidatePlanResponse>(
      context, request, response, [this](const auto& q, auto& a) { return validate(q, a); });
}

grpc::ServerUnaryReactor* PlanService::DescribePlan(grpc::CallbackServerContext* context,
                                                    const v1::DescribePlanRequest* request,
                                                    v1::DescribePlanResponse* response) {
  return bridge_.unary<v1::DescribePlanRequest, v1::DescribePlanResponse>(
      context, request, response, [this](const auto& q, auto& a) { return describe(q, a); });
}

awaitable<void> PlanService::validate(const v1::ValidatePlanRequest& request, v1::ValidatePlanResponse& response) {
  auto looked = looked_at(request);
  looked.overlays = request.overlays();
  const auto prepared = co_await loader_.load(std::move(looked), false);
  response.set_valid(prepared.loaded.ok());
  response.set_task_count(static_cast<std::uint32_t>(prepared.loaded.plan.tasks.size()));
  tell(prepared.loaded.diagnostics, response);
  // What is still being typed is nothing to be expected yet.
  if (!prepared.loaded.ok() || request.overlays_size() > 0) co_return;
  co_await orchestrator::expect_plan(services_, prepared.spec);
}

awaitable<void> PlanService::describe(const v1::DescribePlanRequest& request, v1::DescribePlanResponse& response) {
  const auto prepared = co_await loader_.load(looked_at(request), false);
  if (!prepared.loaded.ok()) throw planning::PlanFaultsError(prepared.loaded.diagnostics);
  *response.mutable_plan() = co_await loader_.describe(prepared);
  tell(prepared.loaded.diagnostics, response);
  co_await orchestrator::expect_plan(services_, prepared.spec);
}

}  // namespace fanout::rpc
