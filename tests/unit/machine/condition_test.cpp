// Silent, asking, rate-limited and looping agents, told apart from what they print and do.
#include "server/domain/subagent/condition.hpp"

#include <gtest/gtest.h>

namespace fanout::domain {
namespace {

namespace v1 = fanout::v1;
using namespace std::chrono_literals;

class ConditionTest : public testing::Test {
 protected:
  /// A line every `pause`.
  void print(int times, const std::string& line, std::chrono::milliseconds pause) {
    for (int i = 0; i < times; ++i) watch_.line(line, now_ += pause);
  }
  void call(const std::string& input) {
    v1::AgentActivity activity;
    activity.mutable_tool_call()->set_id(std::to_string(++calls_));
    activity.mutable_tool_call()->set_title("Bash");
    activity.mutable_tool_call()->set_input(input);
    watch_.activity(activity, now_ += 10s);
  }
  v1::AgentCondition now() const { return watch_.seen(now_).condition; }

  ConditionWatch watch_{10min};
  ConditionWatch::Time now_{1h};
  int calls_ = 0;
};

TEST_F(ConditionTest, TheSameLineForLongIsALoopAndAtLastLost) {
  print(100, "trying again", 2s);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_UNSPECIFIED) << "not yet for half of the patience";
  print(100, "trying again", 2s);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_LOOPING);
  EXPECT_FALSE(watch_.is_lost(now_));
  print(200, "trying again", 2s);
  EXPECT_TRUE(watch_.is_lost(now_));
  watch_.line("something new", now_);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_UNSPECIFIED);
}

TEST_F(ConditionTest, AFewLinesInTurnAreALoopToo) {
  for (int i = 0; i < 500; ++i) print(1, "step " + std::to_string(i % 7), 2s);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_LOOPING);
}

TEST_F(ConditionTest, ASignOfLifeNowAndThenIsNone) {
  print(60, "still running...", 30s);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_UNSPECIFIED);
  EXPECT_FALSE(watch_.is_lost(now_));
}

TEST_F(ConditionTest, ProgressIsSomethingNew) {
  for (int i = 0; i < 2000; ++i) print(1, "compiled " + std::to_string(i), 1s);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_UNSPECIFIED);
}

TEST_F(ConditionTest, TheSameCallsAgainAndAgainAreALoopWhateverTheLinesSay) {
  for (int i = 0; i < 70; ++i) {
    call("make test");
    print(1, "{\"id\":" + std::to_string(i) + "}", 0ms);
  }
  EXPECT_EQ(now(), v1::AGENT_CONDITION_LOOPING);
}

TEST_F(ConditionTest, OneCallThatComesFurtherIsOneCall) {
  v1::AgentActivity activity;
  activity.mutable_tool_call()->set_id("1");
  for (int i = 0; i < 100; ++i) watch_.activity(activity, now_ += 10s);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_UNSPECIFIED);
}

TEST_F(ConditionTest, WithoutAPatienceNobodyIsLost) {
  watch_ = ConditionWatch(0ms);
  print(1000, "same", 2s);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_LOOPING);
  EXPECT_FALSE(watch_.is_lost(now_));
}

TEST_F(ConditionTest, SilenceBehindAQuestionIsWaitingForInput) {
  watch_.line("Continue? [y/N]", now_);
  watch_.quiet();
  EXPECT_EQ(now(), v1::AGENT_CONDITION_WAITING_FOR_INPUT);
  watch_.line("done", now_);
  watch_.quiet();
  EXPECT_EQ(now(), v1::AGENT_CONDITION_SILENT);
  watch_.line("more", now_);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_UNSPECIFIED);
}

TEST_F(ConditionTest, AQuestionStandsUntilItIsAnswered) {
  v1::AgentActivity activity;
  activity.mutable_permission()->set_title("Run rm -rf build");
  watch_.activity(activity, now_);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_WAITING_FOR_INPUT);
  EXPECT_NE(watch_.seen(now_).text.find("Run rm -rf build"), std::string::npos);
  activity.mutable_answer();
  watch_.activity(activity, now_);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_UNSPECIFIED);
  activity.mutable_permission()->set_decided(true);
  watch_.activity(activity, now_);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_UNSPECIFIED) << "the policy has answered it";
}

TEST_F(ConditionTest, ALimitStandsUntilTheAgentDoesSomethingAndAWarningIsNone) {
  v1::AgentActivity activity;
  activity.mutable_limit()->set_text("429 too many requests");
  activity.mutable_limit()->set_warning(true);
  watch_.activity(activity, now_);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_UNSPECIFIED);
  activity.mutable_limit()->set_warning(false);
  watch_.activity(activity, now_);
  EXPECT_EQ(now(), v1::AGENT_CONDITION_RATE_LIMITED);
  call("ls");
  EXPECT_EQ(now(), v1::AGENT_CONDITION_UNSPECIFIED);
}

TEST(AsksForInput, KnowsTheUsualEndsOfQuestions) {
  for (const char* line : {"Overwrite? [y/N]", "Password: ", "Are you sure (yes/no)?", "Which one?"}) EXPECT_TRUE(asks_for_input(line)) << line;
  for (const char* line : {"", "working", "password: ****** accepted", "[y/n] was yes"}) EXPECT_FALSE(asks_for_input(line)) << line;
}

}  // namespace
}  // namespace fanout::domain
