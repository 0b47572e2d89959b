#include "client/log_lines.hpp"

#include <gtest/gtest.h>

namespace fanout::client::test {
namespace {

TEST(LogLines, PutsLinesTogetherHoweverTheyArrive) {
  LogLines lines;
  EXPECT_EQ(lines.add("on"), "");
  EXPECT_EQ(lines.add("e\ntwo\nthr"), "one\ntwo\n");
  EXPECT_EQ(lines.add("\xE6\xBC"), "");
  EXPECT_EQ(lines.add("\xA2\r\n\n"), "thr漢\n\n");
  EXPECT_EQ(lines.finish(), "");
}

TEST(LogLines, ShowsALastLineWithoutAnEnd) {
  LogLines lines;
  EXPECT_EQ(lines.add("tail"), "");
  EXPECT_EQ(lines.finish(), "tail\n");
  EXPECT_EQ(lines.finish(), "");
}

TEST(LogLines, LeavesOutWhatWouldChangeTheTerminal) {
  LogLines lines;
  EXPECT_EQ(lines.add("\x1b[2J\x1b]52;c;AAAA\x07ok\x07\n"), "ok\n");
}

TEST(LogLines, ShowsAnEndlessLineInPieces) {
  LogLines lines;
  std::size_t shown = 0;
  for (int i = 0; i < 100; ++i) shown += lines.add(std::string(10'000, 'x')).size();
  shown += lines.finish().size();
  EXPECT_GE(shown, 1'000'000u);
  EXPECT_LE(shown, 1'000'020u);
}

}  // namespace
}  // namespace fanout::client::test
