#include "server/domain/metrics/timeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/metrics/run_of_tasks.hpp"

namespace fanout::domain {
namespace {

using fanout::v1::PHASE_FAILED;
using fanout::v1::PHASE_PENDING;
using fanout::v1::PHASE_SETTING_UP;
using fanout::v1::PHASE_SKIPPED;
using testing::ElementsAre;

/// "worktree 10-30"; with a "+" while it is under way.
std::string text(const Span& span) {
  return std::string(to_string(span.step)) + " " + std::to_string(span.begin.count() / 1000) + "-" +
         std::to_string(span.end.count() / 1000) + (span.open ? "+" : "");
}

std::vector<std::string> texts(const Lane& lane) {
  std::vector<std::string> all;
  for (const auto& span : lane.spans) all.push_back(text(span));
  return all;
}

Lane only_lane(const RunOfTasks& tasks) { return timeline(tasks.run()).at(0); }

TEST(Timeline, EveryStepOfATaskHasItsPlace) {
  RunOfTasks run({"a"});
  run.set_up("a", 10, 30, 70, 90, 95, 100).says("a", 140);
  EXPECT_THAT(texts(only_lane(run)), ElementsAre("queued 0-10", "worktree 10-30", "environment 30-70", "verify 70-90",
                                                 "slot 90-95", "spawn 95-100", "first output 100-140"));
}

TEST(Timeline, StepsThatTookNoTimeAreLeftOut) {
  RunOfTasks run({"a"});
  run.set_up("a", 0, 30, 30, 30, 30, 31).says("a", 31);
  EXPECT_THAT(texts(only_lane(run)), ElementsAre("worktree 0-30", "spawn 30-31"));
}

TEST(Timeline, WhatIsUnderWayEndsAtTheLastMomentThatIsKnown) {
  RunOfTasks run({"a", "b"});
  run.begin("a", 5).begin("b", 5).worktree("b", 20);
  EXPECT_THAT(texts(only_lane(run)), ElementsAre("queued 0-5", "worktree 5-20+"));
}

TEST(Timeline, ATaskThatFailedInSetupEndsThere) {
  RunOfTasks run({"a", "b"});
  run.begin("a", 5).worktree("a", 10).phase("a", 25, PHASE_SETTING_UP, PHASE_FAILED).begin("b", 90);
  const auto lane = only_lane(run);
  EXPECT_THAT(texts(lane), ElementsAre("queued 0-5", "worktree 5-10", "environment 10-25"));
  EXPECT_TRUE(lane.failed);
}

TEST(Timeline, AnAgentThatSaidNothingAndHasEndedIsNotDrawnOn) {
  RunOfTasks run({"a"});
  run.set_up("a", 0, 1, 2, 3, 4, 5).phase("a", 500, fanout::v1::PHASE_IMPLEMENTING, fanout::v1::PHASE_TESTING);
  EXPECT_THAT(texts(only_lane(run)).back(), "spawn 4-5");
}

TEST(Timeline, AnIssueIsBesideTheSteps) {
  RunOfTasks run({"a"});
  run.begin("a", 1).worktree("a", 3).issue("a", 2, 302);
  const auto lane = only_lane(run);
  ASSERT_TRUE(lane.issue);
  EXPECT_EQ(lane.issue->begin, std::chrono::milliseconds(2));
  EXPECT_EQ(lane.issue->end, std::chrono::milliseconds(302));
  EXPECT_EQ(end_of(timeline(run.run())), std::chrono::milliseconds(302));
}

TEST(Timeline, ARetryBeginsAnew) {
  RunOfTasks run({"a"});
  run.set_up("a", 0, 1, 2, 3, 4, 5);
  fanout::v1::Event again;
  again.mutable_retry_requested();
  run.tell("a", 1000, again).begin("a", 1001).worktree("a", 1010);
  EXPECT_THAT(texts(only_lane(run)), ElementsAre("queued 1000-1001", "worktree 1001-1010", "environment 1010-1010+"));
}

TEST(Timeline, EventsOfAnOlderDaemonThatDoNotTellOfVerifyingLeaveNoGap) {
  RunOfTasks run({"a"});
  run.begin("a", 0).worktree("a", 10).environment("a", 20).slot("a", 30).agent("a", 31);
  EXPECT_THAT(texts(only_lane(run)), ElementsAre("worktree 0-10", "environment 10-20", "slot 20-30", "spawn 30-31", "first output 31-31+"));
}

TEST(Timeline, SkippedTasksHaveNoLane) {
  RunOfTasks run({"a", "b"});
  run.phase("a", 1, PHASE_PENDING, PHASE_SKIPPED);
  const auto lanes = timeline(run.run());
  ASSERT_EQ(lanes.size(), 1u);
  EXPECT_EQ(lanes[0].task_id, "b");
}

}  // namespace
}  // namespace fanout::domain
