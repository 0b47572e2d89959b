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

}  // namespace
}  // namespace fanout
