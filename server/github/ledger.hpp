#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "server/async/async.hpp"
#include "server/async/worker_pool.hpp"
#include "server/github/failure.hpp"
#include "server/github/marker.hpp"
#include "server/github/outbox_store.hpp"

namespace fanout::github {

using async::awaitable;

/// A step in memory, shared by who waits for it and who works on it.
struct Work {
  Work(const async::Executor& executor, Step s) : step(std::move(s)), changed(executor) {}
  Step step;
  async::Signal changed;       ///< Something about the step.
  bool active = false;         ///< Somebody works on it.
  bool updating = false;       ///< A change of it is on its way to the disk.

  Marker marker() const { return {step.run, step.task, step.uuid}; }
};
using WorkPtr = std::shared_ptr<Work>;

/// The outbox in memory: every step that was touched since the start, each known once, and its way to the
/// disk. What is saved at the same time goes in one transaction. Lives on the I/O thread.
/// Lifetime: outlives its calls; the store outlives it.
class Ledger {
 public:
  Ledger(async::Executor executor, OutboxStore& store);

  /// The step of this task and kind; null when there never was one.
  /// Throws Error{system}; operation_aborted when cancelled.
  awaitable<WorkPtr> find(std::string run, std::string task, StepKind kind);
  /// The same; where there is none, `wanted` is recorded.
  awaitable<WorkPtr> find_or_record(Step wanted);
  /// Changes steps by `change`: first on the disk, then in memory, then whoever waits for them is told.
  /// Changes of one step come one after the other. Throws Error{system}: nothing was changed then.
  awaitable<void> update(std::vector<WorkPtr> works, std::function<void(Step&)> change);
  /// Waits until it is no longer open.
  awaitable<void> settled(WorkPtr work);
  /// All that is open or to be swept, by the disk.
  awaitable<std::vector<WorkPtr>> open(std::string run);
  /// Lets go of a run's steps in memory, those that are settled and need no sweep.
  void forget(const std::string& run);

  /// See OutboxStore. Loads them, as far as they are on the disk.
  awaitable<void> load_gaps();
  /// The run began before this process: what is not known of it may have been lost.
  awaitable<void> find_gap(std::string run, Time began);
  /// Since when the run may have asked for what there is no step of; empty: it has not.
  std::optional<Time> gap_of(const std::string& run) const;

  awaitable<std::string> limiter(std::string key);
  awaitable<void> save_limiter(std::string key, std::string state);

 private:
  using Key = std::tuple<std::string, std::string, StepKind>;
  struct Entry;
  struct Batch;
  awaitable<WorkPtr> look_up(Key key, std::optional<Step> wanted);
  awaitable<WorkPtr> load(Key key, std::optional<Step> wanted);
  awaitable<void> write(std::vector<Step> steps);
  awaitable<void> none_updating(const std::vector<WorkPtr>& works);
  awaitable<void> write_pending();

  async::Executor executor_;
  OutboxStore& store_;
  async::WorkerPool thread_{1};
  std::map<Key, std::shared_ptr<Entry>> entries_;
  std::map<std::string, Time> gaps_;
  std::shared_ptr<Batch> pending_;
  bool writing_ = false;
  async::Signal written_;
};

std::string new_uuid();

/// The failure that a failed step ended with.
ApiError failure_of(const Step& step);

}  // namespace fanout::github
