// A program that prints nothing for too long.
#include <boost/system/system_error.hpp>

#include "common/error.hpp"
#include "tests/unit/process/process_fixture.hpp"

namespace fanout::process {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Silence : public ProcessTest {
 protected:
  /// The telling, in order, in `told_`.
  Exit watch(Command command, Told before = {}, bool refuse_lines = false) {
    Exit exit;
    run_coroutine([&](asio::io_context&) { return drive(std::move(command), before, refuse_lines, exit); });
    return exit;
  }

  awaitable<void> drive(Command command, Told before, bool refuse_lines, Exit& exit) {
    async::WorkerPool pool(2);
    Listener listener;
    listener.quiet = [&] { return note("quiet"); };
    listener.silent = [&] { return note("silent"); };
    listener.output = [refuse_lines](Stream, std::vector<Line>) -> awaitable<bool> { return answer(!refuse_lines); };
    exit = co_await run(runner(pool), std::move(command), listener, before);
  }

  static awaitable<bool> answer(bool more) { co_return more; }
  awaitable<void> note(std::string what) {
    told_.push_back(std::move(what));
    co_return;
  }

  std::vector<std::string> told_;
};

TEST_F(Silence, IsToldAtHalfOfItAndAtItsEndAndEndsTheWholeTree) {
  auto command = shell("echo begun; sh -c 'echo $$ > child; exec sleep 1000' & sleep 1000");
  command.silence = 400ms;
  const auto exit = watch(command);
  EXPECT_THAT(told_, ElementsAre("quiet", "silent"));
  EXPECT_TRUE(exit.silent);
  EXPECT_FALSE(exit.timed_out);
  EXPECT_FALSE(exit.success());
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_TRUE(ends_within(std::stoi(test::read_file(folder_ / "child")), 0ms));
}

TEST_F(Silence, WhoEndsWellWhenAskedHasNotSucceeded) {
  auto command = shell("trap 'exit 0' TERM; while :; do sleep 0.05; done");
  command.silence = 300ms;
  const auto exit = watch(command);
  EXPECT_EQ(exit.code, 0);
  EXPECT_FALSE(exit.success());
}

TEST_F(Silence, WhoIgnoresTheQuestionIsKilled) {
  auto command = shell("trap '' TERM; sleep 1000");
  command.silence = 300ms;
  EXPECT_TRUE(watch(command).silent);
}

TEST_F(Silence, AnyByteOnEitherStreamCountsAlsoWhenNobodyWantsLines) {
  auto command = shell("echo x; for i in 1 2 3 4 5 6; do sleep 0.5; printf . >&2; sleep 0.5; printf .; done");
  command.silence = 4s;
  const auto exit = watch(command, {}, true);
  EXPECT_TRUE(exit.success());
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(Silence, WithoutALimitNothingIsSaid) {
  EXPECT_TRUE(watch(shell("sleep 0.5")).success());
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(Silence, WhatEndsByItselfIsNotSilent) {
  auto command = shell("exit 3");
  command.silence = 1min;
  const auto exit = watch(command);
  EXPECT_EQ(exit.code, 3);
  EXPECT_FALSE(exit.silent);
}

TEST_F(Silence, AfterItWasToldTheNextDaemonEndsTheProgramAtOnce) {
  auto command = shell("sleep 1000");
  command.silence = 1min;
  Told before;
  before.started = before.silent = true;
  const auto exit = watch(command, before);
  EXPECT_TRUE(exit.silent);
  EXPECT_THAT(told_, IsEmpty()) << "it was told already";
}

}  // namespace
}  // namespace fanout::process
