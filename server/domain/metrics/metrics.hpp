#pragma once

#include <vector>

#include "fanout/v1/metrics.pb.h"
#include "fanout/v1/run.pb.h"
#include "server/domain/metrics/timeline.hpp"

namespace fanout::domain {

/// What setting up one task came to: the time it was busy itself, and its issue, which a script would have waited for.
struct SetupCost {
  Moment setup{}, issue{};
};

/// The seed's figures: `(sequential - parallel) / (sequential - ideal)`.
///
/// `sequential` is the sum of all costs: what one task after the other would take, had each the same length as it had
/// beside the others. On a machine with fewer cores than tasks that is more than it would really take, so the figures
/// of one run flatter; the benchmark measures the sequential way itself.
/// `ideal` is the longest setup alone: nobody waits for anybody.
struct Efficiency {
  Moment sequential{}, parallel{}, ideal{};
  std::optional<double> ratio() const;  ///< At most 1; unset where one task leaves nothing to gain.
  Moment saved() const;                 ///< Never less than nothing.
};

/// The steps of a lane that are its own work: without waiting for other tasks, a slot or the agent's first word.
std::vector<Span> own_work(const Lane& lane);

/// How long at least one of the spans was under way.
Moment covered(std::vector<Span> spans);

Efficiency efficiency(const std::vector<Lane>& lanes);

/// Of a run, at any time.
fanout::v1::RunMetrics metrics_of(const fanout::v1::Run& run);

/// Of all runs.
fanout::v1::TotalMetrics total_of(const std::vector<const fanout::v1::RunMetrics*>& runs);

/// The smallest value that at least `percent` of the values do not exceed; 0 of none.
std::uint32_t percentile(std::vector<std::uint32_t> values, unsigned percent);

}  // namespace fanout::domain
