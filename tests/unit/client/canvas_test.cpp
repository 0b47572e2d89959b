#include <gmock/gmock.h>

#include "client/render/canvas.hpp"
#include "client/render/live.hpp"
#include "tests/unit/client/run_builder.hpp"
#include "tests/unit/client/screen.hpp"

namespace fanout::client::test {
namespace {

TEST(Canvas, DrawsEachFrameOverTheLast) {
  Screen screen(80, 24);
  Canvas canvas;
  screen.write("$ fanout watch\n");
  screen.write(canvas.draw({"one", "a longer line", "three"}, 80));
  screen.write(canvas.draw({"1", "2"}, 80));
  EXPECT_EQ(screen.text(), "$ fanout watch\n1\n2\n");
  screen.write(canvas.draw({"1", "2", "3"}, 80));
  EXPECT_EQ(screen.text(), "$ fanout watch\n1\n2\n3\n");
  EXPECT_TRUE(screen.wraps());
}

TEST(Canvas, WritesOnlyWhatChanged) {
  Screen screen(80, 24);
  Canvas canvas;
  screen.write(canvas.draw({"one", "two", "three"}, 80));
  const auto second = canvas.draw({"one", "2", "three"}, 80);
  EXPECT_THAT(second, testing::Not(testing::HasSubstr("one")));
  screen.write(second);
  EXPECT_EQ(screen.text(), "one\n2\nthree\n");
  EXPECT_EQ(canvas.draw({"one", "2", "three"}, 80), "") << "nothing changed";
  EXPECT_THAT(canvas.draw({"one", "2", "three"}, 60), testing::HasSubstr("three")) << "a new width: all of it";
}

TEST(Canvas, ShowsAFrameAtOnce) {
  Canvas canvas;
  const auto bytes = canvas.draw({"one"}, 80);
  EXPECT_THAT(bytes, testing::StartsWith("\x1b[?2026h"));
  EXPECT_THAT(bytes, testing::EndsWith("\x1b[?2026l"));
}

TEST(Canvas, ErasesWithoutATrace) {
  Screen screen(80, 24);
  Canvas canvas;
  screen.write("before\n");
  screen.write(canvas.draw({"one", "two"}, 80));
  screen.write(canvas.erase(80));
  screen.write("after\n");
  EXPECT_EQ(screen.text(), "before\nafter\n");
}

TEST(Canvas, LeavesWhatItForgets) {
  Screen screen(80, 24);
  Canvas canvas;
  screen.write(canvas.draw({"one"}, 80));
  canvas.forget();
  screen.write(canvas.draw({"two"}, 80));
  EXPECT_EQ(screen.text(), "one\ntwo\n");
}

TEST(Canvas, FindsItsStartAgainWhenANarrowerTerminalHasBrokenTheLines) {
  Canvas canvas;
  canvas.draw({std::string(70, 'x'), "", "\x1b[32m" + std::string(40, 'y') + "\x1b[0m"}, 80);
  // At 40 columns: two rows, one, and one.
  EXPECT_THAT(canvas.draw({"z"}, 40), testing::StartsWith("\x1b[?2026h\r\x1b[4A"));
}

TEST(Canvas, OfAFullTerminalStillReachesItsFirstLine) {
  Screen screen(80, 10);
  Canvas canvas;
  screen.write("$ fanout watch\n");
  for (double second = 0; second < 5; ++second) {
    screen.write(canvas.draw(frame(many(200, fanout::v1::PHASE_IMPLEMENTING), {80, 10, at(second), {}}), 80));
  }
  const auto text = screen.text();
  EXPECT_EQ(text.find("First steps"), text.rfind("First steps")) << text;
  EXPECT_THAT(text, testing::HasSubstr("200 at work · 4s"));
}

}  // namespace
}  // namespace fanout::client::test
