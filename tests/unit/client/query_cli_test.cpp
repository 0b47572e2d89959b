// Commands that ask or tell once.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/unit/client/fake_daemon.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using fanout::test::write_file;
using google::protobuf::util::JsonStringToMessage;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

TEST(Status, ShowsTheNewestRunInFull) {
  FakeDaemon fake;
  const auto result = run_program(fake.launch({"status"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("● running  First steps  0 of 2 tasks completed"));
  EXPECT_THAT(result.out, HasSubstr("○  a     pending"));
}

TEST(Status, AsJsonIsOneObject) {
  FakeDaemon fake;
  for (const auto& words : {std::vector<std::string>{"status", "--json"}, {"status", "first", "--json"}}) {
    const auto result = run_program(fake.launch(words));
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.out, StartsWith("{\"run\":{\"id\":\"first-steps-7k2m\""));
    EXPECT_THAT(result.out, testing::EndsWith("}\n"));
  }
}

TEST(Status, OfARunThatFailedIsStillAnAnswer) {
  FakeDaemon fake;
  fake.add_phase("a", v1::PHASE_PENDING, v1::PHASE_FAILED, "no luck");
  fake.add_end(v1::RUN_STATE_FAILED);
  EXPECT_EQ(run_program(fake.launch({"status", "last"})).exit_code, 0);
}

TEST(PlanValidate, PrintsFaultsAsCompilersDoAndEndsWithTwo) {
  FakeDaemon fake;
  const auto plan = (fake.folder() / "sub/plan.yaml").string();
  write_file(plan, "");
  *fake.validation.add_diagnostics() = error_at(plan, 17, 5, "no task is called \"task-9\"");
  const auto result = run_program(fake.launch({"plan", "validate", "sub"}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "sub/plan.yaml:17:5: error: no task is called \"task-9\"\nsub/plan.yaml: 1 error\n");
}

TEST(PlanValidate, OfAGoodPlanSaysSo) {
  FakeDaemon fake;
  write_file(fake.folder() / "plan.yaml", "");
  fake.validation.set_valid(true);
  fake.validation.set_task_count(5);
  const auto result = run_program(fake.launch({"plan", "validate"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "plan.yaml: 5 tasks, no faults\n");
  v1::ValidatePlanResponse answer;
  EXPECT_TRUE(
      JsonStringToMessage(run_program(fake.launch({"plan", "validate", "--json"})).out, &answer).ok());
  EXPECT_EQ(answer.task_count(), 5u);
}

TEST(PlanShow, DescribesThePlan) {
  FakeDaemon fake;
  write_file(fake.folder() / "plan.yaml", "");
  fake.description.set_name("First steps");
  auto& task = *fake.description.add_tasks();
  task.set_id("readme");
  task.set_wave(1);
  const auto result = run_program(fake.launch({"plan", "show"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("First steps: 1 task\n\nWave 1: starts at once\n  readme\n"));
}

TEST(Logs, GoIntoAPipeAsTheyAre) {
  FakeDaemon fake;
  fake.log = std::string("one\r\n\x1b[31mred\x00\xff", 15) + std::string(1000, 'x');
  EXPECT_EQ(run_program(fake.launch({"logs", "last", "a"})).out, fake.log);
  EXPECT_EQ(run_program(fake.launch({"logs", "a"})).out, fake.log) << "the newest run goes without saying";
}

TEST(Logs, AreMadeSafeForATerminal) {
  FakeDaemon fake;
  fake.log = "one\n\x1b]0;title\x07\x1b[31m漢字\nlast";
  Program program(fake.launch({"logs", "a"}), {80, 24});
  EXPECT_EQ(program.end(), 0);
  EXPECT_EQ(program.out(), "one\r\n漢字\r\nlast\r\n");
}

TEST(Logs, OfAnUnknownTaskSayWhy) {
  FakeDaemon fake;
  const auto result = run_program(fake.launch({"logs", "last", "z"}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "fanout: no task is called \"z\"\n");
}

TEST(Cancel, NamesWhatWasAskedToEnd) {
  FakeDaemon fake;
  const auto result = run_program(fake.launch({"cancel", "last", "a"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "cancelling a of first-steps-7k2m\n");
  ASSERT_THAT(fake.cancelled(), SizeIs(1));
  EXPECT_EQ(fake.cancelled().front().task_id(), "a");
  EXPECT_EQ(fake.cancelled().front().run_id(), "") << "the newest";
}

TEST(Retry, WatchesFromWhereItBegan) {
  FakeDaemon fake;
  fake.add_phase("b", v1::PHASE_PENDING, v1::PHASE_COMPLETED);
  fake.add_phase("a", v1::PHASE_PENDING, v1::PHASE_FAILED, "no luck");
  fake.add_end(v1::RUN_STATE_FAILED);
  fake.on_retry = [&] {
    v1::Event again;
    again.set_task_id("a");
    again.set_attempt(2);
    again.mutable_retry_requested();
    fake.add(again);
    fake.add_phase("a", v1::PHASE_PENDING, v1::PHASE_COMPLETED);
    fake.add_end(v1::RUN_STATE_COMPLETED);
  };
  const auto result = run_program(fake.launch({"retry", "last", "a"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("   0.4s  a  attempt 2\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("no luck")));
  EXPECT_THAT(fake.watched(), SizeIs(1));
  EXPECT_EQ(run_program(fake.launch({"retry", "--detach"})).out, "retrying a of first-steps-7k2m\n");
}

TEST(DaemonStatus, TellsWhereItIs) {
  FakeDaemon fake;
  const auto result = run_program(fake.launch({"daemon", "status"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("fanoutd  9.8.7, pid 1234567\n"));
  EXPECT_THAT(result.out, HasSubstr("log      /state/fanoutd.log\n"));
}

TEST(Version, TellsBoth) {
  FakeDaemon fake;
  EXPECT_THAT(run_program(fake.launch({"version"})).out, HasSubstr("\nfanoutd 9.8.7 is running\n"));
}

TEST(DaemonStop, ItsEndWillDoWhereItsAnswerWasLostWithTheConnection) {
  FakeDaemon fake;
  std::string program = "sleep", time = "1000";
  char* argv[] = {program.data(), time.data(), nullptr};
  pid_t pid = -1;
  ASSERT_EQ(posix_spawnp(&pid, program.c_str(), nullptr, nullptr, argv, environ), 0);
  fake.pid = static_cast<std::uint32_t>(pid);
  fake.on_shutdown = [pid] {
    kill(pid, SIGKILL);
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "Socket closed");
  };
  const auto result = run_program(fake.launch({"daemon", "stop"}));
  waitpid(pid, nullptr, 0);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "fanoutd has stopped\n");
}

TEST(UnknownRequest, TellsThatTheDaemonIsOfAnotherVersion) {
  FakeDaemon fake;
  const auto result = run_program(fake.launch({"daemon", "stop"}));  // which this daemon does not have
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("it is of another version"));
}

}  // namespace
}  // namespace fanout::client::test
