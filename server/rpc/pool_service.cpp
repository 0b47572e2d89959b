#include "server/rpc/pool_service.hpp"

#include <google/protobuf/util/time_util.h>

#include "server/orchestrator/forecast.hpp"
#include "server/pool/pool.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;

namespace {

v1::Pool told(const pool::Pool::Status& status) {
  v1::Pool told;
  told.set_repository(status.repository);
  told.set_base_commit(status.commit);
  told.set_tree(status.tree);
  told.set_environment(status.environment);
  told.set_ready(static_cast<std::uint32_t>(status.ready));
  told.set_wanted(static_cast<std::uint32_t>(status.wanted));
  told.set_bytes(status.bytes);
  told.set_waiting_for(status.waiting_for);
  *told.mutable_last_used() = TimeUtil::TimeTToTimestamp(std::chrono::system_clock::to_time_t(status.last_used));
  return told;
}

}  // namespace

grpc::ServerUnaryReactor* PoolService::GetPool(grpc::CallbackServerContext* context, const v1::GetPoolRequest* request,
                                               v1::GetPoolResponse* response) {
  return bridge_.unary<v1::GetPoolRequest, v1::GetPoolResponse>(context, request, response,
                                                                [this](const auto& q, auto& a) { return get(q, a); });
}

grpc::ServerUnaryReactor* PoolService::WarmPool(grpc::CallbackServerContext* context, const v1::WarmPoolRequest* request,
                                                v1::WarmPoolResponse* response) {
  return bridge_.unary<v1::WarmPoolRequest, v1::WarmPoolResponse>(context, request, response,
                                                                  [this](const auto& q, auto& a) { return warm(q, a); });
}

grpc::ServerUnaryReactor* PoolService::DrainPool(grpc::CallbackServerContext* context, const v1::DrainPoolRequest* request,
                                                 v1::DrainPoolResponse* response) {
  return bridge_.unary<v1::DrainPoolRequest, v1::DrainPoolResponse>(context, request, response,
                                                                    [this](const auto& q, auto& a) { return drain(q, a); });
}

/// The repository around a folder, or all that are known.
awaitable<std::vector<std::string>> PoolService::meant(std::string folder) {
  if (folder.empty()) co_return services_.pool.repositories();
  auto root = co_await services_.workers.run([&](std::stop_token) { return git::find_repository(folder).string(); });
  co_return std::vector<std::string>(1, std::move(root));
}

awaitable<void> PoolService::get(const v1::GetPoolRequest& request, v1::GetPoolResponse& response) {
  const auto repositories = co_await meant(request.repository());
  for (const auto& repository : repositories) {
    const auto pools = co_await services_.pool.status(repository);
    for (const auto& status : pools) *response.add_pools() = told(status);
  }
  const auto& counts = services_.pool.counts();
  response.set_hits(counts.hits);
  response.set_misses(counts.misses);
  response.set_discarded(counts.discarded);
}

/// What a plan says, or the repository and the user where there is none.
awaitable<fanout::internal::v1::RunSpec> PoolService::settings_for(v1::WarmPoolRequest request) {
  planning::Request wanted;
  wanted.plan_path = request.plan_path();
  wanted.working_directory = request.repository().empty() ? wanted.plan_path.parent_path().string() : request.repository();
  wanted.overrides.set_base(request.base());
  wanted.overrides.set_repository(request.repository());
  if (wanted.plan_path.empty()) co_return co_await loader_.without_plan(std::move(wanted));
  const auto prepared = co_await loader_.load(std::move(wanted), false);
  if (!prepared.loaded.ok()) throw planning::PlanFaultsError(prepared.loaded.diagnostics);
  co_return prepared.spec;
}

awaitable<void> PoolService::warm(const v1::WarmPoolRequest& request, v1::WarmPoolResponse& response) {
  if (request.repository().empty() && request.plan_path().empty()) {
    throw Error(ErrorKind::invalid_input, "which repository? Name a folder in it, or a plan");
  }
  const auto spec = co_await settings_for(request);
  if (!spec.pool()) throw Error(ErrorKind::precondition, "the pool is switched off: pool: false in the settings");
  auto wish = co_await orchestrator::wish_for(services_, spec, request.count());
  const auto commit = wish.commit;
  services_.pool.want(std::move(wish));
  if (request.wait()) co_await services_.pool.settle(spec.repository());
  const auto pools = co_await services_.pool.status(spec.repository());
  response.mutable_pool()->set_repository(spec.repository());
  for (const auto& status : pools) {
    if (status.commit == commit) *response.mutable_pool() = told(status);
  }
}

awaitable<void> PoolService::drain(const v1::DrainPoolRequest& request, v1::DrainPoolResponse& response) {
  const auto repositories = co_await meant(request.repository());
  for (const auto& repository : repositories) {
    const auto removed = co_await services_.pool.drain(repository);
    response.set_removed(response.removed() + static_cast<std::uint32_t>(removed.size()));
    for (const auto& spare : removed) response.set_bytes(response.bytes() + spare.bytes);
  }
}

}  // namespace fanout::rpc
