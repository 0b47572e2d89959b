#include "server/pool/demand.hpp"

#include <gtest/gtest.h>

namespace fanout::pool {
namespace {

constexpr Limits kWide{100, 1'000'000};

TEST(Demand, TheLargestOfTheLastThreeRunsIsExpectedAgain) {
  Uses uses;
  EXPECT_EQ(uses.expected(), 0u);
  for (const std::size_t count : {50, 3, 7, 5}) uses.add(count);
  EXPECT_EQ(uses.expected(), 7u);
}

TEST(Demand, TheFirstIsMadeAloneToLearnHowLargeOneIs) { EXPECT_EQ(to_make(20, 0, 0, kWide), 1u); }

TEST(Demand, TheRestIsMadeAFewAtATimeUpToWhatIsWanted) {
  EXPECT_EQ(to_make(20, 1, 10, kWide), 8u);
  EXPECT_EQ(to_make(20, 17, 170, kWide), 3u);
  EXPECT_EQ(to_make(20, 20, 200, kWide), 0u);
  EXPECT_EQ(to_make(5, 20, 200, kWide), 0u);
}

TEST(Demand, NeitherMoreWorktreesNorMoreBytesThanAllowed) {
  EXPECT_EQ(to_make(20, 4, 40, {5, 1000}), 1u);
  EXPECT_EQ(to_make(20, 0, 0, {0, 1000}), 0u);
  EXPECT_EQ(to_make(20, 4, 400, {100, 550}), 1u);
  EXPECT_EQ(to_make(20, 4, 400, {100, 499}), 0u);
  EXPECT_EQ(to_make(20, 4, 600, {100, 500}), 0u);
}

}  // namespace
}  // namespace fanout::pool
