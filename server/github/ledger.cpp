#include "server/github/ledger.hpp"

#include "common/crash_point.hpp"

#include <algorithm>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

namespace fanout::github {

/// What is known of one key: its work, or that it is being looked for.
struct Ledger::Entry {
  explicit Entry(const async::Executor& executor) : signal(executor) {}
  WorkPtr work;
  bool loading = false;
  async::Signal signal;
};

/// Steps that go to the disk together.
struct Ledger::Batch {
  std::vector<Step> steps;
  bool done = false;
  std::exception_ptr error;
};

std::string new_uuid() {
  static thread_local boost::uuids::random_generator generate;
  return boost::uuids::to_string(generate());
}

Ledger::Ledger(async::Executor executor, OutboxStore& store)
    : executor_(executor), store_(store), pending_(std::make_shared<Batch>()), written_(executor) {}

awaitable<WorkPtr> Ledger::load(Key key, std::optional<Step> wanted) {
  auto step = co_await thread_.run([this, &key](std::stop_token) {
    return store_.find(std::get<0>(key), std::get<1>(key), std::get<2>(key));
  });
  if (!step && !wanted) co_return nullptr;
  if (!step) {
    step = std::move(wanted);
    std::vector<Step> one = {*step};
    co_await write(std::move(one));
  }
  co_return std::make_shared<Work>(executor_, std::move(*step));
}

awaitable<WorkPtr> Ledger::look_up(Key key, std::optional<Step> wanted) {
  auto& place = entries_[key];
  if (!place) place = std::make_shared<Entry>(executor_);
  const auto entry = place;
  while (entry->loading) co_await entry->signal.wait();
  if (entry->work) co_return entry->work;
  entry->loading = true;
  std::exception_ptr error;
  try {
    entry->work = co_await load(key, std::move(wanted));
  } catch (...) {
    error = std::current_exception();
  }
  entry->loading = false;
  entry->signal.notify();
  if (error) std::rethrow_exception(error);
  co_return entry->work;
}

awaitable<WorkPtr> Ledger::find(std::string run, std::string task, StepKind kind) {
  Key key(std::move(run), std::move(task), kind);
  co_return co_await look_up(std::move(key), std::nullopt);
}

awaitable<WorkPtr> Ledger::find_or_record(Step wanted) {
  Key key(wanted.run, wanted.task, wanted.kind);
  co_return co_await look_up(std::move(key), std::move(wanted));
}

awaitable<void> Ledger::none_updating(const std::vector<WorkPtr>& works) {
  for (;;) {
    const auto busy = std::find_if(works.begin(), works.end(), [](const WorkPtr& work) { return work->updating; });
    if (busy == works.end()) co_return;
    co_await (*busy)->changed.wait();
  }
}

awaitable<void> Ledger::update(std::vector<WorkPtr> works, std::function<void(Step&)> change) {
  co_await none_updating(works);
  std::vector<Step> steps;
  for (const auto& work : works) {
    work->updating = true;
    change(steps.emplace_back(work->step));
  }
  std::exception_ptr error;
  try {
    co_await write(std::move(steps));
  } catch (...) {
    error = std::current_exception();
  }
  for (const auto& work : works) {
    work->updating = false;
    if (!error) change(work->step);
    work->changed.notify();
  }
  if (error) std::rethrow_exception(error);
}

/// Whoever finds nobody writing writes what all others have handed in meanwhile too.
awaitable<void> Ledger::write(std::vector<Step> steps) {
  const auto batch = pending_;
  batch->steps.insert(batch->steps.end(), steps.begin(), steps.end());
  while (!batch->done) {
    if (writing_) {
      co_await written_.wait();
    } else {
      co_await write_pending();
    }
  }
  if (batch->error) std::rethrow_exception(batch->error);
}

awaitable<void> Ledger::write_pending() {
  const auto batch = std::exchange(pending_, std::make_shared<Batch>());
  writing_ = true;
  bool begun = false;
  std::exception_ptr error, aborted;
  try {
    co_await thread_.run([&](std::stop_token) {
      begun = true;
      try {
        crash_point("outbox.before-write");
        store_.put(batch->steps);
        crash_point("outbox.written");
      } catch (...) {
        error = std::current_exception();
      }
    });
  } catch (...) {
    aborted = std::current_exception();
  }
  writing_ = false;
  if (begun) {
    batch->done = true;
    batch->error = error;
  } else {
    pending_ = batch;  // Cancelled before it began, so nobody has handed in anything since.
  }
  written_.notify();
  if (aborted) std::rethrow_exception(aborted);
}

awaitable<void> Ledger::settled(WorkPtr work) {
  while (work->step.state == StepState::open) co_await work->changed.wait();
}

awaitable<std::vector<WorkPtr>> Ledger::open(std::string run) {
  const auto steps = co_await thread_.run([this, &run](std::stop_token) { return store_.open(run); });
  std::vector<WorkPtr> works;
  for (const auto& step : steps) {
    auto& place = entries_[Key(step.run, step.task, step.kind)];
    if (!place) place = std::make_shared<Entry>(executor_);
    const auto entry = place;
    while (entry->loading) co_await entry->signal.wait();
    if (!entry->work) entry->work = std::make_shared<Work>(executor_, step);
    works.push_back(entry->work);
  }
  co_return works;
}

void Ledger::forget(const std::string& run) {
  const auto is_at_rest = [](const Work& work) {
    return work.step.state != StepState::open && work.step.sweep_at == Time{} && !work.active && !work.updating;
  };
  std::erase_if(entries_, [&](const auto& item) {
    const auto& [key, entry] = item;
    return std::get<0>(key) == run && !entry->loading && (!entry->work || is_at_rest(*entry->work));
  });
}

awaitable<void> Ledger::load_gaps() {
  auto gaps = co_await thread_.run([this](std::stop_token) { return store_.gaps(); });
  gaps_ = std::move(gaps);
}

awaitable<void> Ledger::find_gap(std::string run, Time began) {
  co_await thread_.run([this, &run, &began](std::stop_token) { store_.find_gap(run, began); });
  co_await load_gaps();
}

std::optional<Time> Ledger::gap_of(const std::string& run) const {
  const auto found = gaps_.find(run);
  return found == gaps_.end() ? std::nullopt : std::optional(found->second);
}

awaitable<std::string> Ledger::limiter(std::string key) {
  co_return co_await thread_.run([this, &key](std::stop_token) { return store_.limiter(key); });
}

awaitable<void> Ledger::save_limiter(std::string key, std::string state) {
  co_await thread_.run([this, &key, &state](std::stop_token) { store_.save_limiter(key, state); });
}

ApiError failure_of(const Step& step) { return ApiError(static_cast<Failure>(step.failure), step.reason); }

}  // namespace fanout::github
