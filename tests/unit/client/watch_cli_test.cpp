#include <gmock/gmock.h>

#include "tests/unit/client/fake_daemon.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(Watch, GoesOnWhereItWasWhenTheDaemonComesBack) {
  FakeDaemon fake;
  fake.add_phase("a", v1::PHASE_PENDING, v1::PHASE_IMPLEMENTING);
  Program program(fake.launch({"watch"}));
  program.wait_for("a  implementing");
  fake.stop();
  program.wait_for("fanout: lost the connection to fanoutd; trying again for 10 s\n");
  fake.add_phase("b", v1::PHASE_PENDING, v1::PHASE_TESTING);
  fake.start();
  program.wait_for("b  testing");
  fake.add_phase("b", v1::PHASE_TESTING, v1::PHASE_COMPLETED);
  fake.add_phase("a", v1::PHASE_IMPLEMENTING, v1::PHASE_COMPLETED);
  fake.add_end(v1::RUN_STATE_COMPLETED);
  EXPECT_EQ(program.end(), 0) << program.err();
  EXPECT_EQ(count_of(program.out(), "a  implementing"), 1u);
  EXPECT_EQ(count_of(program.out(), "b  testing"), 1u);
  EXPECT_EQ(count_of(program.err(), "\n"), 1u) << program.err();
  EXPECT_EQ(fake.watched().back().after_sequence(), 2u);
}

TEST(Watch, EndsWithThreeWhenTheDaemonStaysAway) {
  FakeDaemon fake;
  Program program(fake.launch({"watch"}));
  program.wait_for("run first-steps-7k2m");
  fake.stop();
  EXPECT_EQ(program.end(), 3);
  EXPECT_THAT(program.err(), HasSubstr("has gone while run first-steps-7k2m was watched"));
}

TEST(Watch, LeavesOutEventsUpToANumber) {
  FakeDaemon fake;
  fake.add_success({"a", "b"});
  const auto result = run_program(fake.launch({"watch", "last", "--after", "4"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, Not(HasSubstr("a  implementing")));
  EXPECT_THAT(result.out, HasSubstr("b  completed\n"));
  EXPECT_EQ(fanout::test::lines_of(run_program(fake.launch({"watch", "--json", "--after", "4"})).out).size(),
            2u);
}

TEST(Watch, FlushesEachEventAtOnce) {
  FakeDaemon fake;
  Program program(fake.launch({"watch", "--json"}));
  program.wait_for("runStarted");
  fake.add_output("a", "hello");
  program.wait_for("hello");
}

TEST(Watch, ShowsOutputOnlyWhenVerbose) {
  FakeDaemon fake;
  fake.add_output("a", "thinking");
  fake.add_success({"a", "b"});
  EXPECT_THAT(run_program(fake.launch({"watch"})).out, Not(HasSubstr("| thinking")));
  EXPECT_THAT(run_program(fake.launch({"watch", "--verbose"})).out, HasSubstr("a  | thinking\n"));
}

TEST(Watch, OfAnUnknownRunSaysSo) {
  FakeDaemon fake;
  const auto result = run_program(fake.launch({"watch", "nope"}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "fanout: no run is called \"nope\"\n");
}

TEST(Watch, EndsQuietlyWhenItsReaderHasGone) {
  FakeDaemon fake;
  Program program(fake.launch({"watch"}));
  program.wait_for("run first-steps-7k2m");
  program.close_output();
  fake.add_phase("a", v1::PHASE_PENDING, v1::PHASE_IMPLEMENTING);
  EXPECT_EQ(program.end(), 128 + SIGPIPE);
  EXPECT_THAT(program.err(), IsEmpty());
}

TEST(Watch, InterruptedLeavesTheRunAlone) {
  FakeDaemon fake;
  Program program(fake.launch({"watch"}));
  program.wait_for("run first-steps-7k2m");
  program.send(SIGINT);
  EXPECT_EQ(program.end(), 130);
  EXPECT_EQ(program.err(),
            "fanout: detached from first-steps-7k2m; it goes on. Return: fanout watch first-steps-7k2m. "
            "Cancel: Ctrl-C again within 2 s, or fanout cancel first-steps-7k2m\n");
  EXPECT_THAT(fake.cancelled(), IsEmpty());
}

TEST(Watch, InterruptedTwiceCancelsTheRunAndShowsItsEnd) {
  FakeDaemon fake;
  fake.on_cancel = [&] {
    fake.add_phase("a", v1::PHASE_PENDING, v1::PHASE_CANCELLED, "cancelled on request");
    fake.add_phase("b", v1::PHASE_PENDING, v1::PHASE_CANCELLED, "cancelled on request");
    fake.add_end(v1::RUN_STATE_CANCELLED);
  };
  Program program(fake.launch({"watch"}));
  program.wait_for("run first-steps-7k2m");
  program.send(SIGINT);
  program.wait_for("detached");
  program.send(SIGINT);
  EXPECT_EQ(program.end(), 130);
  ASSERT_THAT(fake.cancelled(), SizeIs(1));
  EXPECT_EQ(fake.cancelled().front().run_id(), "first-steps-7k2m");
  EXPECT_THAT(program.out(), HasSubstr("⊘ cancelled  First steps  0 of 2 tasks completed"));
}

TEST(Watch, StartedInTheBackgroundDoesNotHearTheInterruptThatItsShellIgnoresForIt) {
  FakeDaemon fake;
  auto launch = fake.launch({"watch"});
  launch.words.insert(launch.words.begin(), {"-c", "trap '' INT; exec \"$0\" \"$@\"", launch.program});
  launch.program = "/bin/sh";
  Program program(launch);
  program.wait_for("run first-steps-7k2m");
  program.send(SIGINT);
  fake.add_success({"a", "b"});
  EXPECT_EQ(program.end(), 0);
}

}  // namespace
}  // namespace fanout::client::test
