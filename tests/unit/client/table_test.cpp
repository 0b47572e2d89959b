#include "client/render/table.hpp"

#include <gmock/gmock.h>

namespace fanout::client::test {
namespace {

using testing::ElementsAre;

TEST(Table, AlignsColumnsAndCutsTheLastAtTheEdge) {
  Table table({{"TASK"}, {"N", true}, {"SAYS"}});
  table.add({{"a"}, {"1"}, {"something long"}});
  table.add({{"bcdef"}, {"100"}, {""}});
  EXPECT_THAT(table.lines({}, {22, true, 1}),
              ElementsAre("TASK     N  SAYS", "a        1  something…", "bcdef  100"));
}

TEST(Table, LetsTheLastColumnGoOnBelowItself) {
  Table table({{"TASK"}, {"REASON"}});
  table.add({{"a"}, {"one two three four five six seven"}});
  EXPECT_THAT(table.lines({}, {27, false, 2}),
              ElementsAre("a     one two three four", "      five six seven"));
  EXPECT_THAT(table.lines({}, {kUnlimited, false, 2}),
              ElementsAre("a     one two three four five six seven"));
}

TEST(Table, CutsWhatIsWiderThanItsColumnMayBe) {
  Table table({{"", false, 0, 4}, {""}});
  table.add({{"abcdef"}, {"x"}});
  EXPECT_THAT(table.lines({}, {}), ElementsAre("abc…  x"));
}

TEST(Wrapped, BreaksBetweenWordsAndLongWordsAnywhere) {
  EXPECT_THAT(wrapped("aaa bbb ccc", 7), ElementsAre("aaa bbb", "ccc"));
  EXPECT_THAT(wrapped("aaaaaaaaaa", 4), ElementsAre("aaaa", "aaaa", "aa"));
  EXPECT_THAT(wrapped("漢字漢字", 5), ElementsAre("漢字", "漢字"));
  EXPECT_THAT(wrapped("", 5), ElementsAre(""));
  EXPECT_THAT(wrapped("aaa bbb ccc ddd", 3, 2), ElementsAre("aaa", "bb…"));
}

TEST(Wrapped, ComesToAnEndWhereNothingFits) { EXPECT_THAT(wrapped("漢字 漢字", 1), ElementsAre("…")); }

TEST(LineText, IsCutWhereItsRoomEnds) {
  EXPECT_EQ(Line({}, 5).add("abc").add("defg").text(), "abcd…");
  EXPECT_EQ(Line({}, 5).add("abcde").add("f").text(), "abcde");
  EXPECT_EQ(Line({}, 5).pad_to(9).add("f").text(), "");
  EXPECT_EQ(Line({}).add("a").pad_to(4).text(), "a");
}

}  // namespace
}  // namespace fanout::client::test
