#include "server/process/process.hpp"

#include <sys/wait.h>

#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <csignal>

#include "common/error.hpp"
#include "server/async/async.hpp"
#include "server/process/pump.hpp"
#include "server/process/session.hpp"
#include "server/process/spawn.hpp"

// How a program's end is told apart from the end of its output, and neither waits for the other for ever:
//
//   the leader     | its group               | its pipes               | what we do
//   ---------------|-------------------------|-------------------------|------------------------------------
//   runs           | -                       | read as they come       | wait: exit, deadline, cancellation
//   must end       | -                       | read as they come       | TERM to the group, grace, KILL
//   has ended      | may still run           | may still be open       | a moment, TERM to its session, KILL
//   has ended      | killed                  | held by an escapee      | a moment, then only what is in them
//
// The leader is reaped last: until then its pid, and so the ids of its group and session, belong to us.

namespace fanout::process {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

using Clock = std::chrono::steady_clock;

constexpr milliseconds kMoment{500};        // for a helper that is just finishing the output
constexpr milliseconds kRestGrace{1000};    // for what is left behind to end when asked
constexpr milliseconds kLookAgain{20};      // no descriptor tells of the end of processes that are not ours
constexpr milliseconds kEscapeeWait{1000};  // for an escapee that holds a pipe
constexpr int kSweeps = 5;                  // against what is started while it is being ended

/// One program under way.
class Running {
 public:
  Running(const async::Executor& executor, async::WorkerPool& pool, const Command& command,
          const Listener& listener)
      : pool_(pool),
        command_(command),
        listener_(listener),
        exited_(executor),
        pump_ended_(executor),
        pumps_group_(executor) {}

  /// A coroutine of its own, so that switching cancellation off here concerns nobody else.
  awaitable<void> run() {
    // From here to reap() nothing may be skipped: cancellation is looked at, and never thrown at us.
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await start();
    co_await tell_start();
    for (auto& pump : pumps_) pumps_group_.spawn(run_pump(*pump));
    if (failure_ || !co_await has_exited_within(command_.timeout)) {
      cancelled_ = co_await is_cancelled();
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      exit_.timed_out = !cancelled_ && !failure_;
      co_await terminate();
    }
    exit_.duration = std::chrono::duration_cast<milliseconds>(Clock::now() - began_);
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await end_the_rest();
    co_await drain();
    reap();
    if (failure_) std::rethrow_exception(failure_);
    if (cancelled_) throw boost::system::system_error(asio::error::operation_aborted);
  }

  const Exit& exit() const { return exit_; }

 private:
  awaitable<void> start() {
    std::shared_ptr<LogFile> out, err;
    auto spawned = co_await pool_.run([&](std::stop_token stop) {
      out = std::make_shared<LogFile>(command_.stdout_log);
      err = command_.stderr_log == command_.stdout_log ? out : std::make_shared<LogFile>(command_.stderr_log);
      if (stop.stop_requested()) throw boost::system::system_error(asio::error::operation_aborted);
      return spawn(command_);
    });
    began_ = Clock::now();
    pid_ = spawned.pid;
    exited_.assign(spawned.pidfd.release());
    add_pump(Stream::out, std::move(spawned.out), std::move(out));
    if (spawned.err.ok()) add_pump(Stream::err, std::move(spawned.err), std::move(err));
  }

  void add_pump(Stream stream, Descriptor pipe, std::shared_ptr<LogFile> log) {
    pumps_.push_back(std::make_unique<Pump>(exited_.get_executor(), stream, std::move(pipe), std::move(log)));
  }

  awaitable<void> tell_start() {
    std::exception_ptr error;
    try {
      if (listener_.started) co_await listener_.started(pid_);
    } catch (...) {
      error = std::current_exception();
    }
    const bool cancelled = co_await is_cancelled();
    if (error && !cancelled) fail(error);  // a cancellation has its own way to the end, with a grace
  }

  static awaitable<bool> is_cancelled() {
    co_return (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none;
  }

  /// False after the time, or when we are cancelled.
  awaitable<bool> has_exited_within(milliseconds time) {
    if (co_await is_cancelled()) co_return false;
    asio::steady_timer timer(exited_.get_executor(), time);
    const auto [order, exit_error, timer_error] =
        co_await asio::experimental::make_parallel_group(
            exited_.async_wait(asio::posix::descriptor_base::wait_read, asio::deferred),
            timer.async_wait(asio::deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    co_return !exit_error;
  }

  /// The group in one call, so that none of it slips through by forking; then the other groups.
  awaitable<void> signal_all(int signal) {
    kill(-pid_, signal);
    co_await pool_.run([&](std::stop_token) { signal_other_groups(pid_, signal); });
  }

  awaitable<void> terminate() {
    rest_deadline_ = Clock::now() + command_.grace;  // one for all: often the leader is but a shell
    co_await signal_all(SIGTERM);
    bool ended = co_await has_exited_within(command_.grace);
    if (!ended) co_await signal_all(SIGKILL);
    // Only a process stuck in the kernel outlives that for long; there is nothing else to be done.
    // (GCC 12 makes a trap of a loop that awaits in its condition.)
    while (!ended) ended = co_await has_exited_within(std::chrono::hours(1));
  }

  /// The leader has ended: so must what it started.
  awaitable<void> end_the_rest() {
    bool ended = false;
    if (!rest_deadline_) {
      ended = co_await rest_ends_by(Clock::now() + kMoment);
      if (ended) co_return;
      rest_deadline_ = Clock::now() + kRestGrace;
      co_await signal_all(SIGTERM);
    }
    ended = co_await rest_ends_by(*rest_deadline_);
    for (int sweep = 0; !ended && sweep < kSweeps; ++sweep) {
      co_await signal_all(SIGKILL);
      ended = co_await rest_ends_by(Clock::now() + kLookAgain);
    }
  }

  awaitable<bool> rest_ends_by(Clock::time_point deadline) {
    for (;;) {
      const auto left = co_await pool_.run([&](std::stop_token) { return count_in_session(pid_); });
      if (left == 0 || Clock::now() >= deadline) co_return left == 0;
      asio::steady_timer pause(exited_.get_executor(), kLookAgain);
      co_await pause.async_wait(asio::use_awaitable);
    }
  }

  /// Nobody within our reach writes any more.
  awaitable<void> drain() {
    co_await pumps_end_within(kEscapeeWait);
    for (auto& pump : pumps_) pump->finish_with_what_is_there();
    co_await pumps_group_.join();
  }

  awaitable<void> pumps_end_within(milliseconds time) {
    asio::steady_timer timer(exited_.get_executor(), time);
    bool late = false;
    timer.async_wait([&](boost::system::error_code error) {
      late = true;
      if (!error) pump_ended_.notify();
    });
    while (pumping() && !late) co_await pump_ended_.wait();
    timer.cancel();
    while (!late) co_await asio::post(exited_.get_executor(), asio::use_awaitable);
  }

  bool pumping() const { return ended_pumps_ < pumps_.size(); }

  awaitable<void> run_pump(Pump& pump) {
    try {
      co_await pump.run(pool_, listener_);
    } catch (...) {
      fail(std::current_exception());
    }
    ++ended_pumps_;
    pump_ended_.notify();
  }

  /// What we cannot record must not go on.
  void fail(std::exception_ptr error) {
    if (!failure_) failure_ = error;
    kill(-pid_, SIGKILL);
  }

  void reap() {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) == 0) {
      if (info.si_code == CLD_EXITED) {
        exit_.code = info.si_status;
      } else {
        exit_.signal = info.si_status;
      }
    }
    exit_.stdout_bytes = pumps_.front()->bytes();
    exit_.stderr_bytes = pumps_.size() > 1 ? pumps_.back()->bytes() : 0;
  }

  async::WorkerPool& pool_;
  const Command& command_;
  const Listener& listener_;
  pid_t pid_ = -1;
  asio::posix::stream_descriptor exited_;
  std::vector<std::unique_ptr<Pump>> pumps_;
  async::Signal pump_ended_;
  async::TaskGroup pumps_group_;
  std::size_t ended_pumps_ = 0;
  Clock::time_point began_;
  std::optional<Clock::time_point> rest_deadline_;  ///< Set once all have been asked to end.
  std::exception_ptr failure_;
  Exit exit_;
  bool cancelled_ = false;
};

}  // namespace

awaitable<Exit> run(async::WorkerPool& pool, Command command, Listener listener) {
  const auto executor = co_await asio::this_coro::executor;
  co_await async::checkpoint();  // from here to join() nothing may throw: the program must be awaited
  Running running(executor, pool, command, listener);
  async::TaskGroup group(executor);
  group.spawn(running.run());
  co_await group.join();
  co_return running.exit();
}

std::vector<std::string> shell_command(const std::string& line) { return {"/bin/sh", "-c", line}; }

}  // namespace fanout::process
