#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/browse.hpp"
#include "client/connection.hpp"
#include "client/glance.hpp"
#include "client/keys.hpp"
#include "client/key_reader.hpp"
#include "client/plan_feed.hpp"
#include "client/presenter.hpp"
#include "client/render/plain.hpp"
#include "client/signals.hpp"

namespace fanout::client {

/// Follows a run to its end: folds its events, shows them, and does what signals ask for. The first
/// interrupt ends the watching and leaves the run alone; a second one soon after it cancels the run.
///
/// Failure: CallFailed when the daemon refuses, or stays away for too long after the connection broke.
/// Lifetimes: connection and presenter must outlive it.
class Watching {
 public:
  /// `run` is the state to begin with; the events after number `after` are shown.
  /// With `keys`, they select tasks, open logs, answer, retry, cancel and leave.
  /// With `feed`, which outlives it, tasks are brought into the run meanwhile; `revive` starts a daemon for them where
  /// none is left.
  Watching(Connection& daemon, Presenter& presenter, fanout::v1::Run run, std::uint64_t after, bool keys,
           PlanFeed* feed = nullptr, std::function<void()> revive = {});

  /// `call` is called when an agent asks something, and when the run ends.
  void on_call(std::function<void()> call) { call_ = std::move(call); }

  /// The exit code of the process.
  int to_the_end();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Next { go_on, stop };

  void open();
  void wait();
  Next take_news();
  void hear(const fanout::v1::AgentSpeech& speech);
  void lose(const CallFailed& failure);
  void try_again();
  Next handle(int signal);
  Next offer_cancel();
  Next wait_for_second_interrupt();
  void cancel();
  Next take_keys();
  Next grant(const Browse::Wish& wish);
  template <class Request>
  void ask(const Request& request);
  void take_tasks();
  std::string stop_feeding();
  int exit_code() const;
  void follow_log();
  void open_log();
  void take_log();
  Clock::time_point next_show() const;
  void show();

  Connection& daemon_;
  Presenter& presenter_;
  PlanFeed* feed_;
  std::function<void()> revive_;
  Signals signals_;
  Keys keys_;
  KeyReader reader_;
  Browse browse_;
  fanout::v1::Run run_;
  std::uint64_t seen_;
  std::unique_ptr<EventStream> stream_;  // null while the connection is lost
  Clock::time_point opened_{};
  std::unique_ptr<EventStream> log_stream_;  // of the task whose log is open; null: none is
  std::string log_task_;
  std::uint64_t log_seen_ = 0;
  std::optional<PlainLines> log_lines_;
  std::optional<Glance> glance_;  // where the run is drawn
  std::function<void()> call_;
  std::optional<CallFailed> lost_;  // the last loss, and when to give up
  Clock::time_point give_up_{};
  Clock::time_point shown_{};
  bool stale_ = true;       // more is known than is shown
  bool cancelled_ = false;  // the second interrupt came: the end is awaited without drawing
};

struct WatchOptions {
  std::optional<std::uint64_t> after;  ///< Unset: all events, except where only the present state is drawn.
  bool verbose = false;
  bool bell = false;  ///< Rung on a terminal when an agent asks something, and at the end.
  PlanFeed* feed = nullptr;  ///< Brings tasks into it meanwhile.
};

/// Shows `run` until its end, in the way that fits standard output; the exit code.
int watch_run(Session& session, fanout::v1::Run run, const WatchOptions& options);

}  // namespace fanout::client
