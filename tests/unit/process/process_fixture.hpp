#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "server/process/process.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::process {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using test::run_coroutine;
using test::TempDir;

inline Runner runner(async::WorkerPool& pool) { return {pool, FANOUT_SHIM}; }

/// A listener's answer: it wants more.
inline awaitable<bool> yes() { co_return true; }

/// What a program did, as a listener sees it.
struct Seen {
  int pid = 0;
  std::vector<std::string> out, err;
  Exit exit;
};

class ProcessTest : public testing::Test {
 protected:
  Command shell(const std::string& line) {
    Command command;
    command.argv = shell_command(line);
    command.directory = folder_.path();
    command.environment = {"PATH=/usr/bin:/bin"};
    command.folder = folder_ / ("run" + std::to_string(++programs_));
    command.stdout_log = folder_ / "out";
    command.stderr_log = folder_ / "err";
    command.timeout = 60s;
    command.grace = 200ms;
    return command;
  }

  /// `on_line` is told each line of standard output as it comes.
  Seen run_it(Command command, std::function<void(const std::string&, async::TaskGroup&)> on_line = {}) {
    Seen seen;
    run_coroutine(
        [&](asio::io_context& io) { return drive(io, std::move(command), seen, std::move(on_line)); });
    return seen;
  }

  awaitable<void> drive(asio::io_context& io, Command command, Seen& seen,
                        std::function<void(const std::string&, async::TaskGroup&)> on_line) {
    async::WorkerPool pool(2);
    async::TaskGroup group(io.get_executor());
    Listener listener;
    listener.started = [&](int pid) -> awaitable<void> {
      seen.pid = pid;
      return async::checkpoint();
    };
    listener.output = [&](Stream stream, std::vector<Line> lines) -> awaitable<bool> {
      for (auto& line : lines) {
        if (on_line && stream == Stream::out) on_line(line.text, group);
        (stream == Stream::out ? seen.out : seen.err).push_back(line.text);
      }
      return yes();
    };
    std::exception_ptr failed;
    group.spawn(keep_exit(pool, std::move(command), listener, seen, failed));
    co_await group.join();
    if (failed) std::rethrow_exception(failed);
  }

  /// The group says nothing of what it has cancelled.
  static awaitable<void> keep_exit(async::WorkerPool& pool, Command command, Listener listener, Seen& seen,
                                   std::exception_ptr& failed) {
    try {
      seen.exit = co_await run(runner(pool), std::move(command), listener);
    } catch (...) {
      failed = std::current_exception();
    }
  }

  TempDir folder_;
  int programs_ = 0;
};

inline awaitable<bool> pause_for(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
  co_return true;
}

/// Whether a process that was told to end does so within the time; true at once when it has.
inline bool ends_within(int pid, std::chrono::milliseconds time) {
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) return true;
  pollfd watched{descriptor, POLLIN, 0};
  const bool ended = poll(&watched, 1, static_cast<int>(time.count())) == 1;
  close(descriptor);
  return ended;
}

}  // namespace fanout::process
