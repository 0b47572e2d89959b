#include "server/domain/budget/price.hpp"

#include <gtest/gtest.h>

#include "server/domain/run/usage.hpp"

namespace fanout::domain {
namespace {

using namespace fanout::v1;

Price& add_row(Prices& prices, const std::string& model, double input, double output) {
  auto& price = *prices.Add();
  price.set_model(model);
  price.set_input(input);
  price.set_output(output);
  return price;
}

AgentUsage usage(std::uint64_t input, std::uint64_t cached, std::uint64_t output) {
  AgentUsage told;
  told.set_input_tokens(input);
  told.set_cached_input_tokens(cached);
  told.set_output_tokens(output);
  told.set_cached_inside_input(true);
  return told;
}

TEST(Price, OfAMillionTokensOfEachKindIsThatOfTheRow) {
  Prices own;
  auto& row = add_row(own, "m", 3, 15);
  row.set_cached_input(0.3);
  EXPECT_DOUBLE_EQ(*cost_of(usage(2'000'000, 1'000'000, 1'000'000), row), 3 + 0.3 + 15);
}

TEST(Price, OfTheCacheIsThatOfInputWhereNoneIsGiven) {
  Prices own;
  const auto& row = add_row(own, "m", 2, 0);
  EXPECT_DOUBLE_EQ(*cost_of(usage(1'000'000, 400'000, 0), row), 2);
}

TEST(Price, CacheBesidesTheInputIsNotCountedTwice) {
  Prices own;
  auto& row = add_row(own, "m", 2, 0);
  row.set_cached_input(1);
  auto told = usage(1'000'000, 1'000'000, 0);
  told.set_cached_inside_input(false);
  EXPECT_DOUBLE_EQ(*cost_of(told, row), 3);
}

TEST(Price, ThatIsNotKnownForSomethingUsedMakesTheCostUnknownAndNotNothing) {
  Price only_input;
  only_input.set_input(1);
  EXPECT_FALSE(cost_of(usage(10, 0, 10), only_input));
  EXPECT_TRUE(cost_of(usage(10, 0, 0), only_input));
  EXPECT_FALSE(cost_of(AgentUsage(), only_input)) << "nothing is known to have been used";
}

TEST(Price, IsFoundByTheNameThatSaysMost) {
  Prices own;
  add_row(own, "big*", 1, 1);
  add_row(own, "big-model-2*", 2, 1);
  add_row(own, "big-model-2-mini", 3, 1);
  const auto input = [&](const char* model) { return find_price(own, model) ? find_price(own, model)->input() : -1; };
  EXPECT_EQ(input("big-one"), 1);
  EXPECT_EQ(input("big-model-2-max"), 2);
  EXPECT_EQ(input("big-model-2-mini"), 3);
  EXPECT_EQ(input("provider/big-model-2-mini"), 3);
  EXPECT_EQ(input("big-model-2-mini[1m]"), 3);
  EXPECT_EQ(input("big-model-2-mini-2026-01-31"), 3);
  EXPECT_EQ(input("small"), -1);
  EXPECT_EQ(input(""), -1);
}

TEST(Price, OfTheUserComesBeforeTheUsualOne) {
  const auto& usual = usual_prices().front();
  const auto model = usual.model().substr(0, usual.model().find('*')) + "-x";
  Prices own;
  ASSERT_NE(find_price(own, model), nullptr);
  EXPECT_EQ(find_price(own, model)->input(), usual.input());
  add_row(own, "claude*", 99, 99);
  EXPECT_EQ(find_price(own, model)->input(), 99) << "though the usual row says more of the name";
}

TEST(Price, EachUsualRowIsDatedAndWhole) {
  for (const auto& row : usual_prices()) {
    EXPECT_TRUE(row.has_input() && row.has_output()) << row.model();
    EXPECT_EQ(row.as_of().size(), 10u) << row.model();
  }
}

TEST(Price, EachUsualRowIsTheOneThatItsNameFinds) {
  for (const auto& row : usual_prices()) {
    const auto name = row.model().substr(0, row.model().find('*'));
    ASSERT_NE(find_price({}, name), nullptr) << name;
    EXPECT_EQ(find_price({}, name)->model(), row.model()) << "another row stands before it";
    EXPECT_LE(row.cached_input(), row.input()) << name;
    EXPECT_LT(row.input(), row.output()) << name;
  }
}

TEST(Price, OfWhatNobodyHasLookedUpIsUnknown) {
  for (const char* model : {"claude-opus-6", "claude-opus-5-6", "claude-haiku-5-5", "gpt-7", "gpt-5.9", "gpt-5.6-sol", "gemini-9-pro", "o9"}) {
    EXPECT_EQ(find_price({}, model), nullptr) << model;
  }
  EXPECT_EQ(find_price({}, "claude-opus-5-5")->output(), 20);
  EXPECT_EQ(find_price({}, "claude-opus-5")->output(), 25);
  EXPECT_EQ(find_price({}, "anthropic/claude-sonnet-4-5-20250929")->output(), 15);
  EXPECT_EQ(find_price({}, "gpt-5-codex-2025-09-15")->output(), 10);
}

TEST(Cost, ThatTheAgentSaidIsLeftAsItIs) {
  auto told = usage(1000, 0, 10);
  told.mutable_cost()->set_amount(7);
  told.mutable_cost()->set_source(AgentCost::SOURCE_SAID);
  add_cost(told, "gpt-5", {});
  EXPECT_EQ(told.cost().amount(), 7);
  EXPECT_EQ(told.cost().source(), AgentCost::SOURCE_SAID);
}

TEST(Cost, ThatNobodySaidIsComputedAndSaysSo) {
  auto told = usage(1'000'000, 0, 0);
  Prices own;
  add_row(own, "m", 4, 1);
  add_cost(told, "m", own);
  EXPECT_EQ(told.cost().amount(), 4);
  EXPECT_EQ(told.cost().source(), AgentCost::SOURCE_COMPUTED);
  EXPECT_FALSE(told.cost_incomplete());
}

TEST(Cost, OfAnUnknownModelIsUnknown) {
  auto told = usage(1000, 0, 10);
  add_cost(told, "nobody-knows", {});
  EXPECT_FALSE(told.has_cost());
  EXPECT_TRUE(told.cost_incomplete());
}

TEST(Cost, OfNothingUsedIsNotMissing) {
  AgentUsage told;
  told.set_context_used(10);
  add_cost(told, "nobody-knows", {});
  EXPECT_FALSE(told.cost_incomplete());
}

TEST(Cost, OfWhichAPartIsUnknownSaysSoInTheTotal) {
  AgentUsageLedger ledger;
  auto known = usage(10, 0, 1), unknown = usage(10, 0, 1);
  known.set_scope(AgentUsage::SCOPE_TURN);
  unknown.set_scope(AgentUsage::SCOPE_TURN);
  known.mutable_cost()->set_amount(1);
  unknown.set_cost_incomplete(true);
  take_usage(ledger, known);
  EXPECT_FALSE(total(ledger).cost_incomplete());
  take_usage(ledger, unknown);
  EXPECT_TRUE(total(ledger).cost_incomplete());
  EXPECT_EQ(total(ledger).cost().amount(), 1);
}

TEST(Cost, OfTheWholeSessionTakesThePlaceOfWhatWasComputedForItsTurns) {
  AgentUsageLedger ledger;
  auto turn = usage(10, 0, 1);
  turn.set_scope(AgentUsage::SCOPE_TURN);
  turn.mutable_cost()->set_amount(5);
  take_usage(ledger, turn);
  AgentUsage whole;
  whole.set_scope(AgentUsage::SCOPE_SESSION);
  whole.mutable_cost()->set_amount(3);
  take_usage(ledger, whole);
  EXPECT_EQ(total(ledger).cost().amount(), 3);
  EXPECT_EQ(total(ledger).input_tokens(), 10u);
}

}  // namespace
}  // namespace fanout::domain
