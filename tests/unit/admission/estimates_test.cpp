#include "server/domain/admission/estimates.hpp"

#include <gtest/gtest.h>

namespace fanout::domain::admission {
namespace {

TEST(Estimates, OfAnAgentThatNobodyMeasuredIsAGuess) {
  EXPECT_EQ(Estimates().of("claude"), Estimates::kUnknown);
  EXPECT_EQ(Estimates().of("claude", 7), 7u);
}

TEST(Estimates, GoUpAtOnceAndDownSlowly) {
  Estimates estimates;
  estimates.learn("claude", 800);
  EXPECT_EQ(estimates.of("claude"), 800u);
  estimates.learn("claude", 1600);
  EXPECT_EQ(estimates.of("claude"), 1600u);
  estimates.learn("claude", 800);
  EXPECT_EQ(estimates.of("claude"), 1500u);
  estimates.learn("claude", 0);
  EXPECT_EQ(estimates.of("claude"), 1500u) << "what was not measured teaches nothing";
}

TEST(Estimates, AreTheSameAfterARestart) {
  Estimates estimates;
  estimates.learn("./agent.sh --fast 2", 5);
  estimates.learn("two\nlines", 9);
  const auto again = Estimates::restored(estimates.save());
  EXPECT_EQ(again.of("./agent.sh --fast 2"), 5u);
  EXPECT_EQ(again.of("two\nlines"), 9u);
  EXPECT_EQ(again.save(), estimates.save());
}

TEST(Estimates, DamagedOnesCountAsNothing) {
  const auto estimates = Estimates::restored("x y\n12\n 3 z\n77 good\n99999999999999999999999999 much\n");
  EXPECT_EQ(estimates.save(), "77 good\n");
}

TEST(Estimates, AreNotKeptWithoutEnd) {
  Estimates estimates;
  for (int i = 0; i < 1000; ++i) estimates.learn("agent-" + std::to_string(i), 1);
  EXPECT_LT(estimates.save().size(), 10'000u);
  EXPECT_EQ(estimates.of("agent-999"), 1u);
}

}  // namespace
}  // namespace fanout::domain::admission
