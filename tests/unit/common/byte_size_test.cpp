#include "common/byte_size.hpp"

#include <gtest/gtest.h>

namespace fanout {
namespace {

TEST(ByteSize, ReadsWhatPeopleWrite) {
  EXPECT_EQ(parse_byte_size("0"), 0u);
  EXPECT_EQ(parse_byte_size("1000"), 1000u);
  EXPECT_EQ(parse_byte_size("10GB"), 10ull << 30);
  EXPECT_EQ(parse_byte_size("10 GiB"), 10ull << 30);
  EXPECT_EQ(parse_byte_size("1.5k"), 1536u);
  EXPECT_EQ(parse_byte_size("500M"), 500ull << 20);
  EXPECT_EQ(parse_byte_size("2 tb"), 2ull << 40);
}

TEST(ByteSize, RefusesTheRest) {
  for (const auto* text : {"", "GB", "-1", "1x", "10GBs", "1e99", "99999999999 TB", "10 G B", "nan"}) {
    EXPECT_EQ(parse_byte_size(text), std::nullopt) << text;
  }
}

TEST(ByteSize, IsWrittenForPeople) {
  EXPECT_EQ(format_byte_size(0), "0 B");
  EXPECT_EQ(format_byte_size(1023), "1023 B");
  EXPECT_EQ(format_byte_size(1024), "1.0 KiB");
  EXPECT_EQ(format_byte_size((1ull << 20) - 1), "1.0 MiB");
  EXPECT_EQ(format_byte_size(3ull << 29), "1.5 GiB");
  EXPECT_EQ(format_byte_size(300ull << 20), "300 MiB");
}

}  // namespace
}  // namespace fanout
