#include "server/orchestrator/figures.hpp"

#include "common/error.hpp"
#include "server/domain/metrics/metrics.hpp"

namespace fanout::orchestrator {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMostRuns = 100'000;

}  // namespace

awaitable<v1::RunMetrics> Figures::of(std::string run_id) {
  if (const auto* open = log_.open(run_id)) co_return domain::metrics_of(*open);
  if (const auto known = ended_.find(run_id); known != ended_.end()) co_return known->second;
  const auto stored = co_await log_.query([&](store::Database& database) { return database.load(run_id); });
  if (!stored) throw Error(ErrorKind::not_found, "there is no run " + run_id);
  auto metrics = domain::metrics_of(stored->run);
  // It may have been opened again meanwhile.
  if (!log_.open(run_id) && stored->run.state() != v1::RUN_STATE_RUNNING) ended_[run_id] = metrics;
  co_return metrics;
}

awaitable<std::vector<v1::RunMetrics>> Figures::all() {
  const auto ids = co_await log_.query([](store::Database& database) { return database.ids("", kMostRuns); });
  std::vector<v1::RunMetrics> all;
  for (const auto& id : ids) all.push_back(co_await of(id));
  co_return all;
}

}  // namespace fanout::orchestrator
