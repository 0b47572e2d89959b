#include "server/store/event_log.hpp"

#include <google/protobuf/util/time_util.h>
#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>

#include "common/crash_point.hpp"
#include "common/error.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::store {

namespace v1 = fanout::v1;
using async::awaitable;
using google::protobuf::util::TimeUtil;

namespace {

/// The wall clock. (protobuf's own GetCurrentTime knows whole seconds only.)
google::protobuf::Timestamp wall_clock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return TimeUtil::MicrosecondsToTimestamp(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

/// How long ago the run started: by the wall clock, since the monotonic one knows nothing of an earlier daemon; but
/// never less than its last event said.
std::chrono::microseconds age_of(const v1::Run& run) {
  const auto known = TimeUtil::DurationToMicroseconds(run.elapsed());
  if (!run.has_started_at()) return std::chrono::microseconds(known);
  return std::chrono::microseconds(std::max(known, TimeUtil::DurationToMicroseconds(wall_clock() - run.started_at())));
}

constexpr std::chrono::milliseconds kRoomRetry{500};  // a full disk tells nobody when it has room again
constexpr std::size_t kReadLimit = 512;    // events in one read
constexpr std::size_t kTailEvents = 1024;  // newest events kept in memory for those who follow live

}  // namespace

/// An event on its way to the database. Shared: whoever appends may be cancelled meanwhile.
struct EventLog::Pending {
  explicit Pending(const async::Executor& executor, v1::Event e) : event(std::move(e)), signal(executor) {}
  v1::Event event;
  std::optional<fanout::internal::v1::RunSpec> spec = {};  ///< As it is from this event on.
  Clock::time_point happened = Clock::now();  ///< A commit that is under way may keep it waiting.
  async::Signal signal;
  bool done = false;
  std::exception_ptr error;
};

/// A run that events are appended to.
struct EventLog::OpenRun {
  OpenRun(const async::Executor& executor, v1::Run r)
      : run(std::move(r)), next(run.last_sequence() + 1), changed(executor), started(Clock::now() - age_of(run)) {}
  v1::Run run;
  std::uint64_t next;
  async::Signal changed;
  Clock::time_point started;
  std::deque<v1::Event> tail;
  std::size_t unrecorded = 0;  ///< Events on their way; they outlive whoever appended them, and so must this.
  bool released = false;

  bool may_go() const { return released && unrecorded == 0; }
};

EventLog::EventLog(async::Executor executor, std::unique_ptr<Database> database, std::vector<std::string> notices)
    : executor_(executor), database_(std::move(database)), work_(executor), opened_(executor), room_(executor),
      notices_(std::move(notices)) {}

EventLog::~EventLog() = default;

awaitable<void> EventLog::run() {
  while (!closed_ || !pending_.empty()) {
    if (pending_.empty()) {
      co_await work_.wait();
      continue;
    }
    const auto batch = number_pending();
    std::exception_ptr error;
    try {
      co_await commit_once_it_can_be(batch);
    } catch (...) {
      error = std::current_exception();
    }
    if (error) {
      fail(batch, error);
    } else {
      publish(batch);
    }
    for (const auto& item : batch) {
      auto& open = *runs_.at(item->event.run_id());
      --open.unrecorded;
      if (open.may_go()) release_run(item->event.run_id());
    }
  }
}

awaitable<void> EventLog::commit_once_it_can_be(const Batch& batch) {
  for (;;) {
    std::string trouble;
    try {
      co_await commit(batch);
    } catch (const DiskFull& error) {
      trouble = error.what();
    } catch (const Damaged& error) {
      trouble = error.what();
    }
    if (!trouble.empty() && closed_) throw Error(ErrorKind::system, trouble);
    tell_trouble(trouble);
    if (trouble.empty()) co_return;
    boost::system::error_code ended;
    room_.expires_after(kRoomRetry);
    co_await room_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ended));
  }
}

void EventLog::tell_trouble(const std::string& trouble) {
  if (trouble == trouble_) return;
  if (trouble.empty()) spdlog::info("events can be recorded again");
  else spdlog::error("{}; everything waits for it", trouble);
  trouble_ = trouble;
}

/// On the database's thread.
void EventLog::note_damage(std::string what) {
  boost::asio::post(executor_, [this, what = std::move(what)] {
    if (auto tell = std::exchange(tell_damage_, {})) tell(what);
  });
}

awaitable<void> EventLog::commit(const Batch& batch) {
  std::vector<const v1::Event*> events;
  std::vector<const fanout::internal::v1::RunSpec*> specs;
  std::map<std::string, v1::Run> snapshots;
  for (const auto& item : batch) {
    events.push_back(&item->event);
    if (item->spec) specs.push_back(&*item->spec);
    // Whether a run has ended, and how, is written in the same transaction as the event that says so.
    if (item->event.has_run_ended() || item->event.has_retry_requested()) {
      snapshots.try_emplace(item->event.run_id(), runs_.at(item->event.run_id())->run);
    }
  }
  for (const auto& item : batch) {
    if (const auto found = snapshots.find(item->event.run_id()); found != snapshots.end()) {
      domain::apply(found->second, item->event);
    }
  }
  std::vector<const v1::Run*> runs;
  for (const auto& [id, run] : snapshots) runs.push_back(&run);
  crash_point("log.before-commit");
  co_await query([&](Database& database) { database.append(events, runs, specs); });
  crash_point("log.after-commit");
}

void EventLog::close() {
  closed_ = true;
  work_.notify();
  room_.cancel();
}

awaitable<void> EventLog::create_run(fanout::internal::v1::RunSpec spec, v1::Event first) {
  const auto id = spec.run_id();
  if (clean_) clean_(first);
  first.set_run_id(id);
  first.set_sequence(1);
  *first.mutable_time() = wall_clock();
  *first.mutable_run_started()->mutable_run()->mutable_started_at() = first.time();
  crash_point("run.before-create");
  co_await query([&](Database& database) { database.create_run(spec, first); });
  crash_point("run.created");
  v1::Run run;
  domain::apply(run, first);
  auto open = std::make_shared<OpenRun>(executor_, std::move(run));
  open->tail.push_back(std::move(first));
  runs_.emplace(id, std::move(open));
  opened_.notify();
}

void EventLog::open_run(v1::Run run) {
  const auto id = run.id();
  const auto open = runs_.try_emplace(id, std::make_shared<OpenRun>(executor_, std::move(run))).first->second;
  open->released = false;
  opened_.notify();
}

void EventLog::release_run(const std::string& run_id) {
  const auto found = runs_.find(run_id);
  if (found == runs_.end()) return;
  const auto run = found->second;  // readers that wait on it are woken before it goes
  run->released = true;
  if (run->may_go()) runs_.erase(found);
  run->changed.notify();
}

awaitable<void> EventLog::append(v1::Event event) {
  return append(std::make_shared<Pending>(executor_, std::move(event)));
}

awaitable<void> EventLog::append(v1::Event event, fanout::internal::v1::RunSpec spec) {
  auto item = std::make_shared<Pending>(executor_, std::move(event));
  item->spec = std::move(spec);
  return append(std::move(item));
}

awaitable<void> EventLog::append(std::shared_ptr<Pending> item) {
  if (closed_) throw Error(ErrorKind::unavailable, "the daemon is stopping");
  const auto run = runs_.find(item->event.run_id());
  if (run == runs_.end()) throw Error(ErrorKind::precondition, "run " + item->event.run_id() + " is over");
  if (clean_) clean_(item->event);
  ++run->second->unrecorded;
  item->happened = Clock::now();
  pending_.push_back(item);
  work_.notify();
  while (!item->done) co_await item->signal.wait();
  if (item->error) std::rethrow_exception(item->error);
}

awaitable<void> EventLog::append_all(std::vector<v1::Event> events) {
  if (closed_) throw Error(ErrorKind::unavailable, "the daemon is stopping");
  Batch items;
  for (const auto& event : events) {
    if (!runs_.contains(event.run_id())) throw Error(ErrorKind::precondition, "run " + event.run_id() + " is over");
  }
  for (auto& event : events) {
    if (clean_) clean_(event);
    ++runs_.at(event.run_id())->unrecorded;
    items.push_back(std::make_shared<Pending>(executor_, std::move(event)));
  }
  pending_.insert(pending_.end(), items.begin(), items.end());
  work_.notify();
  for (const auto& item : items) {
    while (!item->done) co_await item->signal.wait();
    if (item->error) std::rethrow_exception(item->error);
  }
}

EventLog::Batch EventLog::number_pending() {
  auto batch = std::exchange(pending_, {});
  const auto now = wall_clock();
  for (const auto& item : batch) {
    auto& run = *runs_.at(item->event.run_id());
    item->event.set_sequence(run.next++);
    *item->event.mutable_time() = now;
    const auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(item->happened - run.started);
    *item->event.mutable_elapsed() = TimeUtil::MicrosecondsToDuration(elapsed.count());
  }
  return batch;
}

void EventLog::publish(const Batch& batch) {
  for (const auto& item : batch) {
    auto& open = *runs_.at(item->event.run_id());
    domain::apply(open.run, item->event);
    open.tail.push_back(item->event);
    if (open.tail.size() > kTailEvents) open.tail.pop_front();
    open.changed.notify();
    item->done = true;
    item->signal.notify();
  }
}

void EventLog::fail(const Batch& batch, std::exception_ptr error) {
  for (const auto& item : batch) {
    auto& open = *runs_.at(item->event.run_id());
    open.next = open.run.last_sequence() + 1;
    item->done = true;
    item->error = error;
    item->signal.notify();
  }
}

awaitable<std::vector<v1::Event>> EventLog::read(std::string run_id, std::uint64_t after) {
  if (const auto found = runs_.find(run_id); found != runs_.end()) {
    const auto& tail = found->second->tail;
    if (found->second->run.last_sequence() <= after) co_return std::vector<v1::Event>{};
    if (!tail.empty() && tail.front().sequence() <= after + 1) {
      const auto first = tail.begin() + static_cast<std::ptrdiff_t>(after + 1 - tail.front().sequence());
      const auto count = std::min<std::ptrdiff_t>(tail.end() - first, kReadLimit);
      co_return std::vector<v1::Event>(first, first + count);
    }
  }
  co_return co_await query([&](Database& database) { return database.events(run_id, after, kReadLimit); });
}

awaitable<void> EventLog::wait_for_more(std::string run_id, std::uint64_t sequence) {
  const auto found = runs_.find(run_id);
  if (found == runs_.end()) {
    co_await opened_.wait();
    co_return;
  }
  const auto run = found->second;  // it may be released while we wait
  if (run->run.last_sequence() > sequence) co_return;
  co_await run->changed.wait();
}

void EventLog::wake(const std::string& run_id) {
  if (const auto found = runs_.find(run_id); found != runs_.end()) found->second->changed.notify();
}

const v1::Run* EventLog::open(const std::string& run_id) const {
  const auto found = runs_.find(run_id);
  return found == runs_.end() ? nullptr : &found->second->run;
}

std::vector<std::string> EventLog::open_runs() const {
  std::vector<std::string> ids;
  for (const auto& [id, run] : runs_) ids.push_back(id);
  return ids;
}

}  // namespace fanout::store
