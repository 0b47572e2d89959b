#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>

#include "tests/unit/client/fake_daemon.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using fanout::test::write_file;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class Execute : public testing::Test {
 protected:
  Execute() { write_file(fake_.folder() / "plan.yaml", "tasks: []\n"); }

  FakeDaemon fake_;
};

TEST_F(Execute, WatchesTheRunToItsEnd) {
  fake_.add_success({"a", "b"});
  const auto result = run_program(fake_.launch({"execute"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("   0.0s  run first-steps-7k2m: 2 tasks, from main\n"));
  EXPECT_THAT(result.out, HasSubstr("   0.1s  a  implementing\n"));
  EXPECT_THAT(result.out, HasSubstr("   0.4s  b  completed\n"));
  EXPECT_THAT(result.out, HasSubstr("✓ completed  First steps  2 of 2 tasks completed in "));
  EXPECT_THAT(result.err, IsEmpty());
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
}

TEST_F(Execute, AsksForThePlanByItsAbsolutePathAndPassesOnOnlyHarmlessVariables) {
  fake_.add_success({"a", "b"});
  const Environment environment{
      {"PATH", "/bin"}, {"LC_TIME", "C"}, {"TZ", "UTC"}, {"API_KEY", "secret"}, {"SHELL", "/bin/sh"}};
  run_program(fake_.launch({"execute", "./plan.yaml", "--agent", "./a.sh", "--no-push", "--timeout", "90s"},
                           environment));
  ASSERT_THAT(fake_.executed(), SizeIs(1));
  const auto request = fake_.executed().front();
  EXPECT_EQ(request.plan_path(), (fake_.folder() / "plan.yaml").string());
  EXPECT_EQ(request.working_directory(), fake_.folder().string());
  EXPECT_EQ(request.overrides().agent(), "./a.sh");
  EXPECT_EQ(request.overrides().timeout().seconds(), 90);
  EXPECT_THAT(request.request_id(), SizeIs(32));
  EXPECT_EQ(request.environment().at("PATH"), "/bin");
  EXPECT_EQ(request.environment().at("LC_TIME"), "C");
  EXPECT_EQ(request.environment().count("API_KEY"), 0u);
  EXPECT_EQ(request.environment().count("HOME"), 0u);
}

TEST_F(Execute, WhetherToPushIsThePlansWordUnlessAFlagSaysSo) {
  fake_.add_success({"a", "b"});
  run_program(fake_.launch({"execute"}));
  run_program(fake_.launch({"execute", "--push"}));
  run_program(fake_.launch({"execute", "--no-push"}));
  const auto requests = fake_.executed();
  ASSERT_THAT(requests, SizeIs(3));
  EXPECT_FALSE(requests[0].overrides().has_push());
  EXPECT_TRUE(requests[1].overrides().push());
  EXPECT_TRUE(requests[2].overrides().has_push());
  EXPECT_FALSE(requests[2].overrides().push());
}

TEST_F(Execute, RacesBudgetsAndThoseWhoTakeOverAreTheDaemonsToKnow) {
  fake_.add_success({"a", "b"});
  run_program(fake_.launch({"execute", "--race", "2", "--judge", "pick it", "--fallback", "x,y", "--gate-retries", "0", "--budget-tokens",
                            "1.5M", "--budget-money", "$2.50", "--budget-time", "30m", "--budget-turns", "7"}));
  run_program(fake_.launch({"execute", "--race", "claude, codex"}));
  const auto requests = fake_.executed();
  ASSERT_THAT(requests, SizeIs(2));
  const auto& all = requests[0].overrides();
  EXPECT_EQ(all.race(), 2u);
  EXPECT_EQ(all.judge(), "pick it");
  EXPECT_THAT(all.fallback_agents(), testing::ElementsAre("x", "y"));
  EXPECT_TRUE(all.has_gate_retries());
  EXPECT_EQ(all.gate_retries(), 0u);
  EXPECT_EQ(all.task_budget().tokens(), 1'500'000u);
  EXPECT_EQ(all.task_budget().money(), 2.5);
  EXPECT_EQ(all.task_budget().time().seconds(), 1800);
  EXPECT_EQ(all.task_budget().turns(), 7u);
  EXPECT_FALSE(requests[1].overrides().has_race());
  EXPECT_FALSE(requests[1].overrides().has_task_budget());
  EXPECT_THAT(requests[1].overrides().race_agents(), testing::ElementsAre("claude", "codex"));
}

TEST_F(Execute, AFigureThatIsNoneIsBadUsageAndStartsNothing) {
  for (const auto& flag : std::vector<std::vector<std::string>>{
           {"--budget-tokens", "many"}, {"--budget-money", "0"}, {"--budget-time", "soon"}, {"--budget-turns", "0"}, {"--gate-retries", "11"}}) {
    std::vector<std::string> words{"execute"};
    words.insert(words.end(), flag.begin(), flag.end());
    const auto result = run_program(fake_.launch(words));
    EXPECT_EQ(result.exit_code, 2) << flag[0];
    EXPECT_THAT(result.err, HasSubstr(flag[0].substr(2))) << flag[0];
  }
  EXPECT_THAT(fake_.executed(), IsEmpty());
}

TEST_F(Execute, EndsWithOneWhenATaskDidNotComplete) {
  fake_.add_phase("a", v1::PHASE_PENDING, v1::PHASE_IMPLEMENTING);
  fake_.add_phase("a", v1::PHASE_IMPLEMENTING, v1::PHASE_FAILED, "the agent ended with exit code 3");
  fake_.add_phase("b", v1::PHASE_PENDING, v1::PHASE_BLOCKED, "a did not complete");
  fake_.add_end(v1::RUN_STATE_FAILED);
  const auto result = run_program(fake_.launch({"execute"}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("a  failed: the agent ended with exit code 3\n"));
  EXPECT_THAT(result.out,
              HasSubstr("Next:  fanout logs first-steps-7k2m a\n       fanout retry first-steps-7k2m\n"));
}

TEST_F(Execute, OfAPlanWithFaultsPrintsThemAllAndEndsWithTwo) {
  const auto plan = (fake_.folder() / "plan.yaml").string();
  fake_.on_execute = [&](int) {
    return refusal({error_at(plan, 17, 5, "task-2 depends on \"task-9\", which no task has"),
                    error_at(plan, 20, 1, "cycle: a → b → a")});
  };
  const auto result = run_program(fake_.launch({"execute"}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_EQ(result.err,
            "plan.yaml:17:5: error: task-2 depends on \"task-9\", which no task has\n"
            "plan.yaml:20:1: error: cycle: a → b → a\n"
            "fanout: 2 errors; nothing was started\n");
}

TEST_F(Execute, DetachedPrintsTheIdAlone) {
  const auto result = run_program(fake_.launch({"execute", "--detach"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "first-steps-7k2m\n");
  const auto json = run_program(fake_.launch({"--json", "execute", "--detach"}));
  v1::Run run;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json.out, &run).ok()) << json.out;
  EXPECT_EQ(run.id(), "first-steps-7k2m");
  EXPECT_THAT(fake_.watched(), IsEmpty());
}

TEST_F(Execute, AsksADaemonThatWasJustStoppingAgainWithTheSameId) {
  fake_.add_success({"a", "b"});
  fake_.on_execute = [](int call) {
    return call == 1 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "the daemon is stopping")
                     : grpc::Status::OK;
  };
  EXPECT_EQ(run_program(fake_.launch({"execute"})).exit_code, 0);
  const auto requests = fake_.executed();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(requests[0].request_id(), requests[1].request_id());
}

TEST_F(Execute, GivesTheDaemonsReasonAsOneLine) {
  fake_.on_execute = [](int) {
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "the disk is full");
  };
  const auto result = run_program(fake_.launch({"execute"}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "fanout: the disk is full\n");
}

TEST_F(Execute, AsJsonPrintsNothingButEvents) {
  fake_.add_success({"a", "b"});
  const auto result = run_program(fake_.launch({"execute", "--json"}));
  EXPECT_EQ(result.exit_code, 0);
  const auto lines = fanout::test::lines_of(result.out);
  ASSERT_THAT(lines, SizeIs(6));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    v1::Event event;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(lines[i], &event).ok()) << lines[i];
    EXPECT_EQ(event.sequence(), i + 1);
  }
}

}  // namespace
}  // namespace fanout::client::test
