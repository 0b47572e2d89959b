#include "server/github/budget.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fanout::github {
namespace {

using namespace std::chrono_literals;

const Time kStart(std::chrono::hours(24 * 365 * 50));
const Ask kCreate{Resource::core, true, 1};
const Ask kEdit{Resource::core, true, 0};
const Ask kRead{Resource::core, false, 0};

/// Creates one object after the other, each as soon as it may be, and gives the times.
std::vector<Time> create(Budget& budget, int count, Time now) {
  std::vector<Time> times;
  for (int i = 0; i < count; ++i) {
    now = budget.judge(kCreate, now).at;
    budget.spend(kCreate, now);
    times.push_back(now);
  }
  return times;
}

int most_within(const std::vector<Time>& times, milliseconds span) {
  int most = 0;
  for (std::size_t i = 0, j = 0; j < times.size(); ++j) {
    while (times[j] - times[i] >= span) ++i;
    most = std::max(most, static_cast<int>(j - i + 1));
  }
  return most;
}

RateHeaders rate(unsigned limit, unsigned remaining, milliseconds resets_in) {
  RateHeaders headers;
  headers.limit = limit;
  headers.remaining = remaining;
  headers.resets_in = resets_in;
  return headers;
}

TEST(Budget, ABurstGoesAtOnceAndTheRestASecondApart) {
  Budget budget;
  const auto times = create(budget, 22, kStart);
  EXPECT_EQ(times[19], kStart);
  EXPECT_EQ(times[20], kStart + 1s);
  EXPECT_EQ(times[21], kStart + 2s);
}

TEST(Budget, AHundredObjectsTakeAboutAMinuteAndNeverExceedTheLimits) {
  Budget budget;
  const auto times = create(budget, 100, kStart);
  EXPECT_LE(most_within(times, 1min), 75);
  EXPECT_EQ(times[74], kStart + 55s);
  EXPECT_GE(times.back(), kStart + 60s);
  EXPECT_LE(times.back(), kStart + 90s);
}

TEST(Budget, AThousandObjectsStayWithinTheHour) {
  Budget budget;
  const auto times = create(budget, 1000, kStart);
  EXPECT_LE(most_within(times, 1min), 75);
  EXPECT_LE(most_within(times, 1h), 450);
  EXPECT_LE(times.back(), kStart + 130min);
}

TEST(Budget, SaysWhatIsWaitedFor) {
  Budget budget;
  EXPECT_EQ(budget.judge(kCreate, kStart).reason, WaitReason::none);
  create(budget, 20, kStart);
  EXPECT_EQ(budget.judge(kCreate, kStart).reason, WaitReason::creations);
  budget.penalise(30s, kStart);
  EXPECT_EQ(budget.judge(kCreate, kStart).reason, WaitReason::secondary_limit);
}

TEST(Budget, ABatchTakesWhatFits) {
  Budget budget;
  EXPECT_EQ(budget.creatable(Resource::graphql, 50, kStart), 20u);
  EXPECT_EQ(budget.creatable(Resource::graphql, 7, kStart), 7u);
  const Ask batch{Resource::graphql, true, 18};
  budget.spend(batch, kStart);
  EXPECT_EQ(budget.creatable(Resource::graphql, 50, kStart), 2u);
  create(budget, 2, kStart);
  EXPECT_EQ(budget.creatable(Resource::graphql, 50, kStart), 0u);
  EXPECT_EQ(budget.creatable(Resource::graphql, 50, kStart + 5s), 5u);
}

TEST(Budget, WhatWasNotCreatedAfterAllIsGivenBack) {
  Budget budget;
  budget.spend({Resource::graphql, true, 20}, kStart);
  budget.give_back(19);
  EXPECT_EQ(budget.creatable(Resource::core, 50, kStart), 19u);
}

TEST(Budget, EditsAreSpacedAndDoNotWaitForCreations) {
  Budget budget;
  create(budget, 20, kStart);
  EXPECT_EQ(budget.judge(kEdit, kStart).at, kStart);
  budget.spend(kEdit, kStart);
  EXPECT_EQ(budget.judge(kEdit, kStart).at, kStart + 1s);
}

TEST(Budget, PointsOfAMinuteAreCounted) {
  Limits limits;
  limits.points_per_minute = 20;
  Budget budget(limits);
  for (int i = 0; i < 20; ++i) budget.spend(kRead, kStart + milliseconds(i));
  const auto verdict = budget.judge(kRead, kStart + 1s);
  EXPECT_EQ(verdict.reason, WaitReason::points);
  EXPECT_EQ(verdict.at, kStart + 1min);
  EXPECT_EQ(budget.judge(kRead, kStart + 61s).at, kStart + 61s);
}

TEST(Budget, APrimaryLimitThatIsUsedUpIsWaitedForAndReadsKeepAReserve) {
  Budget budget;
  budget.learn(rate(5000, 60, 10min), Resource::core, kStart);
  EXPECT_EQ(budget.judge(kRead, kStart).at, kStart + 10min) << "what is left is for writes";
  EXPECT_EQ(budget.judge(kCreate, kStart).at, kStart);
  budget.learn(rate(5000, 5, 10min), Resource::core, kStart);
  EXPECT_EQ(budget.judge(kCreate, kStart).at, kStart + 10min);
  EXPECT_EQ(budget.judge(kCreate, kStart).reason, WaitReason::primary_limit);
  EXPECT_EQ(budget.judge(kRead, kStart + 10min).at, kStart + 10min);
}

TEST(Budget, TheLimitsOfRestAndGraphqlAreApart) {
  Budget budget;
  budget.exhaust(Resource::graphql, 5min, kStart);
  EXPECT_EQ(budget.judge(kCreate, kStart).at, kStart);
  EXPECT_EQ(budget.judge({Resource::graphql, true, 1}, kStart).at, kStart + 5min);
}

TEST(Budget, RequestsAreCountedBeforeTheirAnswerHasCome) {
  Budget budget;
  budget.learn(rate(100, 8, 1h), Resource::core, kStart);
  EXPECT_EQ(budget.judge(kRead, kStart).at, kStart);
  for (int i = 0; i < 3; ++i) budget.spend(kRead, kStart);
  EXPECT_EQ(budget.judge(kRead, kStart).reason, WaitReason::primary_limit);
}

TEST(Budget, ASecondaryLimitStopsAllWritesAsToldThenHalvesTheRate) {
  Budget budget;
  budget.penalise(30s, kStart);
  EXPECT_EQ(budget.judge(kCreate, kStart).at, kStart + 30s);
  EXPECT_EQ(budget.judge(kEdit, kStart).at, kStart + 30s);
  EXPECT_EQ(budget.judge(kRead, kStart).at, kStart) << "reads go on";
  EXPECT_EQ(budget.divisor(kStart + 30s), 2u);
  const auto times = create(budget, 60, kStart + 30s);
  EXPECT_EQ(times[1] - times[0], 2s) << "no burst after it";
  EXPECT_LE(most_within(times, 1min), 37);
}

TEST(Budget, WithoutATimeTheStopIsAMinuteAndDoubles) {
  Budget budget;
  budget.penalise({}, kStart);
  EXPECT_EQ(budget.judge(kCreate, kStart).at, kStart + 60s);
  budget.penalise({}, kStart + 60s);
  EXPECT_EQ(budget.judge(kCreate, kStart + 60s).at, kStart + 180s);
  budget.succeed();
  budget.penalise({}, kStart + 200s);
  EXPECT_EQ(budget.judge(kCreate, kStart + 200s).at, kStart + 260s);
}

TEST(Budget, TheRateComesBackAfterAnHour) {
  Budget budget;
  budget.penalise(1s, kStart);
  budget.penalise(1s, kStart + 2s);
  EXPECT_EQ(budget.divisor(kStart + 3s), 4u);
  EXPECT_EQ(budget.divisor(kStart + 3s + 1h), 2u);
  EXPECT_EQ(budget.divisor(kStart + 3s + 2h), 1u);
}

TEST(Budget, SurvivesARestart) {
  Budget budget;
  create(budget, 20, kStart);
  budget.penalise(30s, kStart);
  const auto again = Budget::restored(budget.save(), {}, kStart + 1s);
  EXPECT_EQ(again.judge(kCreate, kStart + 1s).at, budget.judge(kCreate, kStart + 1s).at);
  EXPECT_EQ(again.divisor(kStart + 40s), 2u);
  EXPECT_EQ(again.save(), budget.save());
}

TEST(Budget, AClockThatWasSetBackDoesNotStopEverything) {
  Budget budget;
  create(budget, 20, kStart);
  budget.penalise(30s, kStart);
  const Time earlier = kStart - 1000h;
  const auto again = Budget::restored(budget.save(), {}, earlier);
  EXPECT_LE(again.judge(kCreate, earlier).at, earlier + 2h);
}

TEST(Budget, ADamagedStateCountsAsNone) {
  for (const char* text : {"", "nonsense", "{}", "[1]", R"({"created":[[1]]})"}) {
    EXPECT_EQ(Budget::restored(text, {}, kStart).judge(kCreate, kStart).at, kStart) << text;
  }
}

}  // namespace
}  // namespace fanout::github
