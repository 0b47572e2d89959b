#include "server/domain/metrics/metrics.hpp"

#include <gtest/gtest.h>

#include "tests/unit/metrics/run_of_tasks.hpp"

namespace fanout::domain {
namespace {

using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;

long in_ms(const google::protobuf::Duration& duration) { return TimeUtil::DurationToMilliseconds(duration); }

TEST(Efficiency, IsTheSeedsFormula) {
  // The seed's own example: five tasks of 3 s + 5 s, of which the parallel way needs 8 s and 5 s for spawning.
  const Efficiency seed{std::chrono::seconds(40), std::chrono::seconds(13), std::chrono::seconds(8)};
  ASSERT_TRUE(seed.ratio());
  EXPECT_DOUBLE_EQ(*seed.ratio(), 27.0 / 32.0);
  EXPECT_EQ(seed.saved(), std::chrono::seconds(27));
}

TEST(Efficiency, OfOneTaskThereIsNone) {
  EXPECT_FALSE((Efficiency{milliseconds(8), milliseconds(8), milliseconds(8)}).ratio());
}

TEST(Efficiency, SlowerThanOneAfterTheOtherIsBelowNothingAndSavesNothing) {
  const Efficiency bad{milliseconds(40), milliseconds(56), milliseconds(8)};
  EXPECT_DOUBLE_EQ(*bad.ratio(), -0.5);
  EXPECT_EQ(bad.saved(), Moment(0));
}

TEST(Covered, OverlapsCountOnceAndGapsNotAtAll) {
  const auto span = [](long begin, long end) { return Span{SetupStep::worktree, Moment(begin), Moment(end), false}; };
  EXPECT_EQ(covered({span(30, 40), span(0, 10), span(5, 12), span(6, 8)}), Moment(22));
  EXPECT_EQ(covered({}), Moment(0));
}

TEST(RunMetrics, TasksSideBySideTakeAsLongAsTheLongest) {
  RunOfTasks run({"a", "b"});
  run.set_up("a", 0, 10, 20, 30, 30, 40).set_up("b", 0, 10, 20, 30, 30, 40);
  const auto metrics = metrics_of(run.run());
  EXPECT_EQ(in_ms(metrics.sequential()), 80);
  EXPECT_EQ(in_ms(metrics.setup_time()), 40);
  EXPECT_EQ(in_ms(metrics.ideal()), 40);
  EXPECT_DOUBLE_EQ(metrics.parallel_efficiency(), 1.0);
  EXPECT_EQ(in_ms(metrics.saved()), 40);
  EXPECT_EQ(metrics.set_up(), 2u);
}

TEST(RunMetrics, TasksOneAfterTheOtherSaveNothing) {
  RunOfTasks run({"a", "b"});
  run.set_up("a", 0, 10, 20, 30, 30, 40).set_up("b", 40, 50, 60, 70, 70, 80);
  const auto metrics = metrics_of(run.run());
  EXPECT_DOUBLE_EQ(metrics.parallel_efficiency(), 0.0);
  EXPECT_EQ(in_ms(metrics.saved()), 0);
}

TEST(RunMetrics, WaitingForOthersForASlotAndForTheAgentsWordIsNoSetup) {
  RunOfTasks run({"a", "b"});
  run.set_up("a", 0, 10, 20, 30, 30, 40);
  run.set_up("b", 5000, 5010, 5020, 5030, 9000, 9010).says("b", 20'000);
  const auto metrics = metrics_of(run.run());
  EXPECT_EQ(in_ms(metrics.setup_time()), 80);
  EXPECT_EQ(in_ms(metrics.ideal()), 40);
}

TEST(RunMetrics, AnIssueThatNobodyWaitedForCountsAsSavedTime) {
  RunOfTasks run({"a", "b"});
  run.set_up("a", 0, 10, 20, 30, 30, 40).set_up("b", 0, 10, 20, 30, 30, 40);
  run.issue("a", 0, 3000).issue("b", 0, 3000);
  const auto metrics = metrics_of(run.run());
  EXPECT_EQ(in_ms(metrics.sequential()), 6080);
  EXPECT_EQ(in_ms(metrics.setup_time()), 40);
}

TEST(RunMetrics, FailuresInSetupAreCountedOfThoseThatBegan) {
  RunOfTasks run({"a", "b", "c", "d"});
  run.set_up("a", 0, 1, 2, 3, 4, 5).phase("a", 9, fanout::v1::PHASE_IMPLEMENTING, fanout::v1::PHASE_FAILED);
  run.begin("b", 0).phase("b", 3, fanout::v1::PHASE_SETTING_UP, fanout::v1::PHASE_FAILED);
  run.phase("c", 4, fanout::v1::PHASE_PENDING, fanout::v1::PHASE_BLOCKED);
  run.set_up("d", 0, 1, 2, 3, 4, 5);
  const auto metrics = metrics_of(run.run());
  EXPECT_EQ(metrics.tasks(), 4u);
  EXPECT_EQ(metrics.setup_failures(), 1u);
  EXPECT_DOUBLE_EQ(metrics.setup_error_rate(), 1.0 / 3.0);
}

TEST(RunMetrics, EnvironmentsFromTheCacheAreCounted) {
  RunOfTasks run({"a", "b"});
  run.environment("a", 1, true).environment("b", 1, false);
  EXPECT_EQ(metrics_of(run.run()).environments_cached(), 1u);
}

TEST(Percentile, IsAValueThatOccurred) {
  std::vector<std::uint32_t> values;
  for (std::uint32_t i = 100; i >= 1; --i) values.push_back(i);
  EXPECT_EQ(percentile(values, 50), 50u);
  EXPECT_EQ(percentile(values, 90), 90u);
  EXPECT_EQ(percentile(values, 99), 99u);
  EXPECT_EQ(percentile({7}, 50), 7u);
  EXPECT_EQ(percentile({1, 100}, 90), 100u);
  EXPECT_EQ(percentile({}, 50), 0u);
}

TEST(TotalMetrics, AddsUpAndTakesTheMeanOfThoseThatHaveAnEfficiency) {
  fanout::v1::RunMetrics a, b, c;
  a.set_tasks(5);
  b.set_tasks(20);
  c.set_tasks(1);
  a.set_set_up(5);
  b.set_set_up(19);
  b.set_setup_failures(1);
  *a.mutable_saved() = TimeUtil::SecondsToDuration(30);
  *b.mutable_saved() = TimeUtil::SecondsToDuration(150);
  a.set_parallel_efficiency(0.8);
  b.set_parallel_efficiency(1.0);
  const auto total = total_of({&a, &b, &c});
  EXPECT_EQ(total.runs(), 3u);
  EXPECT_EQ(total.tasks(), 26u);
  EXPECT_EQ(total.tasks_p50(), 5u);
  EXPECT_EQ(total.tasks_p99(), 20u);
  EXPECT_EQ(total.saved().seconds(), 180);
  EXPECT_DOUBLE_EQ(total.setup_error_rate(), 1.0 / 25.0);
  EXPECT_DOUBLE_EQ(total.parallel_efficiency(), 0.9);
}

}  // namespace
}  // namespace fanout::domain
