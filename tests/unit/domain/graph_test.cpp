#include "server/domain/plan/graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using testing::ElementsAre;

LoadedPlan diamond() {
  const auto file = [](const std::string& path) {
    return "## Files to Touch\n**Modify:**\n- `" + path + "`\n";
  };
  return test::MemoryFiles()
      .add("/p/plan.yaml",
           "tasks:\n"
           "  - {id: a, file: a.md}\n"
           "  - {id: b, file: b.md, dependencies: [a]}\n"
           "  - {id: c, file: c.md, dependencies: [a]}\n"
           "  - {id: d, file: a.md, dependencies: [b, c]}\n"
           "  - {id: old, prompt: x, status: completed}\n"
           "  - {id: e, prompt: x, dependencies: [old]}\n")
      .add("/p/a.md", file("shared.txt"))
      .add("/p/b.md", file("shared.txt"))
      .add("/p/c.md", file("shared.txt"))
      .load();
}

TEST(Graph, WavesLeaveOutWhatIsCompleted) {
  EXPECT_THAT(waves(diamond().plan),
              ElementsAre(ElementsAre("a", "e"), ElementsAre("b", "c"), ElementsAre("d")));
}

TEST(Graph, TheCriticalPathIsTheLongestChain) {
  EXPECT_THAT(critical_path(diamond().plan), ElementsAre("a", "b", "d"));
}

TEST(Graph, OnlyTasksThatMayRunTogetherAreAtRisk) {
  const auto description = describe(diamond().plan, {});
  ASSERT_EQ(description.conflicts_size(), 1);
  EXPECT_EQ(description.conflicts(0).task_a(), "b");
  EXPECT_EQ(description.conflicts(0).task_b(), "c");
  EXPECT_THAT(description.conflicts(0).files(), ElementsAre("shared.txt"));
  EXPECT_TRUE(description.tasks(4).skipped());
  EXPECT_EQ(description.tasks(4).wave(), 0u);
}

TEST(Graph, ASkippedTaskHoldsNothingBackAndOrdersNothing) {
  const std::string touch = "## Files to Touch\n- shared.txt\n";
  const auto loaded = test::MemoryFiles()
                          .add("/p/plan.yaml",
                               "tasks:\n"
                               "  - {id: a, file: a.md}\n"
                               "  - {id: done, prompt: x, status: completed, dependencies: [a]}\n"
                               "  - {id: b, file: b.md, dependencies: [done]}\n")
                          .add("/p/a.md", touch)
                          .add("/p/b.md", touch)
                          .load();
  EXPECT_THAT(waves(loaded.plan), ElementsAre(ElementsAre("a", "b")));
  EXPECT_EQ(describe(loaded.plan, {}).conflicts_size(), 1) << "they may run at once";
}

TEST(Graph, ThatOneCreatesAndAnotherDeletesAFileIsARiskToo) {
  const auto loaded = test::MemoryFiles()
                          .add("/p/plan.yaml", "tasks: [{id: a, file: a.md}, {id: b, file: b.md}]\n")
                          .add("/p/a.md", "## Files to Touch\n**Create:**\n- `x/y.txt`\n")
                          .add("/p/b.md", "## Files to Touch\n**Delete:**\n- ./x/y.txt\n**Read:**\n- z\n")
                          .load();
  const auto description = describe(loaded.plan, {});
  ASSERT_EQ(description.conflicts_size(), 1);
  EXPECT_THAT(description.conflicts(0).files(), ElementsAre("x/y.txt"));
}

TEST(Graph, APlanWithEverythingDoneHasNoWaves) {
  const auto loaded = test::load("tasks: [{id: a, prompt: x, status: completed}]");
  EXPECT_TRUE(waves(loaded.plan).empty());
  EXPECT_TRUE(critical_path(loaded.plan).empty());
  EXPECT_EQ(describe(loaded.plan, {}).tasks_size(), 1);
}

}  // namespace
}  // namespace fanout::domain
