// What a program leaves behind when it ends, and what becomes of it.
#include <future>
#include <set>

#include "common/error.hpp"
#include "tests/unit/process/process_fixture.hpp"

namespace fanout::process {
namespace {

using test::read_file;
using testing::ElementsAre;

/// Ended at the test's end, whatever the test found.
struct LeftOver {
  int pid;
  explicit LeftOver(const std::string& line) : pid(std::stoi(line)) {}
  ~LeftOver() { kill(pid, SIGKILL); }
};

TEST_F(ProcessTest, WhoTakesAnotherSessionAndHoldsOneStreamOfTwoDoesNotHoldUs) {
  const auto seen =
      run_it(shell("setsid sh -c 'echo $$ >&2; exec >/dev/null sleep 1000' & "
                   "until [ -s err ]; do sleep 0.05; done"));
  ASSERT_EQ(seen.err.size(), 1u);
  const LeftOver escapee(seen.err[0]);
  EXPECT_EQ(seen.exit.code, 0);
}

TEST_F(ProcessTest, WhoTakesAnotherSessionAndWritesForEverDoesNotHoldUs) {
  auto command = shell("setsid sh -c 'echo $$ >&2; exec yes' & until [ -s err ]; do sleep 0.05; done");
  command.max_output = 100'000;
  const auto seen = run_it(command);
  ASSERT_EQ(seen.err.size(), 1u);
  const LeftOver escapee(seen.err[0]);
  EXPECT_EQ(seen.exit.code, 0);
  EXPECT_EQ(seen.exit.stdout_bytes, std::filesystem::file_size(folder_ / "out"));
}

TEST_F(ProcessTest, WhatItHadWrittenBeforeTheEndIsKept) {
  const auto seen =
      run_it(shell("setsid sh -c 'echo $$; echo kept; printf partial; exec sleep "
                   "1000' & until grep -q partial out; do sleep 0.05; done"));
  ASSERT_EQ(seen.out.size(), 3u);
  const LeftOver escapee(seen.out[0]);
  EXPECT_EQ(seen.out[1], "kept");
  EXPECT_EQ(seen.out[2], "partial");
}

TEST_F(ProcessTest, WhatIsLeftBehindMayTidyUpEvenWhenItHoldsNoPipe) {
  run_it(
      shell("sh -c 'trap \"echo tidy > tidied; exit\" TERM; echo "
            "> ready; while :; do sleep 0.05; done' "
            ">/dev/null 2>&1 & until [ -e ready ]; do sleep 0.05; done"));
  EXPECT_EQ(read_file(folder_ / "tidied"), "tidy\n");
}

TEST_F(ProcessTest, AHelperThatIsJustFinishingTheOutputIsLetFinish) {
  auto command = shell("");
  command.argv = {"bash", "-c",
                  "exec > >(while read -r line; do echo \"seen "
                  "$line\"; done); echo one"};
  EXPECT_THAT(run_it(command).out, ElementsAre("seen one"));
}

TEST_F(ProcessTest, AJobInAGroupOfItsOwnBelongsToTheSessionAndIsEnded) {
  auto command = shell("");
  command.argv = {"bash", "-c",
                  "set -m; sh -c 'trap \"\" TERM; echo $$; exec sleep 1000' "
                  ">pid 2>/dev/null & until [ -s pid ]; do sleep 0.05; done"};
  const auto seen = run_it(command);
  EXPECT_EQ(seen.exit.code, 0);
  const LeftOver job(read_file(folder_ / "pid"));
  EXPECT_TRUE(ends_within(job.pid, 5s));
}

TEST_F(ProcessTest, ABrotherOfTheProgramIsNotTouched) {
  // Two at once; the end of one concerns only what it started.
  auto patient = shell("until [ -e other_ended ]; do sleep 0.05; done; echo alive");
  auto hasty = shell("sleep 1000 & exit 3");
  hasty.stdout_log = folder_ / "out2";
  hasty.stderr_log = folder_ / "err2";
  Exit first, second;
  run_coroutine([&](asio::io_context& io) {
    return [](asio::io_context& context, Command a, Command b, Exit& x, Exit& y,
              std::filesystem::path mark) -> awaitable<void> {
      async::WorkerPool pool(2);
      async::TaskGroup group(context.get_executor());
      group.spawn([](async::WorkerPool& workers, Command command, Exit& exit) -> awaitable<void> {
        exit = co_await run(runner(workers), std::move(command), {});
      }(pool, a, x));
      y = co_await run(runner(pool), b, {});
      test::write_file(mark, "");
      co_await group.join();
    }(io, patient, hasty, first, second, folder_ / "other_ended");
  });
  EXPECT_EQ(second.code, 3);
  EXPECT_TRUE(first.success());
  EXPECT_EQ(read_file(folder_ / "out"), "alive\n");
}

/// Until everything has happened that can happen without waiting for anything.
awaitable<void> settle(asio::io_context& io) {
  for (int i = 0; i < 100; ++i) co_await asio::post(io, asio::use_awaitable);
}

awaitable<void> cancel_while_it_waits_for_the_pool(asio::io_context& io, Command command, bool& aborted) {
  async::WorkerPool pool(1);
  std::promise<void> cancelled;
  async::TaskGroup busy(io.get_executor()), group(io.get_executor());
  busy.spawn(pool.run([&](std::stop_token) { cancelled.get_future().wait(); }));
  group.spawn([](async::WorkerPool& workers, Command what, bool& was_aborted) -> awaitable<void> {
    try {
      co_await run(runner(workers), std::move(what), {});
    } catch (const boost::system::system_error&) {
      was_aborted = true;
    }
  }(pool, command, aborted));
  co_await settle(io);  // both have asked for the pool's one thread
  group.cancel();
  co_await settle(io);
  cancelled.set_value();
  co_await group.join();
  co_await busy.join();
}

TEST_F(ProcessTest, CancelledBeforeItBeganItNeverBegins) {
  bool aborted = false;
  const auto command = shell("echo begun > begun");
  run_coroutine(
      [&](asio::io_context& io) { return cancel_while_it_waits_for_the_pool(io, command, aborted); });
  EXPECT_TRUE(aborted);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "begun"));
}

TEST_F(ProcessTest, WhenCancelledItMayTidyUpWithinTheGrace) {
  auto command = shell(
      "trap 'echo tidy; exit 0' TERM; echo ready; while :; do "
      "sleep 0.05; done");
  command.grace = 30s;
  EXPECT_THROW(run_it(command, [](const std::string&, async::TaskGroup& group) { group.cancel(); }),
               boost::system::system_error);
  EXPECT_EQ(read_file(folder_ / "out"), "ready\ntidy\n");
}

TEST_F(ProcessTest, WhenCancelledTheChildOfAShellHasTheGraceTooAndIsAskedOnce) {
  // The shell itself dies of the signal at once; what matters is the program that it runs.
  auto command = shell(
      "sh -c 'trap \"echo asked; sleep 1; echo tidy; exit\" TERM; echo ready; while :; do sleep 0.05; done' "
      "& wait");
  command.grace = 30s;
  EXPECT_THROW(run_it(command,
                      [](const std::string& line, async::TaskGroup& group) {
                        if (line == "ready") group.cancel();
                      }),
               boost::system::system_error);
  EXPECT_EQ(read_file(folder_ / "out"), "ready\nasked\ntidy\n");
}

TEST_F(ProcessTest, AStoppedProgramEndsToo) {
  auto command = shell("echo $$; kill -STOP $$");
  std::set<int> pids;
  EXPECT_THROW(run_it(command,
                      [&](const std::string& line, async::TaskGroup& group) {
                        pids.insert(std::stoi(line));
                        group.cancel();
                      }),
               boost::system::system_error);
  ASSERT_EQ(pids.size(), 1u);
  EXPECT_TRUE(ends_within(*pids.begin(), 0ms));
}

TEST_F(ProcessTest, AListenerThatThrowsEndsTheProgramAndItsErrorIsThrown) {
  int pid = 0;
  auto body = [&](asio::io_context&) -> awaitable<void> {
    return [](Command command, int& child) -> awaitable<void> {
      async::WorkerPool pool(1);
      Listener listener;
      listener.started = [&](int started) -> awaitable<void> {
        child = started;
        return async::checkpoint();
      };
      listener.output = [](Stream, std::vector<Line>) -> awaitable<bool> {
        throw std::runtime_error("cannot record");
      };
      co_await run(runner(pool), std::move(command), listener);
    }(shell("trap '' TERM; echo x; sleep 1000"), pid);
  };
  try {
    run_coroutine(body);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "cannot record");
  }
  EXPECT_TRUE(ends_within(pid, 0ms));
}

TEST_F(ProcessTest, AStartThatCannotBeRecordedEndsTheProgram) {
  int pid = 0;
  auto body = [&](asio::io_context&) -> awaitable<void> {
    return [](Command command, int& child) -> awaitable<void> {
      async::WorkerPool pool(1);
      Listener listener;
      listener.started = [&](int started) -> awaitable<void> {
        child = started;
        throw std::runtime_error("cannot record");
      };
      co_await run(runner(pool), std::move(command), listener);
    }(shell("sleep 1000"), pid);
  };
  EXPECT_THROW(run_coroutine(body), std::runtime_error);
  EXPECT_TRUE(ends_within(pid, 0ms));
}

TEST_F(ProcessTest, ASlowListenerSlowsTheProgramAndLosesNothing) {
  // The program could end long before its output is taken: the listener yields
  // for every call.
  std::size_t calls = 0, lines = 0, most = 0;
  auto body = [&](asio::io_context&) -> awaitable<void> {
    return [](Command command, std::size_t& call_count, std::size_t& line_count,
              std::size_t& largest) -> awaitable<void> {
      async::WorkerPool pool(1);
      Listener listener;
      listener.output = [&](Stream, std::vector<Line> some) -> awaitable<bool> {
        ++call_count;
        line_count += some.size();
        largest = std::max(largest, some.size());
        return pause_for(1ms);
      };
      co_await run(runner(pool), std::move(command), listener);
    }(shell("seq 1 200000"), calls, lines, most);
  };
  run_coroutine(body);
  EXPECT_EQ(lines, 200'000u);
  EXPECT_LE(most, 256u);
  EXPECT_GE(calls, 200'000u / 256);
}

}  // namespace
}  // namespace fanout::process
