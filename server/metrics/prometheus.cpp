#include "server/metrics/prometheus.hpp"

#include <google/protobuf/util/time_util.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <limits>

#include "server/domain/metrics/metrics.hpp"

namespace fanout::metrics {

namespace v1 = fanout::v1;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

namespace {

/// Seconds: from a warm pool to a cold installation.
constexpr std::array kSetupBuckets{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0};

double seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(google::protobuf::util::TimeUtil::DurationToMicroseconds(duration)) / 1e6;
}

class Page {
 public:
  void counter(const char* name, const char* help, double value) {
    add(name, help, MetricType::Counter).counter.value = value;
  }
  void gauge(const char* name, const char* help, double value) { add(name, help, MetricType::Gauge).gauge.value = value; }
  ClientMetric& add(const char* name, const char* help, MetricType type) {
    families_.push_back({name, help, type, {{}}});
    return families_.back().metric.back();
  }
  /// One value for each tracker, by its host.
  template <class ValueOf>
  void of_trackers(const char* name, const char* help, MetricType type, const std::vector<v1::Tracker>& trackers, const ValueOf& value_of) {
    if (trackers.empty()) return;
    MetricFamily family{name, help, type, {}};
    for (const auto& tracker : trackers) {
      auto& metric = family.metric.emplace_back();
      metric.label = {{"host", tracker.host()}};
      (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value_of(tracker);
    }
    families_.push_back(std::move(family));
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

void add_setup_times(Page& page, const std::vector<v1::RunMetrics>& runs) {
  auto& histogram = page.add("fanout_run_setup_seconds", "Until the last agent of a run was there, without waiting for other tasks.",
                             MetricType::Histogram)
                        .histogram;
  for (const auto bound : kSetupBuckets) histogram.bucket.push_back({0, bound});
  histogram.bucket.push_back({0, std::numeric_limits<double>::infinity()});
  for (const auto& run : runs) {
    if (run.set_up() == 0) continue;
    const auto time = seconds(run.setup_time());
    ++histogram.sample_count;
    histogram.sample_sum += time;
    for (auto& bucket : histogram.bucket) bucket.cumulative_count += time <= bucket.upper_bound;
  }
}

void add_task_counts(Page& page, const v1::TotalMetrics& total) {
  auto& summary = page.add("fanout_run_tasks", "Tasks in a run.", MetricType::Summary).summary;
  summary.sample_count = total.runs();
  summary.sample_sum = static_cast<double>(total.tasks());
  summary.quantile = {{0.5, static_cast<double>(total.tasks_p50())},
                      {0.9, static_cast<double>(total.tasks_p90())},
                      {0.99, static_cast<double>(total.tasks_p99())}};
}

void add_totals(Page& page, const v1::TotalMetrics& total) {
  const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
  page.counter("fanout_runs_total", "Runs that are known.", count(total.runs()));
  page.counter("fanout_setup_saved_seconds_total", "What setting up one task after the other would have taken more.", seconds(total.saved()));
  page.counter("fanout_setup_failures_total", "Tasks that failed in setup.", count(total.setup_failures()));
  page.gauge("fanout_setup_error_ratio", "Tasks that failed in setup, of those that began it.", total.setup_error_rate());
  page.counter("fanout_tracker_requests_total", "Requests to trackers, as known when runs ended.", count(total.tracker_requests()));
  page.counter("fanout_environments_cached_total", "Environments that came from the cache or the pool.", count(total.environments_cached()));
  page.counter("fanout_worktrees_pooled_total", "Worktrees that came from the pool.", count(total.worktrees_pooled()));
  if (total.has_parallel_efficiency()) {
    page.gauge("fanout_parallel_efficiency_ratio", "(sequential - parallel) / (sequential - ideal), mean over runs.",
               total.parallel_efficiency());
  }
}

void add_process(Page& page, const Readings& readings) {
  const auto& process = readings.process;
  page.counter("fanout_rpcs_total", "gRPC calls served since the daemon's start.", static_cast<double>(readings.calls));
  page.gauge("fanout_active_runs", "Runs that have not ended.", static_cast<double>(readings.active_runs));
  page.gauge("fanout_active_subagents", "Subagents that have not ended.", static_cast<double>(readings.active_subagents));
  page.counter("process_cpu_seconds_total", "Of all threads of the daemon, in user and in kernel.", process.cpu_seconds);
  page.gauge("process_resident_memory_bytes", "Of the daemon.", static_cast<double>(process.resident_bytes));
  page.gauge("process_open_fds", "Of the daemon.", static_cast<double>(process.open_descriptors));
}

/// What is left of each tracker's limits, and what waits for them.
void add_trackers(Page& page, const std::vector<v1::Tracker>& all) {
  const auto gauge = [&](const char* name, const char* help, const auto& value_of) {
    page.of_trackers(name, help, MetricType::Gauge, all, value_of);
  };
  page.of_trackers("fanout_tracker_sent_total", "Requests sent since the daemon's start.", MetricType::Counter, all,
                   [](const auto& one) { return static_cast<double>(one.requests()); });
  gauge("fanout_tracker_pending_steps", "Issues, comments and the like that are not there yet.", [](const auto& one) { return one.pending(); });
  gauge("fanout_tracker_paused", "1: the token was refused, and all waits for another.", [](const auto& one) { return one.paused() ? 1.0 : 0.0; });
  gauge("fanout_tracker_created_last_hour", "Objects made in the last hour.", [](const auto& one) { return one.created_last_hour(); });
  gauge("fanout_tracker_created_most_per_hour", "Objects that may be made in an hour.", [](const auto& one) { return one.most_per_hour(); });
  std::vector<v1::Tracker> told;  // the others have not said yet
  for (const auto& tracker : all) {
    if (tracker.limit() > 0) told.push_back(tracker);
  }
  page.of_trackers("fanout_tracker_requests_remaining", "Requests left of the primary limit.", MetricType::Gauge, told,
                   [](const auto& one) { return one.remaining(); });
}

}  // namespace

std::string exposition(const Readings& readings) {
  std::vector<const v1::RunMetrics*> runs;
  for (const auto& run : readings.runs) runs.push_back(&run);
  const auto total = domain::total_of(runs);
  Page page;
  add_totals(page, total);
  add_task_counts(page, total);
  add_setup_times(page, readings.runs);
  add_trackers(page, readings.trackers);
  add_process(page, readings);
  return page.text();
}

}  // namespace fanout::metrics
