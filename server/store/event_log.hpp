#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/async/async.hpp"
#include "server/async/worker_pool.hpp"
#include "server/store/damaged.hpp"
#include "server/store/database.hpp"

namespace fanout::store {

/// The event log: the one place where facts about runs are recorded and read.
///
/// An event is committed before append() returns and before any reader sees it. Events that are asked
/// for while a commit is under way share the next one (group commit). A reader is a cursor: it asks for
/// what comes after its sequence and waits on `changed`; so it can neither miss nor repeat, and a slow
/// one holds nothing up.
///
/// Lives on the I/O thread; the database on a thread of its own. Not thread-safe.
/// Lifetime: run() must be under way while others append; close() ends it.
class EventLog {
 public:
  using Clock = std::chrono::steady_clock;

  /// `notices`: what a person should know of how the database was found.
  EventLog(async::Executor executor, std::unique_ptr<Database> database, std::vector<std::string> notices = {});
  ~EventLog();

  /// `tell` is called once, on the I/O thread, when the database turns out to be damaged. From then on whoever appends
  /// waits, as with a full disk.
  void on_damage(std::function<void(const std::string& what)> tell) { tell_damage_ = std::move(tell); }

  /// Every event goes through it before it is recorded and told.
  void clean_with(std::function<void(fanout::v1::Event&)> clean) { clean_ = std::move(clean); }

  /// Writes what is appended until close(); spawn it once.
  async::awaitable<void> run();
  /// run() returns once everything appended so far is committed.
  void close();

  /// Records a new run; `first` is its RunStarted event.
  async::awaitable<void> create_run(fanout::internal::v1::RunSpec spec, fanout::v1::Event first);
  /// Takes up a run that is in the database, so that events can be appended to it.
  void open_run(fanout::v1::Run run);
  /// Lets go of a run that has ended; its events stay in the database.
  void release_run(const std::string& run_id);

  /// Records an event: sequence and times are filled in. Returns once it is committed.
  /// A full disk is waited for, until close(): nothing goes on meanwhile, and nothing is lost. So is the end of this
  /// process when the database is damaged: agents go on, and the next daemon takes them up.
  /// Failure: Error{system}; nothing was recorded then, and no number was used up.
  /// Cancellation: throws operation_aborted; the event is recorded all the same.
  async::awaitable<void> append(fanout::v1::Event event);
  /// The same of an event with which the run's spec becomes another: both are recorded, or neither.
  async::awaitable<void> append(fanout::v1::Event event, fanout::internal::v1::RunSpec spec);

  /// Records several of one run, in order and in one commit where that can be.
  async::awaitable<void> append_all(std::vector<fanout::v1::Event> events);

  /// Events after `sequence`, in order, as many as are good to send at once; empty when there are none.
  async::awaitable<std::vector<fanout::v1::Event>> read(std::string run_id, std::uint64_t after);
  /// Waits until there may be more than `sequence` of a run; for one that is not open, until some run is
  /// opened. It may return without there being more: read, then wait again.
  async::awaitable<void> wait_for_more(std::string run_id, std::uint64_t sequence);

  /// Whoever waits for more of a run looks again.
  void wake(const std::string& run_id);

  /// Why nothing can be recorded just now, as one sentence; empty: all is well. Whoever appends waits meanwhile.
  const std::string& trouble() const { return trouble_; }

  const std::vector<std::string>& notices() const { return notices_; }
  void add_notice(std::string text) { notices_.push_back(std::move(text)); }

  /// The folded state of an open run, or null.
  const fanout::v1::Run* open(const std::string& run_id) const;
  std::vector<std::string> open_runs() const;

  /// Runs `query(Database&)` on the database's thread.
  template <class F>
  auto query(F f) {
    return thread_.run([this, f = std::move(f)](std::stop_token) mutable {
      try {
        return f(*database_);
      } catch (const Damaged& error) {
        note_damage(error.what());
        throw;
      }
    });
  }

 private:
  struct Pending;
  struct OpenRun;

  using Batch = std::vector<std::shared_ptr<Pending>>;
  async::awaitable<void> append(std::shared_ptr<Pending> item);
  Batch number_pending();
  async::awaitable<void> commit(const Batch& batch);
  async::awaitable<void> commit_once_it_can_be(const Batch& batch);
  void tell_trouble(const std::string& trouble);
  void note_damage(std::string what);
  void publish(const Batch& batch);
  void fail(const Batch& batch, std::exception_ptr error);

  async::Executor executor_;
  std::unique_ptr<Database> database_;
  async::WorkerPool thread_{1};
  std::map<std::string, std::shared_ptr<OpenRun>> runs_;
  Batch pending_;
  async::Signal work_;
  async::Signal opened_;
  boost::asio::steady_timer room_;  ///< Until the next try on a full disk.
  std::string trouble_;
  std::vector<std::string> notices_;
  std::function<void(const std::string&)> tell_damage_;
  std::function<void(fanout::v1::Event&)> clean_;
  bool closed_ = false;
};

}  // namespace fanout::store
