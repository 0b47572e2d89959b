#include "server/domain/subagent/parking.hpp"

#include <gtest/gtest.h>

namespace fanout::domain {
namespace {

using namespace std::chrono_literals;

const Chance kMost = [](std::uint64_t most) { return most; };
const Chance kLeast = [](std::uint64_t) { return 0; };

WallTime at(std::chrono::milliseconds time) { return WallTime(std::chrono::hours(24 * 365) + time); }

TEST(Parking, LastsUntilTheToldMoment) {
  Parking accounts;
  const auto& parked = accounts.meet_limit("a", at(1h), "limit", at(0s), kMost);
  EXPECT_EQ(parked.until, at(1h));
  EXPECT_TRUE(parked.told);
  EXPECT_NE(accounts.parked("a", at(59min)), nullptr);
  EXPECT_EQ(accounts.parked("a", at(1h)), nullptr);
}

TEST(Parking, ConcernsNoOtherAccount) {
  Parking accounts;
  accounts.meet_limit("a", at(1h), "limit", at(0s), kMost);
  EXPECT_EQ(accounts.parked("b", at(0s)), nullptr);
}

TEST(Parking, WithoutAToldMomentDoublesWithEachLimitInARow) {
  EXPECT_EQ(parking_time(1, kMost), 30s);
  EXPECT_EQ(parking_time(1, kLeast), 15s);
  EXPECT_EQ(parking_time(3, kMost), 120s);
  EXPECT_EQ(parking_time(100, kMost), kLongestParking);
  Parking accounts;
  auto now = at(0s);
  EXPECT_EQ(accounts.meet_limit("a", {}, "limit", now, kMost).until, now + 30s);
  now += 31s;
  EXPECT_TRUE(accounts.enter("a", now));
  EXPECT_EQ(accounts.meet_limit("a", {}, "limit", now, kMost).until, now + 60s);
  EXPECT_EQ(accounts.parked("a", now)->strike, 2u);
}

TEST(Parking, ThoseWhoWereAtWorkAlreadyMeetTheSameLimit) {
  Parking accounts;
  accounts.meet_limit("a", {}, "limit", at(0s), kMost);
  const auto& parked = accounts.meet_limit("a", {}, "limit", at(1s), kMost);
  EXPECT_EQ(parked.strike, 1u);
  EXPECT_EQ(parked.until, at(30s));
  EXPECT_EQ(accounts.meet_limit("a", at(2h), "weekly limit", at(2s), kMost).until, at(2h)) << "it knows better";
}

TEST(Parking, OneTriesBeforeTheOthersFollow) {
  Parking accounts;
  accounts.meet_limit("a", {}, "limit", at(0s), kMost);
  EXPECT_FALSE(accounts.enter("a", at(29s)));
  EXPECT_TRUE(accounts.enter("a", at(30s)));
  EXPECT_FALSE(accounts.enter("a", at(31s)));
  accounts.work("a");
  EXPECT_TRUE(accounts.enter("a", at(32s)));
}

TEST(Parking, WhoTriedAndFellSilentHoldsNobodyUpForEver) {
  Parking accounts;
  accounts.meet_limit("a", {}, "limit", at(0s), kMost);
  EXPECT_TRUE(accounts.enter("a", at(30s)));
  EXPECT_TRUE(accounts.enter("a", at(30s) + kTrial));
}

TEST(Parking, AnAnswerToOneThatWasAtWorkBeforeDoesNotEndIt) {
  Parking accounts;
  accounts.meet_limit("a", {}, "limit", at(0s), kMost);
  EXPECT_FALSE(accounts.work("a"));
  EXPECT_FALSE(accounts.enter("a", at(1s)));
}

TEST(Parking, BeginsAnewOnceTheAccountWorks) {
  Parking accounts;
  accounts.meet_limit("a", {}, "limit", at(0s), kMost);
  EXPECT_TRUE(accounts.enter("a", at(30s)));
  accounts.work("a");
  EXPECT_EQ(accounts.meet_limit("a", {}, "limit", at(40s), kMost).strike, 1u);
}

TEST(Parking, AMomentThatHasPassedOrIsAbsurdIsNotBelieved) {
  Parking accounts;
  EXPECT_EQ(accounts.meet_limit("a", at(0s), "limit", at(10s), kMost).until, at(10s) + 30s);
  EXPECT_FALSE(accounts.parked("a", at(10s))->told);
  EXPECT_EQ(accounts.meet_limit("b", at(0s) + 10'000h, "limit", at(0s), kMost).until, at(0s) + kFurthestReset);
}

TEST(Parking, OfADaemonBeforeHoldsAgain) {
  Parking accounts;
  accounts.restore("a", {at(1h), true, 3, "limit"});
  ASSERT_NE(accounts.parked("a", at(0s)), nullptr);
  EXPECT_EQ(accounts.parked("a", at(0s))->strike, 3u);
  accounts.restore("a", {at(5min), true, 1, "limit"});
  EXPECT_EQ(accounts.parked("a", at(0s))->until, at(1h));
}

}  // namespace
}  // namespace fanout::domain
