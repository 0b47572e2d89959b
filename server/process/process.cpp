#include "server/process/process.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <csignal>

#include "common/error.hpp"
#include "server/async/async.hpp"
#include "server/process/line_splitter.hpp"
#include "server/process/spawn.hpp"

// How a program's end is told apart from the end of its output, and neither waits for the other for ever:
//
//   the leader     | its group               | its pipes               | what we do
//   ---------------|-------------------------|-------------------------|------------------------------------
//   runs           | -                       | read as they come       | wait: exit, deadline, cancellation
//   must end       | -                       | read as they come       | TERM to the group, grace, KILL
//   has ended      | may still run           | may still be open       | TERM to the group, read what comes
//   has ended      | killed                  | held by an escapee      | give up reading once nothing comes
//
// The leader is reaped last: until then its pid, and so the group's id, belongs to us.

namespace fanout::process {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kChunk = 64 << 10;
constexpr std::size_t kLinesAtOnce = 256;
constexpr milliseconds kAfterExit{1000};  // for the rest of the group to end by itself
constexpr milliseconds kIdleGiveUp{500};  // for an escapee that holds a pipe and says nothing

/// Reads one pipe to its end: first to the log, then to the listener.
class Pump {
 public:
  Pump(const async::Executor& executor, Stream stream, Descriptor pipe, std::shared_ptr<LogFile> log)
      : stream_(stream), pipe_(executor, pipe.release()), log_(std::move(log)) {}

  /// Cancellation while it waits for bytes ends it as if the pipe had ended.
  awaitable<void> run(async::WorkerPool& pool, const Listener& listener) {
    std::vector<char> buffer(kChunk);
    for (;;) {
      boost::system::error_code ended;
      idle_ = true;
      const auto size = co_await pipe_.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, ended));
      idle_ = false;
      if (ended) break;
      co_await pool.run([&](std::stop_token) { log_->append(buffer.data(), size); });
      bytes_ += size;
      co_await tell(listener, splitter_.feed({buffer.data(), size}));
    }
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await tell(listener, splitter_.finish());
  }

  bool idle() const { return idle_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  awaitable<void> tell(const Listener& listener, std::vector<Line> lines) {
    if (!listener.output) co_return;
    for (std::size_t first = 0; first < lines.size(); first += kLinesAtOnce) {
      const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(first);
      const auto end = lines.begin() + static_cast<std::ptrdiff_t>(std::min(first + kLinesAtOnce, lines.size()));
      co_await listener.output(stream_, {std::make_move_iterator(begin), std::make_move_iterator(end)});
    }
  }

  Stream stream_;
  asio::posix::stream_descriptor pipe_;
  std::shared_ptr<LogFile> log_;
  LineSplitter splitter_;
  std::uint64_t bytes_ = 0;
  bool idle_ = false;
};

/// One program under way.
class Running {
 public:
  Running(const async::Executor& executor, async::WorkerPool& pool, const Command& command, const Listener& listener)
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
    try {
      if (listener_.started) co_await listener_.started(pid_);
    } catch (...) {
      fail(std::current_exception());
    }
    for (auto& pump : pumps_) pumps_group_.spawn(run_pump(*pump));
    if (failure_ || !co_await has_exited_within(command_.timeout)) {
      cancelled_ = co_await is_cancelled();
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      exit_.timed_out = !cancelled_ && !failure_;
      co_await terminate();
    }
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await drain();
    reap();
    if (failure_) std::rethrow_exception(failure_);
    if (cancelled_) throw boost::system::system_error(asio::error::operation_aborted);
  }

  const Exit& exit() const { return exit_; }

 private:
  awaitable<void> start() {
    std::shared_ptr<LogFile> out, err;
    auto spawned = co_await pool_.run([&](std::stop_token) {
      out = std::make_shared<LogFile>(command_.stdout_log);
      err = command_.stderr_log == command_.stdout_log ? out : std::make_shared<LogFile>(command_.stderr_log);
      return spawn(command_);
    });
    began_ = std::chrono::steady_clock::now();
    pid_ = spawned.pid;
    exited_.assign(spawned.pidfd.release());
    add_pump(Stream::out, std::move(spawned.out), std::move(out));
    if (spawned.err.ok()) add_pump(Stream::err, std::move(spawned.err), std::move(err));
  }

  void add_pump(Stream stream, Descriptor pipe, std::shared_ptr<LogFile> log) {
    pumps_.push_back(std::make_unique<Pump>(exited_.get_executor(), stream, std::move(pipe), std::move(log)));
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
            exited_.async_wait(asio::posix::descriptor_base::wait_read, asio::deferred), timer.async_wait(asio::deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    co_return !exit_error;
  }

  awaitable<void> terminate() {
    kill(-pid_, SIGTERM);
    bool ended = co_await has_exited_within(command_.grace);
    if (!ended) kill(-pid_, SIGKILL);
    // Only a process stuck in the kernel outlives that for long; there is nothing else to be done.
    // (GCC 12 makes a trap of a loop that awaits in its condition.)
    while (!ended) ended = co_await has_exited_within(std::chrono::hours(1));
  }

  /// The leader has ended: lets the rest of its group end too, and reads what is left in the pipes.
  awaitable<void> drain() {
    kill(-pid_, SIGTERM);
    co_await pumps_end_within(kAfterExit);
    kill(-pid_, SIGKILL);
    while (pumping()) {
      co_await pumps_end_within(kIdleGiveUp);
      const bool silent = std::all_of(pumps_.begin(), pumps_.end(), [](const auto& pump) { return pump->idle(); });
      if (silent) pumps_group_.cancel();
    }
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
    exit_.duration = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began_);
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
  std::chrono::steady_clock::time_point began_;
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
