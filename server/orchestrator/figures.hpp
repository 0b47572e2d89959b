#pragma once

#include <map>
#include <string>
#include <vector>

#include "fanout/v1/metrics.pb.h"
#include "server/store/event_log.hpp"

namespace fanout::orchestrator {

using async::awaitable;

/// The figures of all runs ever recorded. Those of runs that have ended are kept, so that telling all of them costs
/// little. Lives on the I/O thread. Not thread-safe. Lifetime: the log outlives it.
class Figures {
 public:
  explicit Figures(store::EventLog& log) : log_(log) {}

  /// Newest first. Failure: Error{system}.
  awaitable<std::vector<fanout::v1::RunMetrics>> all();
  /// Of one run, whose id is whole. Failure: Error{not_found or system}.
  awaitable<fanout::v1::RunMetrics> of(std::string run_id);

  /// What is kept of it holds no longer: it has ended, perhaps again.
  void forget(const std::string& run_id) { ended_.erase(run_id); }

 private:
  store::EventLog& log_;
  std::map<std::string, fanout::v1::RunMetrics> ended_;
};

}  // namespace fanout::orchestrator
