// Agents that start agents: by what they are recognised, and how deep they stand.
#include <gmock/gmock.h>

#include "client/mcp/nesting.hpp"

namespace fanout::mcp {
namespace {

namespace v1 = fanout::v1;
using testing::ElementsAre;
using testing::IsEmpty;

v1::Run run(const std::string& id, const std::string& plan, const std::vector<std::string>& worktrees) {
  v1::Run run;
  run.set_id(id);
  run.set_plan_path(plan);
  for (const auto& worktree : worktrees) {
    auto& agent = *run.add_subagents();
    agent.set_task_id("task-" + std::to_string(run.subagents_size()));
    agent.set_worktree(worktree);
  }
  return run;
}

std::string environment(const std::vector<std::string>& entries) {
  std::string block;
  for (const auto& entry : entries) block += entry + '\0';
  return block;
}

TEST(McpNesting, AnAgentIsKnownByItsEnvironment) {
  const auto place = place_in(environment({"PATH=/bin", "FANOUT_RUN_ID=first", "FANOUT_TASK_ID=task-1"}));
  ASSERT_TRUE(place);
  EXPECT_EQ(place->run_id, "first");
  EXPECT_EQ(place->task_id, "task-1");
  EXPECT_FALSE(place_in(environment({"FANOUT_RUN_ID=first"})));
  EXPECT_FALSE(place_in(environment({"FANOUT_RUN_ID=", "FANOUT_TASK_ID=task-1"})));
  EXPECT_FALSE(place_in(environment({"NOT_FANOUT_RUN_ID=first", "FANOUT_TASK_IDS=task-1"})));
  EXPECT_FALSE(place_in(""));
}

TEST(McpNesting, APathIsInAFolderByWholeNames) {
  const std::vector<std::filesystem::path> folders{"/home/me/a"};
  EXPECT_TRUE(lies_in("/home/me/a/plan.yaml", folders));
  EXPECT_FALSE(lies_in("/home/me/ab/plan.yaml", folders));
  EXPECT_FALSE(lies_in("/home/me/plan.yaml", folders));
}

TEST(McpNesting, ATasksEarlierWorktreesAreItsOwnToo) {
  auto first = run("first", "/src/plan.yaml", {"/none/a-2", "/none/b"});
  first.mutable_subagents(0)->add_left_work()->set_worktree("/none/a");
  EXPECT_THAT(worktrees_of(first, "task-1"), ElementsAre("/none/a-2", "/none/a"));
  EXPECT_THAT(worktrees_of(first, "task-3"), IsEmpty());
}

TEST(McpNesting, DepthIsHowManyRunsStandAbove) {
  const std::vector<v1::Run> all{run("first", "/src/plan.yaml", {"/none/a", "/none/b"}),
                                 run("second", "/none/b/plan.yaml", {"/none/b/w/c"}),
                                 run("third", "/none/b/w/c/.parallel/plans/plan.yaml", {"/none/d"})};
  EXPECT_EQ(depth_of(all[0], all), 0u);
  EXPECT_EQ(depth_of(all[1], all), 1u);
  EXPECT_EQ(depth_of(all[2], all), 2u) << "its plan lies in the worktrees of both";
}

TEST(McpNesting, RunsThatStandAboveEachOtherDoNotHoldItUpForEver) {
  const std::vector<v1::Run> all{run("first", "/none/b/plan.yaml", {"/none/a"}),
                                 run("second", "/none/a/plan.yaml", {"/none/b"})};
  EXPECT_EQ(depth_of(all[0], all), 2u);
}

TEST(McpNesting, AllThatWasStartedFromATaskCountsAgainstIt) {
  const std::vector<std::filesystem::path> own{"/none/a"};
  const std::vector<v1::Run> all{run("first", "/src/plan.yaml", {"/none/a", "/none/b"}),
                                 run("second", "/none/a/plan.yaml", {"/none/c", "/none/d"}),
                                 run("third", "/none/a/x/plan.yaml", {"/none/e"}),
                                 run("fourth", "/none/b/plan.yaml", {"/none/f"})};
  EXPECT_EQ(tasks_started_from(own, all), 3u);
}

}  // namespace
}  // namespace fanout::mcp
