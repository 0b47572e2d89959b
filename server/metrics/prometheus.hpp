#pragma once

#include <string>
#include <vector>

#include "fanout/v1/metrics.pb.h"
#include "fanout/v1/tracker.pb.h"
#include "server/metrics/process_usage.hpp"

namespace fanout::metrics {

/// Everything that the daemon tells Prometheus, as of one moment.
struct Readings {
  std::vector<fanout::v1::RunMetrics> runs;  ///< All there are.
  std::size_t active_runs = 0, active_subagents = 0;
  std::vector<fanout::v1::Tracker> trackers;  ///< Those that were used since the daemon's start.
  std::uint64_t calls = 0;                   ///< gRPC calls served since the daemon's start.
  ProcessUsage process;
};

/// The content type of what exposition() returns.
inline constexpr const char* kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

/// In Prometheus' text format. Pure. Names and units follow Prometheus' conventions: base units, `_total` for what only
/// grows while the daemon keeps its runs.
std::string exposition(const Readings& readings);

}  // namespace fanout::metrics
