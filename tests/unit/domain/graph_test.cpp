#include "server/domain/plan/graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using testing::ElementsAre;

LoadedPlan diamond() {
  const auto file = [](const std::string& path) { return "## Files to Touch\n**Modify:**\n- `" + path + "`\n"; };
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

}  // namespace
}  // namespace fanout::domain
