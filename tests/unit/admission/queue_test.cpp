// The queue with real files: memory from a folder like /proc, the disk of a temporary folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/admission/admission.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::admission {
namespace {

namespace asio = boost::asio;
namespace v1 = fanout::v1;
using test::run_coroutine;
using test::TempDir;

class Queue : public testing::Test {
 public:
  Queue() { set_memory(64); }

  void set_memory(int available_gib) {
    test::write_file(proc_ / "meminfo", "MemTotal: " + std::to_string(64ll << 20) + " kB\nMemAvailable: " +
                                            std::to_string(static_cast<long long>(available_gib) << 20) + " kB\n");
  }

  Request agent(const std::string& task, long rank = 0, unsigned run_agents = 8) {
    Request request;
    request.run = "r";
    request.task = task;
    request.rank = rank;
    request.run_agents = run_agents;
    request.agent = "big";
    return request;
  }

  /// With the queue served until `body` is over.
  void serve(std::function<awaitable<void>(Admission&)> body) {
    run_coroutine([&](asio::io_context& io) { return drive(io, body); });
  }

  awaitable<void> drive(asio::io_context& io, std::function<awaitable<void>(Admission&)> body) {
    async::WorkerPool pool(1);
    Admission admission(io.get_executor(), pool,
                        {proc_.path(), state_.path(), [this] { return std::optional(settings_); },
                         [this](std::string text) -> awaitable<void> {
                           saved_ = text;
                           return async::checkpoint();
                         }});
    async::TaskGroup group(io.get_executor());
    group.spawn(admission.run());
    std::exception_ptr error;
    try {
      co_await body(admission);
    } catch (...) {
      error = std::current_exception();
    }
    group.cancel();
    co_await group.join();
    if (error) std::rethrow_exception(error);
  }

  static awaitable<void> until_admitted(Ticket& ticket) {
    while (!ticket.admitted()) co_await ticket.change();
  }

  TempDir proc_, state_;
  domain::admission::Settings settings_{0, 0, 1, std::uint64_t{0}, 20, 0, 0};
  std::string saved_;
};

TEST_F(Queue, WhoGivesASlotBackLetsTheMostUrgentIn) {
  serve([this](Admission& admission) -> awaitable<void> {
    return [](Queue& test, Admission& queue) -> awaitable<void> {
      auto first = queue.queue(test.agent("a", 5, 1));
      co_await until_admitted(first);
      auto late = queue.queue(test.agent("late", 9, 1));
      auto urgent = queue.queue(test.agent("urgent", 1, 1));
      co_await late.change();
      EXPECT_EQ(late.verdict().kind, v1::WAIT_KIND_AGENT_SLOT);
      EXPECT_EQ(late.verdict().position, 2u);
      EXPECT_EQ(queue.find("r", "urgent")->verdict.position, 1u);
      first.release();
      co_await until_admitted(urgent);
      EXPECT_FALSE(late.admitted());
      urgent.release();
      co_await until_admitted(late);
    }(*this, admission);
  });
}

TEST_F(Queue, MemoryThatIsGivenBackIsSeenByItself) {
  serve([this](Admission& admission) -> awaitable<void> {
    return [](Queue& test, Admission& queue) -> awaitable<void> {
      queue.learn("big", 4ull << 30);
      test.set_memory(5);
      auto first = queue.queue(test.agent("a"));
      co_await until_admitted(first);
      auto second = queue.queue(test.agent("b"));
      co_await second.change();
      EXPECT_EQ(second.verdict().kind, v1::WAIT_KIND_MEMORY) << second.verdict().text;
      test.set_memory(60);
      co_await until_admitted(second);
    }(*this, admission);
  });
  EXPECT_EQ(saved_, std::to_string(4ull << 30) + " big\n");
}

TEST_F(Queue, AnotherSettingHoldsWithoutARestart) {
  settings_.disk_reserve = 1ull << 60;
  serve([this](Admission& admission) -> awaitable<void> {
    return [](Queue& test, Admission& queue) -> awaitable<void> {
      Request run;
      run.kind = Kind::run;
      run.run = "r";
      auto ticket = queue.queue(run);
      co_await ticket.change();
      EXPECT_EQ(ticket.verdict().kind, v1::WAIT_KIND_DISK);
      EXPECT_NE(queue.find("r", ""), nullptr);
      test.settings_.disk_reserve = 0;
      co_await until_admitted(ticket);
      EXPECT_EQ(queue.find("r", ""), nullptr);
    }(*this, admission);
  });
}

TEST_F(Queue, WhoRunsAlreadyIsLetInAndCounts) {
  serve([this](Admission& admission) -> awaitable<void> {
    return [](Queue& test, Admission& queue) -> awaitable<void> {
      auto taken = queue.seize(test.agent("a", 0, 1));
      EXPECT_TRUE(taken.admitted());
      auto next = queue.queue(test.agent("b", 0, 1));
      co_await next.change();
      EXPECT_EQ(next.verdict().kind, v1::WAIT_KIND_AGENT_SLOT);
      taken = {};
      co_await until_admitted(next);
    }(*this, admission);
  });
}

TEST_F(Queue, WhoLeavesTheQueueHoldsNobodyUp) {
  serve([this](Admission& admission) -> awaitable<void> {
    return [](Queue& test, Admission& queue) -> awaitable<void> {
      auto first = queue.queue(test.agent("a", 0, 1));
      co_await until_admitted(first);
      auto third = queue.queue(test.agent("c", 2, 1));
      {
        auto second = queue.queue(test.agent("b", 1, 1));
        co_await second.change();
      }
      first.release();
      co_await until_admitted(third);
    }(*this, admission);
  });
}

}  // namespace
}  // namespace fanout::admission
