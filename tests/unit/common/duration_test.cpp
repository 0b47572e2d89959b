#include "common/duration.hpp"

#include <gtest/gtest.h>

namespace fanout {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

TEST(ParseDuration, ReadsWhatPeopleWrite) {
  EXPECT_EQ(parse_duration("90s"), 90s);
  EXPECT_EQ(parse_duration("15m"), 15min);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("2.5s"), 2500ms);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1m0.5s"), 60500ms);
  EXPECT_EQ(parse_duration("365d"), std::chrono::hours(24 * 365));
}

TEST(ParseDuration, APlainNumberIsSeconds) {
  EXPECT_EQ(parse_duration("0"), 0ms);
  EXPECT_EQ(parse_duration("90"), 90s);
  EXPECT_EQ(parse_duration("1.5"), 1500ms);
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const char* text : {"",     " ",     "s",   "-1s", "+1s", "1 s", " 1s",  "1s ", "1x",  "1h30",
                           "1e3s", "0x10s", "inf", "nan", ".5s", "1S",  "1,5s", "1s-", "1hh", "٣s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(ParseDuration, RefusesMoreThanAYear) {
  for (const char* text : {"366d", "365d1ms", "99999999999999999999h", "200d200d"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_duration(std::string(400, '9') + "s"), std::nullopt);
}

TEST(FormatDuration, HasTwoUnitsAtMostAndRoundsBetweenThem) {
  EXPECT_EQ(format_duration(0ms), "0.0s");
  EXPECT_EQ(format_duration(400ms), "0.4s");
  EXPECT_EQ(format_duration(9949ms), "9.9s");
  EXPECT_EQ(format_duration(9950ms), "10s");
  EXPECT_EQ(format_duration(12s), "12s");
  EXPECT_EQ(format_duration(59499ms), "59s");
  EXPECT_EQ(format_duration(59500ms), "1m00s");
  EXPECT_EQ(format_duration(185s), "3m05s");
  EXPECT_EQ(format_duration(3599499ms), "59m59s");
  EXPECT_EQ(format_duration(3599500ms), "1h00m");
  EXPECT_EQ(format_duration(130min), "2h10m");
  EXPECT_EQ(format_duration(std::chrono::hours(100)), "100h00m");
  EXPECT_EQ(format_duration(-5s), "0.0s");
}

}  // namespace
}  // namespace fanout
