#include "common/size.hpp"

#include <gtest/gtest.h>

namespace fanout {
namespace {

TEST(Size, IsWrittenForPeople) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1024), "1.0 KiB");
  EXPECT_EQ(format_size((1ull << 20) - 1), "1.0 MiB");
  EXPECT_EQ(format_size(3ull << 29), "1.5 GiB");
  EXPECT_EQ(format_size(300ull << 20), "300 MiB");
}

}  // namespace
}  // namespace fanout
