#include "server/domain/run/usage_text.hpp"

#include <gtest/gtest.h>

namespace fanout::domain {
namespace {

using namespace fanout::v1;

AgentUsage used(std::uint64_t tokens, double cost, AgentCost::Source source = AgentCost::SOURCE_SAID) {
  AgentUsage usage;
  usage.set_input_tokens(tokens);
  usage.mutable_cost()->set_amount(cost);
  usage.mutable_cost()->set_currency("USD");
  usage.mutable_cost()->set_source(source);
  return usage;
}

TEST(UsageText, OfTokensIsShort) {
  EXPECT_EQ(tokens_text(0), "0");
  EXPECT_EQ(tokens_text(999), "999");
  EXPECT_EQ(tokens_text(1000), "1.0k");
  EXPECT_EQ(tokens_text(12'345), "12.3k");
  EXPECT_EQ(tokens_text(999'999), "1.0M");
}

TEST(UsageText, OfACostSaysWhoSaysIt) {
  EXPECT_EQ(cost_text(used(10, 1.25)), "$1.25");
  EXPECT_EQ(cost_text(used(10, 1.25, AgentCost::SOURCE_COMPUTED)), "~$1.25");
  EXPECT_EQ(cost_text(used(10, 0.0123)), "$0.0123");
  EXPECT_EQ(cost_text(used(10, 0)), "$0.00") << "said to be nothing, which is not unknown";
}

TEST(UsageText, OfAnUnknownCostIsNotNothing) {
  AgentUsage usage;
  EXPECT_EQ(cost_text(usage), "");
  usage.set_output_tokens(5);
  EXPECT_EQ(cost_text(usage), "cost unknown");
  auto partly = used(10, 2);
  partly.set_cost_incomplete(true);
  EXPECT_EQ(cost_text(partly), "$2.00 + unpriced");
}

TEST(UsageText, OfARunIsTheSumAndSaysWhatIsMissing) {
  fanout::v1::Run run;
  EXPECT_EQ(usage_text(run), "");
  *run.add_subagents()->mutable_usage() = used(1000, 1);
  run.mutable_subagents(0)->set_turns(1);
  EXPECT_EQ(usage_text(run), "1.0k tokens, $1.00, 1 turn");
  run.add_subagents()->mutable_usage()->set_input_tokens(500);
  run.mutable_subagents(1)->set_turns(2);
  EXPECT_EQ(usage_text(run), "1.5k tokens, $1.00 + unpriced, 3 turns");
}

TEST(UsageText, OfATaskHoldsAllThatRacedForIt) {
  fanout::v1::Run run;
  for (const char* id : {"t", "t@1", "t@2", "other"}) run.add_subagents()->set_task_id(id);
  for (const int i : {1, 2}) {
    run.mutable_subagents(i)->set_race_of("t");
    *run.mutable_subagents(i)->mutable_usage() = used(1000, 1);
    run.mutable_subagents(i)->set_turns(2);
  }
  *run.mutable_subagents(3)->mutable_usage() = used(50, 9);
  EXPECT_EQ(usage_text(run, run.subagents(0)), "2.0k tokens, $2.00, 4 turns");
  EXPECT_EQ(usage_text(run, run.subagents(1)), "1.0k tokens, $1.00, 2 turns");
}

}  // namespace
}  // namespace fanout::domain
