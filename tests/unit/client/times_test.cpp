#include "client/render/times.hpp"

#include <gtest/gtest.h>

#include "tests/unit/client/run_builder.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using namespace std::chrono_literals;

TEST(Times, OfASubagentTickUntilItEndsAndStayThen) {
  RunBuilder run;
  EXPECT_EQ(shown_time(run.task("a", v1::PHASE_PENDING), at(9)), "");
  EXPECT_EQ(shown_time(run.task("b", v1::PHASE_TESTING, 1), at(9.9)), "8s");
  EXPECT_EQ(shown_time(run.task("c", v1::PHASE_FAILED, 1, 3.5), at(9)), "2.5s");
}

TEST(Times, AreNeverNegativeThoughAClockGoesBack) {
  RunBuilder run;
  EXPECT_EQ(time_of(run.task("a", v1::PHASE_TESTING, 10), at(3)), 0ms);
  EXPECT_EQ(ago(at(10), at(3)), "0s ago");
}

TEST(Times, OfTicksAreWholeSeconds) {
  EXPECT_EQ(ticking(0ms), "0s");
  EXPECT_EQ(ticking(59'999ms), "59s");
  EXPECT_EQ(ticking(60s), "1m00s");
}

TEST(Times, AgoAreRough) {
  EXPECT_EQ(ago(at(0), at(59)), "59s ago");
  EXPECT_EQ(ago(at(0), at(60)), "1 min ago");
  EXPECT_EQ(ago(at(0), at(3 * 3600 + 5)), "3 h ago");
  EXPECT_EQ(ago(at(0), at(90'000)).substr(0, 8), "2023-11-");
}

}  // namespace
}  // namespace fanout::client::test
