#include <gmock/gmock.h>

#include "server/domain/run/usage.hpp"
#include "support.hpp"

namespace fanout::agent::test {
namespace {

namespace v1 = fanout::v1;

/// Folds what `activities` tell of sessions and usage.
void fold(v1::AgentUsageLedger& ledger, const std::vector<Activity>& activities) {
  for (const auto& activity : activities) {
    if (activity.has_session()) domain::begin_session(ledger, activity.session().id());
    if (activity.has_usage()) domain::take_usage(ledger, activity.usage());
  }
}

v1::AgentUsage total_of(const std::string& name) {
  const auto adapter = adapter_for(name);
  adapter->start();
  v1::AgentUsageLedger ledger;
  fold(ledger, read(*adapter, agent_bytes(name)));
  return domain::total(ledger);
}

void expect_tokens(const v1::AgentUsage& usage, std::uint64_t input, std::uint64_t cached,
                   std::uint64_t output) {
  EXPECT_EQ(usage.input_tokens(), input);
  EXPECT_EQ(usage.cached_input_tokens(), cached);
  EXPECT_EQ(usage.output_tokens(), output);
  EXPECT_TRUE(usage.cached_inside_input());
}

// The scripted model told each program the same figures: input 1000, 1100, 1200 and 1300, of which (for
// OpenAI's and Google's ways of telling) or besides which (for Anthropic's) 500 came from the cache; output
// 20, 21, 22, 23.
TEST(UsageTotals, OfClaudeHaveTheCacheBesidesTheInput) {
  expect_tokens(total_of("claude-success"), 4600 + 2000, 2000, 86);
  EXPECT_NEAR(total_of("claude-success").cost().amount(), 0.02615, 1e-9);
}

TEST(UsageTotals, OfClaudeOverTwoPromptsAreOfTheSessionAndNotTheirSum) {
  const auto usage = total_of("claude-stream-allow");
  expect_tokens(usage, 7900 + 3500, 3500, 149);
  EXPECT_NEAR(usage.cost().amount(), 0.044975, 1e-9);
}

TEST(UsageTotals, OfCodexHoldTheCache) {
  expect_tokens(total_of("codex-success"), 4600, 2000, 86);
  EXPECT_FALSE(total_of("codex-success").has_cost());
}

TEST(UsageTotals, OfGeminiHoldTheCache) { expect_tokens(total_of("gemini-success"), 4600, 2000, 86); }

TEST(UsageTotals, OfOpencodeAreTheSumOfItsSteps) {
  const auto usage = total_of("opencode-success");
  // It takes the cache out of the input that the provider told: 500 + 600 + 700 + 800.
  expect_tokens(usage, 2600 + 2000, 2000, 86);
  EXPECT_NEAR(usage.cost().amount(), 0.00059 + 0.000692 + 0.000794 + 0.000896, 1e-12);
  EXPECT_EQ(usage.cost().source(), v1::AgentCost::SOURCE_SAID);
}

TEST(UsageTotals, OfClaudeOverAcpAreThoseOfItsTurn) {
  const auto usage = total_of("acp-claude-acp");
  expect_tokens(usage, 4600 + 2000, 2000, 86);
  EXPECT_NEAR(usage.cost().amount(), 0.02615, 1e-9);
  EXPECT_EQ(usage.context_used(), 1823U);
}

TEST(UsageTotals, OfOpencodeOverAcpAreIncompleteButTheirCostIsWhole) {
  const auto usage = total_of("acp-opencode-acp");
  EXPECT_TRUE(usage.incomplete());
  EXPECT_NEAR(usage.cost().amount(), 0.002972, 1e-9);
}

TEST(UsageTotals, OfGeminiOverAcpHaveNoFigureForTheCache) {
  const auto usage = total_of("acp-gemini-acp");
  EXPECT_EQ(usage.input_tokens(), 4600U);
  EXPECT_FALSE(usage.has_cached_input_tokens());
}

v1::AgentUsage usage(v1::AgentUsage::Scope scope, std::uint64_t input) {
  v1::AgentUsage one;
  one.set_scope(scope);
  one.set_input_tokens(input);
  return one;
}

TEST(UsageTotals, AResumedThreadOfCodexIsNotCountedTwice) {
  v1::AgentUsageLedger ledger;
  domain::begin_process(ledger);
  domain::begin_session(ledger, "t");
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_CUMULATIVE, 100));
  domain::begin_process(ledger);
  EXPECT_EQ(domain::total(ledger).input_tokens(), 100U);
  domain::begin_session(ledger, "t");
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_CUMULATIVE, 150));
  EXPECT_EQ(domain::total(ledger).input_tokens(), 150U);
}

TEST(UsageTotals, AResumedSessionThatBeginsAtZeroAddsUp) {
  v1::AgentUsageLedger ledger;
  domain::begin_session(ledger, "s");
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_SESSION, 100));
  domain::begin_process(ledger);
  domain::begin_session(ledger, "s");
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_SESSION, 30));
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_SESSION, 40));
  EXPECT_EQ(domain::total(ledger).input_tokens(), 140U);
}

TEST(UsageTotals, AnotherSessionAddsUp) {
  v1::AgentUsageLedger ledger;
  domain::begin_session(ledger, "a");
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_CUMULATIVE, 100));
  domain::begin_process(ledger);
  domain::begin_session(ledger, "b");
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_CUMULATIVE, 7));
  EXPECT_EQ(domain::total(ledger).input_tokens(), 107U);
}

TEST(UsageTotals, ATurnTakesThePlaceOfItsSteps) {
  v1::AgentUsageLedger ledger;
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_STEP, 10));
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_STEP, 20));
  EXPECT_EQ(domain::total(ledger).input_tokens(), 30U);
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_TURN, 31));
  EXPECT_EQ(domain::total(ledger).input_tokens(), 31U);
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_STEP, 5));
  EXPECT_EQ(domain::total(ledger).input_tokens(), 36U);
}

TEST(UsageTotals, ACostOfTheSessionLeavesTheTokensOfItsTurns) {
  v1::AgentUsageLedger ledger;
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_TURN, 10));
  v1::AgentUsage cost;
  cost.set_scope(v1::AgentUsage::SCOPE_SESSION);
  cost.mutable_cost()->set_amount(0.5);
  domain::take_usage(ledger, cost);
  EXPECT_EQ(domain::total(ledger).input_tokens(), 10U);
  EXPECT_EQ(domain::total(ledger).cost().amount(), 0.5);
}

TEST(UsageTotals, WhatWasNotToldStaysUntold) {
  v1::AgentUsageLedger ledger;
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_TURN, 10));
  const auto all = domain::total(ledger);
  EXPECT_FALSE(all.has_output_tokens());
  EXPECT_FALSE(all.has_cost());
  EXPECT_EQ(all.scope(), v1::AgentUsage::SCOPE_TASK);
}

TEST(UsageTotals, NoSumWrapsRound) {
  v1::AgentUsageLedger ledger;
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_STEP, ~0ULL));
  domain::take_usage(ledger, usage(v1::AgentUsage::SCOPE_STEP, 10));
  EXPECT_EQ(domain::total(ledger).input_tokens(), ~0ULL);
}

TEST(UsageTotals, DifferentModelsAreNotNamedAsOne) {
  v1::AgentUsageLedger ledger;
  auto one = usage(v1::AgentUsage::SCOPE_STEP, 1);
  one.set_model("small");
  domain::take_usage(ledger, one);
  EXPECT_EQ(domain::total(ledger).model(), "small");
  one.set_model("large");
  domain::take_usage(ledger, one);
  EXPECT_EQ(domain::total(ledger).model(), "");
}

TEST(UsageTotals, CostsInTwoCurrenciesDoNotAddUp) {
  v1::AgentUsageLedger ledger;
  auto one = usage(v1::AgentUsage::SCOPE_STEP, 1);
  one.mutable_cost()->set_amount(1);
  one.mutable_cost()->set_currency("USD");
  domain::take_usage(ledger, one);
  one.mutable_cost()->set_currency("EUR");
  domain::take_usage(ledger, one);
  EXPECT_EQ(domain::total(ledger).cost().amount(), 1);
  EXPECT_TRUE(domain::total(ledger).incomplete());
}

}  // namespace
}  // namespace fanout::agent::test
