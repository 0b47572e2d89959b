#pragma once

#include <chrono>
#include <set>
#include <string>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/event.pb.h"
#include "server/async/async.hpp"
#include "server/store/event_log.hpp"

namespace fanout::subagent {

/// What is used of the budgets of tasks, runs and the day, and what is to be said of it. The day's sum is kept in the
/// store, so that a daemon that is started anew counts on. Lives on the I/O thread. Not thread-safe.
class Treasury {
 public:
  explicit Treasury(store::EventLog& log) : log_(log) {}

  /// What the daemon before this one had counted of the day; before anything else.
  async::awaitable<void> load();

  /// Looks at what the run, which is open in the log, has used by now, and tells what is new of it in events. Returns why
  /// the task may use no more; empty: it may.
  async::awaitable<std::string> look(const fanout::internal::v1::RunSpec& spec,
                                     const fanout::internal::v1::TaskSpec& task);

 private:
  async::awaitable<void> save();
  async::awaitable<void> tell(fanout::v1::Event event);

  store::EventLog& log_;
  fanout::internal::v1::DaySpending day_, saved_;
  std::chrono::steady_clock::time_point save_due_{};
  std::set<std::string> telling_;  ///< What is being recorded, so that it is told once.
};

}  // namespace fanout::subagent
