#include "client/render/timeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/render/json.hpp"
#include "common/text.hpp"
#include "tests/unit/metrics/run_of_tasks.hpp"

namespace fanout::client::test {
namespace {

using testing::HasSubstr;
using testing::Not;

domain::RunOfTasks two_tasks() {
  domain::RunOfTasks run({"a", "longer-name"});
  run.set_up("a", 0, 200, 600, 600, 600, 620).says("a", 1000);
  run.set_up("longer-name", 500, 700, 700, 700, 900, 1000).issue("longer-name", 0, 300);
  return run;
}

TEST(Waterfall, ALineForEachTaskAScaleAndALegend) {
  const auto lines = waterfall(two_tasks().run(), {}, 80);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_THAT(lines[0], testing::StartsWith("a            ██████"));
  EXPECT_THAT(lines[0], HasSubstr("620ms"));
  EXPECT_THAT(lines[1], testing::StartsWith("longer-name  ····"));
  EXPECT_THAT(lines[1], HasSubstr("1.00s  issue 300ms"));
  EXPECT_THAT(lines[2], HasSubstr("1.00s"));
  EXPECT_EQ(lines[3], "· queued   █ worktree   ▓ environment   - slot   ▌ spawn   ░ first output");
}

TEST(Waterfall, NoLineIsWiderThanTheWindow) {
  for (const std::size_t columns : {40u, 60u, 80u, 200u}) {
    const auto lines = waterfall(two_tasks().run(), {}, columns);
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) EXPECT_LE(display_width(lines[i]), columns) << lines[i];
  }
}

TEST(Waterfall, LengthsAreInProportion) {
  const auto line = waterfall(two_tasks().run(), {}, 100)[0];
  const auto count = [&](const std::string& glyph) {
    std::size_t found = 0;
    for (auto at = line.find(glyph); at != std::string::npos; at = line.find(glyph, at + glyph.size())) ++found;
    return static_cast<double>(found);
  };
  EXPECT_NEAR(count("▓") / count("█"), 2.0, 0.3);
}

TEST(Waterfall, OfARunWithoutTasksNothingBreaks) {
  EXPECT_EQ(waterfall(fanout::v1::Run(), {}, 80).size(), 2u);
  EXPECT_THAT(waterfall_svg(fanout::v1::Run()), HasSubstr("</svg>"));
}

TEST(Picture, IsWholeAndTakesNoMarkupFromNames) {
  domain::RunOfTasks run({"<script>&\"x"});
  run.set_up("<script>&\"x", 0, 200, 600, 600, 600, 620);
  const auto svg = waterfall_svg(run.run());
  EXPECT_THAT(svg, testing::StartsWith("<svg xmlns="));
  EXPECT_THAT(svg, testing::EndsWith("</svg>\n"));
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;&amp;&quot;x: worktree 200ms"));
  EXPECT_THAT(svg, Not(HasSubstr("<script>")));
}

TEST(TimelineJson, HasEveryStepInSeconds) {
  const auto json = waterfall_json(two_tasks().run());
  EXPECT_THAT(json, HasSubstr(R"({"step":"environment","begin":0.200000,"end":0.600000})"));
  EXPECT_THAT(json, HasSubstr(R"("issue":{"step":"issue","begin":0.000000,"end":0.300000})"));
}

TEST(FineDuration, KeepsThreeDigits) {
  using std::chrono::microseconds;
  EXPECT_EQ(fine_duration(microseconds(400)), "0.4ms");
  EXPECT_EQ(fine_duration(microseconds(12'300)), "12ms");
  EXPECT_EQ(fine_duration(microseconds(1'254'000)), "1.25s");
  EXPECT_EQ(fine_duration(microseconds(90'000'000)), "1m30s");
}

}  // namespace
}  // namespace fanout::client::test
