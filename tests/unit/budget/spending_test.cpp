#include "server/domain/budget/spending.hpp"

#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include "server/domain/run/fold.hpp"
#include "server/domain/run/spent.hpp"

namespace fanout::domain {
namespace {

using namespace fanout::v1;
using google::protobuf::Timestamp;
using google::protobuf::util::TimeUtil;
using testing::HasSubstr;

Timestamp at(std::int64_t seconds) { return TimeUtil::SecondsToTimestamp(seconds); }

/// A run of tasks a and b, by its events.
class SpendingTest : public testing::Test {
 protected:
  SpendingTest() {
    Event event;
    event.mutable_run_started()->mutable_run()->set_id("r");
    for (const char* id : {"a", "b"}) event.mutable_run_started()->mutable_run()->add_subagents()->set_task_id(id);
    fold(event, 0);
  }

  void fold(Event event, std::int64_t seconds) {
    event.set_sequence(++sequence_);
    *event.mutable_time() = at(seconds);
    apply(run_, event);
  }

  Event of(const std::string& task) {
    Event event;
    event.set_task_id(task);
    return event;
  }

  void begin(const std::string& task, std::int64_t seconds) {
    auto event = of(task);
    event.mutable_command_started()->set_role("agent");
    fold(event, seconds);
  }

  void end(const std::string& task, std::int64_t seconds) {
    auto event = of(task);
    event.mutable_command_ended()->set_role("agent");
    fold(event, seconds);
  }

  void tell(const std::string& task, const AgentActivity& activity) {
    auto event = of(task);
    *event.mutable_agent_activity() = activity;
    fold(event, 0);
  }

  void use(const std::string& task, std::uint64_t input, std::uint64_t output, double cost) {
    AgentActivity activity;
    auto& usage = *activity.mutable_usage();
    usage.set_scope(AgentUsage::SCOPE_TURN);
    usage.set_input_tokens(input);
    usage.set_output_tokens(output);
    if (cost > 0) usage.mutable_cost()->set_amount(cost);
    if (cost <= 0) usage.set_cost_incomplete(true);
    tell(task, activity);
  }

  std::int64_t seconds_of(const Spending& spending) { return spending.time().seconds(); }

  fanout::v1::Run run_;
  std::uint64_t sequence_ = 0;
};

TEST_F(SpendingTest, IsWhatAllAttemptsUsed) {
  use("a", 100, 10, 0.5);
  use("a", 200, 20, 0.25);
  use("b", 1, 1, 1);
  const auto a = spent(run_.subagents(0), at(0));
  EXPECT_EQ(a.tokens(), 330u);
  EXPECT_DOUBLE_EQ(a.money(), 0.75);
  EXPECT_FALSE(a.unpriced());
  EXPECT_EQ(spent(run_, at(0)).tokens(), 332u);
  EXPECT_DOUBLE_EQ(spent(run_, at(0)).money(), 1.75);
}

TEST_F(SpendingTest, TimeOfARunCountsAgentsSideBySideOnce) {
  begin("a", 10);
  begin("b", 12);
  EXPECT_EQ(seconds_of(spent(run_.subagents(0), at(15))), 5);
  EXPECT_EQ(seconds_of(spent(run_, at(15))), 5);
  end("a", 20);
  end("b", 22);
  begin("a", 100);
  end("a", 101);
  EXPECT_EQ(seconds_of(spent(run_.subagents(0), at(500))), 11);
  EXPECT_EQ(seconds_of(spent(run_.subagents(1), at(500))), 10);
  EXPECT_EQ(seconds_of(spent(run_, at(500))), 13);
}

TEST_F(SpendingTest, AnEndEndsTheTimeOfAnAgentThatNobodySawEnd) {
  begin("a", 10);
  auto event = of("a");
  event.mutable_phase_changed()->set_to(PHASE_CANCELLED);
  fold(event, 14);
  end("a", 20);
  EXPECT_EQ(seconds_of(spent(run_, at(500))), 4);
  EXPECT_EQ(run_.agents_at_work(), 0u);
}

TEST_F(SpendingTest, APersonWhoAsksAgainGrantsTheBudgetAnew) {
  use("a", 100, 0, 1);
  auto event = of("a");
  event.mutable_retry_requested();
  fold(event, 0);
  use("a", 30, 0, 1);
  EXPECT_EQ(spent_by(run_.subagents(0), at(0)).tokens(), 30u);
  EXPECT_EQ(spent_by(run_, at(0)).tokens(), 30u);
  EXPECT_EQ(spent(run_.subagents(0), at(0)).tokens(), 130u);
}

TEST_F(SpendingTest, ARetryByItselfGrantsNothing) {
  use("a", 100, 0, 1);
  auto event = of("a");
  event.mutable_retry_scheduled();
  fold(event, 0);
  EXPECT_EQ(spent_by(run_.subagents(0), at(0)).tokens(), 100u);
}

TEST_F(SpendingTest, WhatHasNoPriceIsSaidToBeMissing) {
  use("a", 100, 0, 0);
  EXPECT_TRUE(spent(run_.subagents(0), at(0)).unpriced());
  EXPECT_EQ(spent(run_.subagents(0), at(0)).money(), 0);
}

TEST_F(SpendingTest, TurnsAreCallsOfTheModelAndNotWhatEachSays) {
  AgentActivity message, call, result;
  message.mutable_message()->set_text("I will");
  call.mutable_tool_call()->set_id("1");
  result.mutable_tool_result()->set_id("1");
  for (const auto& activity : {message, call, call, result, message, call, result, message}) tell("a", activity);
  EXPECT_EQ(run_.subagents(0).turns(), 3u);
  AgentActivity told;
  told.mutable_result()->set_turns(7);
  tell("a", told);
  EXPECT_EQ(run_.subagents(0).turns(), 7u) << "what the agent itself tells of them counts";
  tell("a", message);
  EXPECT_EQ(run_.subagents(0).turns(), 8u);
}

TEST_F(SpendingTest, WhatHelpersDoIsNoTurnOfTheAgent) {
  AgentActivity helper;
  helper.set_within("call");
  helper.mutable_message()->set_text("hm");
  tell("a", helper);
  EXPECT_EQ(run_.subagents(0).turns(), 0u);
}

Spending spending(std::uint64_t tokens, double money) {
  Spending all;
  all.set_tokens(tokens);
  all.set_money(money);
  return all;
}

TEST(Budget, IsToldAtEightyPercentAndAtItsEnd) {
  Budget budget;
  budget.set_tokens(1000);
  EXPECT_TRUE(used_up(BudgetUsed::SCOPE_TASK, budget, spending(799, 0)).empty());
  const auto warned = used_up(BudgetUsed::SCOPE_TASK, budget, spending(800, 0));
  ASSERT_EQ(warned.size(), 1u);
  EXPECT_FALSE(warned[0].exhausted());
  EXPECT_EQ(warned[0].text(), "the task's budget of 1000 tokens is used to 80 % (800 tokens)");
  const auto over = used_up(BudgetUsed::SCOPE_TASK, budget, spending(1000, 0));
  ASSERT_EQ(over.size(), 1u);
  EXPECT_TRUE(over[0].exhausted());
}

TEST(Budget, OfMoneySaysThatSomethingIsNotCounted) {
  Budget budget;
  budget.set_money(2);
  auto used = spending(0, 1.9);
  used.set_unpriced(true);
  const auto told = used_up(BudgetUsed::SCOPE_DAY, budget, used);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0].text(), HasSubstr("today's budget of $2.00 is used to 95 % ($1.90)"));
  EXPECT_THAT(told[0].text(), HasSubstr("no known price"));
}

TEST(Budget, EachFigureIsOfItsOwn) {
  Budget budget;
  budget.set_tokens(10);
  budget.set_turns(10);
  *budget.mutable_time() = TimeUtil::SecondsToDuration(60);
  auto used = spending(10, 0);
  used.set_turns(8);
  *used.mutable_time() = TimeUtil::SecondsToDuration(10);
  const auto told = used_up(BudgetUsed::SCOPE_RUN, budget, used);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_TRUE(told[0].exhausted());
  EXPECT_EQ(told[1].kind(), BudgetUsed::KIND_TURNS);
  EXPECT_FALSE(told[1].exhausted());
}

TEST(Budget, IsToldOnceOfEachSeverity) {
  Budget budget;
  budget.set_tokens(10);
  const auto warning = used_up(BudgetUsed::SCOPE_RUN, budget, spending(9, 0));
  const auto end = used_up(BudgetUsed::SCOPE_RUN, budget, spending(10, 0));
  EXPECT_FALSE(is_told(warning[0], {}));
  EXPECT_TRUE(is_told(warning[0], warning));
  EXPECT_FALSE(is_told(end[0], warning));
  EXPECT_TRUE(is_told(warning[0], end));
}

TEST(Day, CountsWhatEachRunUsedSinceItLastLooked) {
  fanout::internal::v1::DaySpending day;
  fanout::v1::Run one, two;
  one.set_id("1");
  two.set_id("2");
  one.add_subagents()->mutable_usage()->set_input_tokens(100);
  two.add_subagents()->mutable_usage()->set_input_tokens(7);
  take_in(day, "2026-11-26", one, at(0));
  take_in(day, "2026-11-26", one, at(0));
  take_in(day, "2026-11-26", two, at(0));
  EXPECT_EQ(day.spent().tokens(), 107u);
  one.mutable_subagents(0)->mutable_usage()->set_input_tokens(150);
  take_in(day, "2026-11-26", one, at(0));
  EXPECT_EQ(day.spent().tokens(), 157u);
}

TEST(Day, AnotherOneBeginsWithNothingAndARunThatGoesOnIsNotCountedAgain) {
  fanout::internal::v1::DaySpending day;
  fanout::v1::Run run;
  run.set_id("1");
  run.add_subagents()->mutable_usage()->set_input_tokens(100);
  take_in(day, "2026-11-26", run, at(0));
  run.mutable_subagents(0)->mutable_usage()->set_input_tokens(130);
  take_in(day, "2026-11-27", run, at(0));
  EXPECT_EQ(day.day(), "2026-11-27");
  EXPECT_EQ(day.spent().tokens(), 30u);
}

}  // namespace
}  // namespace fanout::domain
