#include "server/domain/metrics/metrics.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "server/domain/run/race.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;

namespace {

bool is_own(SetupStep step) {
  switch (step) {
    case SetupStep::worktree:
    case SetupStep::environment:
    case SetupStep::verify:
    case SetupStep::spawn:
      return true;
    case SetupStep::queued:
    case SetupStep::slot:
    case SetupStep::silent:
      return false;
  }
  return false;
}

Moment sum(const std::vector<Span>& spans) {
  Moment all{};
  for (const auto& span : spans) all += span.length();
  return all;
}

google::protobuf::Duration to_duration(Moment moment) { return TimeUtil::MicrosecondsToDuration(moment.count()); }

bool failed_in_setup(const v1::Subagent& agent) {
  return agent.phase() == v1::PHASE_FAILED && agent.ended_in() == v1::PHASE_SETTING_UP;
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void count_tasks(const v1::Run& run, v1::RunMetrics& metrics) {
  std::uint32_t begun = 0, set_up = 0, failures = 0, cached = 0, pooled = 0;
  for (const auto& agent : run.subagents()) {
    begun += agent.setup().has_begun();
    set_up += agent.setup().has_spawned();
    failures += failed_in_setup(agent);
    cached += agent.setup().from_cache();
    pooled += agent.setup().from_pool();
  }
  metrics.set_set_up(set_up);
  metrics.set_setup_failures(failures);
  metrics.set_setup_error_rate(share(failures, begun));
  metrics.set_environments_cached(cached);
  metrics.set_worktrees_pooled(pooled);
}

}  // namespace

std::optional<double> Efficiency::ratio() const {
  if (sequential <= ideal) return std::nullopt;
  return std::min(1.0, static_cast<double>((sequential - parallel).count()) / static_cast<double>((sequential - ideal).count()));
}

Moment Efficiency::saved() const { return std::max(Moment(0), sequential - parallel); }

std::vector<Span> own_work(const Lane& lane) {
  auto spans = lane.spans;
  std::erase_if(spans, [](const Span& span) { return !is_own(span.step); });
  return spans;
}

Moment covered(std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  Moment total{}, until{};
  for (const auto& span : spans) {
    const auto begin = std::max(span.begin, until);
    if (span.end > begin) total += span.end - begin;
    until = std::max(until, span.end);
  }
  return total;
}

Efficiency efficiency(const std::vector<Lane>& lanes) {
  Efficiency figures;
  std::vector<Span> all;
  for (const auto& lane : lanes) {
    const auto own = own_work(lane);
    const auto setup = sum(own);
    figures.sequential += setup + (lane.issue ? lane.issue->length() : Moment(0));
    figures.ideal = std::max(figures.ideal, setup);
    all.insert(all.end(), own.begin(), own.end());
  }
  figures.parallel = covered(std::move(all));
  return figures;
}

v1::RunMetrics metrics_of(const v1::Run& run) {
  v1::RunMetrics metrics;
  metrics.set_run_id(run.id());
  metrics.set_name(run.name());
  metrics.set_tasks(static_cast<std::uint32_t>(count_tasks(run)));
  metrics.set_tracker_requests(run.tracker_requests());
  count_tasks(run, metrics);
  const auto figures = efficiency(timeline(run));
  *metrics.mutable_setup_time() = to_duration(figures.parallel);
  *metrics.mutable_sequential() = to_duration(figures.sequential);
  *metrics.mutable_ideal() = to_duration(figures.ideal);
  *metrics.mutable_saved() = to_duration(figures.saved());
  if (const auto ratio = figures.ratio()) metrics.set_parallel_efficiency(*ratio);
  return metrics;
}

v1::TotalMetrics total_of(const std::vector<const v1::RunMetrics*>& runs) {
  v1::TotalMetrics total;
  std::vector<std::uint32_t> sizes;
  std::int64_t saved = 0;
  std::uint64_t begun = 0, measured = 0;
  double efficiencies = 0;
  for (const auto* run : runs) {
    sizes.push_back(run->tasks());
    saved += TimeUtil::DurationToMicroseconds(run->saved());
    begun += run->set_up() + run->setup_failures();
    total.set_tasks(total.tasks() + run->tasks());
    total.set_setup_failures(total.setup_failures() + run->setup_failures());
    total.set_tracker_requests(total.tracker_requests() + run->tracker_requests());
    total.set_environments_cached(total.environments_cached() + run->environments_cached());
    total.set_worktrees_pooled(total.worktrees_pooled() + run->worktrees_pooled());
    measured += run->has_parallel_efficiency();
    efficiencies += run->parallel_efficiency();
  }
  total.set_runs(runs.size());
  total.set_tasks_p50(percentile(sizes, 50));
  total.set_tasks_p90(percentile(sizes, 90));
  total.set_tasks_p99(percentile(sizes, 99));
  *total.mutable_saved() = to_duration(Moment(saved));
  total.set_setup_error_rate(share(total.setup_failures(), begun));
  if (measured > 0) total.set_parallel_efficiency(efficiencies / static_cast<double>(measured));
  return total;
}

std::uint32_t percentile(std::vector<std::uint32_t> values, unsigned percent) {
  if (values.empty()) return 0;
  const auto rank = (values.size() * percent + 99) / 100;
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

}  // namespace fanout::domain
