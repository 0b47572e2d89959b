#include "server/async/async.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <latch>
#include <thread>

#include "common/error.hpp"
#include "server/async/worker_pool.hpp"
#include "tests/support/coroutine.hpp"

namespace fanout::async {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using test::run_coroutine;

bool is_aborted(const boost::system::system_error& error) {
  return error.code() == asio::error::operation_aborted;
}

/// Lets everything that is ready run once.
awaitable<void> yield() { co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable); }

awaitable<void> note_end(Signal& signal, std::vector<std::string>& told, std::string name) {
  try {
    co_await signal.wait();
    told.push_back(name + " woken");
  } catch (const boost::system::system_error& error) {
    told.push_back(name + (is_aborted(error) ? " cancelled" : " failed"));
  }
}

awaitable<void> fail_with(std::string message) {
  co_await yield();
  throw std::runtime_error(message);
}

awaitable<void> take_all(Mailbox<int>& mailbox, std::vector<int>& taken, std::size_t count) {
  while (taken.size() < count) taken.push_back(co_await mailbox.take());
}

awaitable<void> use_slot(Slots& slots, long rank, std::vector<long>& order, Signal& go, int& inside, int& most) {
  auto token = co_await slots.acquire(rank);
  order.push_back(rank);
  most = std::max(most, ++inside);
  co_await go.wait();
  --inside;
}

TEST(Signal, WakesEveryoneWhoWaits) {
  std::vector<std::string> told;
  run_coroutine([&](auto& io) -> awaitable<void> {
    return [](asio::io_context& context, std::vector<std::string>& log) -> awaitable<void> {
      Signal signal(context.get_executor());
      TaskGroup group(context.get_executor());
      group.spawn(note_end(signal, log, "a"));
      group.spawn(note_end(signal, log, "b"));
      co_await yield();
      co_await yield();
      signal.notify();
      co_await group.join();
    }(io, told);
  });
  EXPECT_EQ(told, (std::vector<std::string>{"a woken", "b woken"}));
}

TEST(TaskGroup, CancelEndsWhatWaitsAndJoinReturnsAfterTheLast) {
  std::vector<std::string> told;
  run_coroutine([&](auto& io) -> awaitable<void> {
    return [](asio::io_context& context, std::vector<std::string>& log) -> awaitable<void> {
      Signal never(context.get_executor());
      TaskGroup group(context.get_executor());
      group.spawn(note_end(never, log, "a"));
      group.spawn(note_end(never, log, "b"));
      co_await yield();
      co_await yield();
      group.cancel();
      co_await group.join();
      log.push_back("joined");
    }(io, told);
  });
  EXPECT_EQ(told, (std::vector<std::string>{"a cancelled", "b cancelled", "joined"}));
}

TEST(TaskGroup, AnErrorThatEscapesATaskComesOutOfJoinAndStopsNoSibling) {
  std::vector<std::string> told;
  run_coroutine([&](auto& io) -> awaitable<void> {
    return [](asio::io_context& context, std::vector<std::string>& log) -> awaitable<void> {
      Signal signal(context.get_executor());
      TaskGroup group(context.get_executor());
      group.spawn(fail_with("broken"));
      group.spawn(note_end(signal, log, "sibling"));
      for (int i = 0; i < 5; ++i) co_await yield();
      signal.notify();
      try {
        co_await group.join();
      } catch (const std::runtime_error& error) {
        log.push_back(error.what());
      }
    }(io, told);
  });
  EXPECT_EQ(told, (std::vector<std::string>{"sibling woken", "broken"}));
}

awaitable<void> wait_on(Signal& signal) { co_await signal.wait(); }

awaitable<void> abort_by_itself() {
  co_await yield();
  throw boost::system::system_error(asio::error::operation_aborted);
}

awaitable<void> fail_when_cancelled(Signal& never) {
  bool cancelled = false;
  try {
    co_await never.wait();
  } catch (const boost::system::system_error&) {
    cancelled = true;
  }
  if (cancelled) throw std::runtime_error("cannot tidy up");
}

/// What join() throws; "" where it does not.
awaitable<void> join_and_tell(TaskGroup& group, std::string& told) {
  try {
    co_await group.join();
  } catch (const boost::system::system_error& error) {
    told = is_aborted(error) ? "aborted" : error.what();
  } catch (const std::exception& error) {
    told = error.what();
  }
}

TEST(TaskGroup, WhoIsAbortedSinceTheGroupWasCancelledIsNoErrorOfJoin) {
  run_coroutine([](auto& io) -> awaitable<void> {
    return [](asio::io_context& context) -> awaitable<void> {
      Signal never(context.get_executor());
      TaskGroup group(context.get_executor());
      group.spawn(wait_on(never));
      group.spawn(wait_on(never));
      for (int i = 0; i < 5; ++i) co_await yield();
      group.cancel();
      std::string told;
      co_await join_and_tell(group, told);
      EXPECT_EQ(told, "");
      group.spawn(abort_by_itself());  // later: nobody has cancelled it
      co_await join_and_tell(group, told);
      EXPECT_EQ(told, "aborted");
    }(io);
  });
}

TEST(TaskGroup, WhoWasAbortedBeforeTheGroupWasCancelledIsAnError) {
  run_coroutine([](auto& io) -> awaitable<void> {
    return [](asio::io_context& context) -> awaitable<void> {
      Signal never(context.get_executor());
      TaskGroup group(context.get_executor());
      group.spawn(abort_by_itself());
      group.spawn(wait_on(never));
      for (int i = 0; i < 5; ++i) co_await yield();
      group.cancel();
      std::string told;
      co_await join_and_tell(group, told);
      EXPECT_EQ(told, "aborted");
    }(io);
  });
}

TEST(TaskGroup, WhatElseGoesWrongInACancelledTaskComesOutOfJoin) {
  run_coroutine([](auto& io) -> awaitable<void> {
    return [](asio::io_context& context) -> awaitable<void> {
      Signal never(context.get_executor());
      TaskGroup group(context.get_executor());
      group.spawn(wait_on(never));
      group.spawn(fail_when_cancelled(never));
      for (int i = 0; i < 5; ++i) co_await yield();
      group.cancel();
      std::string told;
      co_await join_and_tell(group, told);
      EXPECT_EQ(told, "cannot tidy up");
    }(io);
  });
}

awaitable<void> join_inner(asio::io_context& io, Signal& never, std::vector<std::string>& told) {
  TaskGroup inner(io.get_executor());
  inner.spawn(note_end(never, told, "inner"));
  try {
    co_await inner.join();
  } catch (const boost::system::system_error&) {
    told.push_back("outer cancelled");
  }
}

TEST(TaskGroup, CancellingWhoeverJoinsCancelsTheTasksAndStillWaitsForThem) {
  std::vector<std::string> told;
  run_coroutine([&](auto& io) -> awaitable<void> {
    return [](asio::io_context& context, std::vector<std::string>& log) -> awaitable<void> {
      Signal never(context.get_executor());
      TaskGroup outer(context.get_executor());
      outer.spawn(join_inner(context, never, log));
      for (int i = 0; i < 5; ++i) co_await yield();
      outer.cancel();
      co_await outer.join();
    }(io, told);
  });
  EXPECT_EQ(told, (std::vector<std::string>{"inner cancelled", "outer cancelled"}));
}

TEST(Mailbox, KeepsOrderAndLosesNothing) {
  std::vector<int> taken;
  run_coroutine([&](auto& io) -> awaitable<void> {
    return [](asio::io_context& context, std::vector<int>& values) -> awaitable<void> {
      Mailbox<int> mailbox(context.get_executor());
      mailbox.put(1);
      TaskGroup group(context.get_executor());
      group.spawn(take_all(mailbox, values, 4));
      co_await yield();
      mailbox.put(2);
      mailbox.put(3);
      co_await yield();
      mailbox.put(4);
      co_await group.join();
    }(io, taken);
  });
  EXPECT_EQ(taken, (std::vector<int>{1, 2, 3, 4}));
}

TEST(Slots, ServeTheLowestRankFirstAndNeverExceedTheirCapacity) {
  std::vector<long> order;
  int inside = 0, most = 0;
  run_coroutine([&](auto& io) -> awaitable<void> {
    return [](asio::io_context& context, std::vector<long>& served, int& in, int& peak) -> awaitable<void> {
      Slots slots(context.get_executor(), 2);
      Signal go(context.get_executor());
      TaskGroup group(context.get_executor());
      for (long rank : {5, 4, 3, 1, 2}) group.spawn(use_slot(slots, rank, served, go, in, peak));
      while (group.size() > 0) {
        for (int i = 0; i < 20; ++i) co_await yield();
        go.notify();
      }
      co_await group.join();
    }(io, order, inside, most);
  });
  EXPECT_EQ(order, (std::vector<long>{5, 4, 1, 2, 3})) << "the first two found free slots";
  EXPECT_EQ(most, 2);
}

TEST(Slots, OneWhoGivesUpWaitingLeavesTheQueueToTheNext) {
  std::vector<long> order;
  int inside = 0, most = 0;
  run_coroutine([&](auto& io) -> awaitable<void> {
    return [](asio::io_context& context, std::vector<long>& served, int& in, int& peak) -> awaitable<void> {
      Slots slots(context.get_executor(), 1);
      Signal go(context.get_executor());
      TaskGroup holder(context.get_executor()), quitter(context.get_executor()), patient(context.get_executor());
      holder.spawn(use_slot(slots, 1, served, go, in, peak));
      quitter.spawn(use_slot(slots, 2, served, go, in, peak));
      patient.spawn(use_slot(slots, 3, served, go, in, peak));
      for (int i = 0; i < 20; ++i) co_await yield();
      quitter.cancel();
      co_await quitter.join();
      while (holder.size() + patient.size() > 0) {
        for (int i = 0; i < 20; ++i) co_await yield();
        go.notify();
      }
      co_await holder.join();
      co_await patient.join();
    }(io, order, inside, most);
  });
  EXPECT_EQ(order, (std::vector<long>{1, 3}));
}

awaitable<int> wait_for_ever(Signal& never, bool& unwound) {
  try {
    co_await never.wait();
  } catch (const boost::system::system_error&) {
    unwound = true;
    throw;
  }
  co_return 1;
}

awaitable<int> at_once() { co_return 7; }

TEST(Deadline, EndsTheWorkAndSaysWhatTookTooLong) {
  run_coroutine([&](auto& io) -> awaitable<void> {
    return [](asio::io_context& context) -> awaitable<void> {
      Signal never(context.get_executor());
      bool unwound = false;
      try {
        co_await with_deadline(wait_for_ever(never, unwound), 5ms, "waiting");
        ADD_FAILURE() << "no deadline";
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::timed_out);
        EXPECT_THAT(std::string(error.what()), testing::StartsWith("waiting took longer than"));
      }
      EXPECT_TRUE(unwound) << "the work had ended before the error came";
      EXPECT_EQ(co_await with_deadline(at_once(), 1h, "nothing"), 7);
    }(io);
  });
}

TEST(WorkerPool, RunsOnAnotherThreadAndBringsResultsAndErrorsBack) {
  run_coroutine([](auto&) -> awaitable<void> {
    return []() -> awaitable<void> {
      WorkerPool pool(2);
      const auto here = std::this_thread::get_id();
      const auto there = co_await pool.run([](std::stop_token) { return std::this_thread::get_id(); });
      EXPECT_NE(here, there);
      EXPECT_EQ(here, std::this_thread::get_id()) << "resumed on the I/O thread";
      try {
        co_await pool.run([](std::stop_token) -> int { throw std::runtime_error("no"); });
        ADD_FAILURE() << "no error";
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "no");
      }
    }();
  });
}

awaitable<void> run_until_stopped(WorkerPool& pool, std::latch& started, bool& asked) {
  try {
    co_await pool.run([&](std::stop_token stop) {
      started.count_down();
      std::latch stopped(1);
      std::stop_callback callback(stop, [&] { stopped.count_down(); });
      stopped.wait();
      asked = stop.stop_requested();
    });
  } catch (const boost::system::system_error&) {
  }
}

TEST(WorkerPool, CancellationReachesTheStopTokenAndTheCallIsAwaited) {
  bool asked = false;
  run_coroutine([&](auto& io) -> awaitable<void> {
    return [](asio::io_context& context, bool& stopped) -> awaitable<void> {
      WorkerPool pool(2);
      std::latch started(1);
      TaskGroup group(context.get_executor());
      group.spawn(run_until_stopped(pool, started, stopped));
      co_await pool.run([&](std::stop_token) { started.wait(); });
      group.cancel();
      co_await group.join();
    }(io, asked);
  });
  EXPECT_TRUE(asked);
}

}  // namespace
}  // namespace fanout::async
