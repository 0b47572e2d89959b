#include "server/rpc/metrics_service.hpp"

#include "server/domain/metrics/metrics.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kListed = 50;

}  // namespace

grpc::ServerUnaryReactor* MetricsService::GetMetrics(grpc::CallbackServerContext* context,
                                                     const v1::GetMetricsRequest* request,
                                                     v1::GetMetricsResponse* response) {
  return bridge_.unary<v1::GetMetricsRequest, v1::GetMetricsResponse>(
      context, request, response, [this](const auto& q, auto& a) { return get(q, a); });
}

awaitable<void> MetricsService::get(const v1::GetMetricsRequest& request, v1::GetMetricsResponse& response) {
  if (!request.run_id().empty()) {
    *response.add_runs() = co_await runs_.figures().of(co_await runs_.find(request.run_id()));
    co_return;
  }
  auto all = co_await runs_.figures().all();
  std::vector<const v1::RunMetrics*> pointers;
  for (const auto& run : all) pointers.push_back(&run);
  *response.mutable_total() = domain::total_of(pointers);
  for (auto& run : all) {
    if (static_cast<std::size_t>(response.runs_size()) == kListed) break;
    *response.add_runs() = std::move(run);
  }
}

}  // namespace fanout::rpc
