// A plan as Contextune writes it is read as it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using test::MemoryFiles;
using test::told;
using testing::ElementsAre;

constexpr const char* kPlan = R"yaml(# Plan metadata
metadata:
  name: "Decision tracking"
  created: "20251028-011700"
  status: "ready"
overview: |
  Two lines
  of it.
research:
  approach: "Extend"
features: ["one"]
tasks:
  - id: "task-0"
    name: "Create the schema"
    file: "tasks/task-0.md"
    priority: "blocker"
    dependencies: []
  - id: "task-1"
    name: "Sync"
    file: "tasks/task-1.md"
    priority: "high"
    dependencies: ["task-0"]
shared_resources:
  files: []
testing: {unit: []}
success_criteria: ["works"]
notes: |
  note
changelog: []
)yaml";

constexpr const char* kTask0 = R"md(---
id: task-0
priority: blocker
status: completed
dependencies: []
labels:
  - parallel-execution
---

# Create the Schema

## 🎯 Objective

Make the schema.

## 🛠️ Implementation Approach

Like this:
```yaml
## not a heading
- `not/a/file`
```

## 📁 Files to Touch

**Create:**
- `decisions.yaml` (root of project)
- docs/schema.md

**Modify:**
- `a b.txt`

**Read:**
- `other.md`

## 🧪 Tests Required

**Unit:**
- [ ] Test one
- [x] Test two

## ✅ Acceptance Criteria

- [ ] It exists

## ⚠️ Potential Conflicts

None

## 📝 Notes

Foundation.

---

**Worktree:** `worktrees/task-0`
)md";

TEST(PlanLoad, AContextunePlanIsReadWhole) {
  const auto loaded =
      MemoryFiles()
          .add("/p/plan.yaml", kPlan)
          .add("/p/tasks/task-0.md", kTask0)
          .add("/p/tasks/task-1.md",
               "---\r\nid: task-1\r\ndependencies:\r\n  - task-0\r\n---\r\n\r\n## Objective\r\n\r\nSync.\r\n")
          .load();
  EXPECT_THAT(told(loaded.diagnostics), ElementsAre());
  const auto& plan = loaded.plan;
  EXPECT_EQ(plan.name, "Decision tracking");
  EXPECT_EQ(plan.overview, "Two lines\nof it.\n");
  ASSERT_EQ(plan.tasks.size(), 2u);
  const auto& first = plan.tasks[0];
  EXPECT_EQ(first.title, "Create the schema");
  EXPECT_EQ(first.status, TaskStatus::completed);
  EXPECT_EQ(first.priority, Priority::blocker);
  EXPECT_EQ(first.file, "/p/tasks/task-0.md");
  EXPECT_EQ(first.objective, "Make the schema.");
  EXPECT_EQ(first.approach, "Like this:\n```yaml\n## not a heading\n- `not/a/file`\n```");
  EXPECT_THAT(first.create, ElementsAre("decisions.yaml", "docs/schema.md"));
  EXPECT_THAT(first.modify, ElementsAre("a b.txt"));
  EXPECT_THAT(first.tests, ElementsAre("Test one", "Test two"));
  EXPECT_THAT(first.acceptance, ElementsAre("It exists"));
  EXPECT_EQ(first.conflicts, "None");
  EXPECT_EQ(first.notes, "Foundation.");
  EXPECT_THAT(first.labels, ElementsAre("parallel-execution"));
  EXPECT_EQ(plan.tasks[1].objective, "Sync.");
  EXPECT_THAT(plan.tasks[1].dependencies, ElementsAre("task-0"));
}

TEST(PlanLoad, ATaskMayBeWrittenInline) {
  const auto loaded = test::load(
      "title: T\ntasks:\n  - id: a\n    title: Do it\n    prompt: |\n      Line one.\n      Line two.\n");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.plan.name, "T");
  EXPECT_EQ(loaded.plan.tasks[0].body, "Line one.\nLine two.\n");
  EXPECT_EQ(loaded.plan.tasks[0].title, "Do it");
}

TEST(PlanLoad, ATaskFileWithoutFrontMatterOrSectionsIsAllPrompt) {
  const auto loaded = MemoryFiles()
                          .add("/p/plan.yaml", "tasks: [{id: a, file: a.md}]")
                          .add("/p/a.md", "\xEF\xBB\xBF# The title\n\nDo something.\n")
                          .load();
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.plan.tasks[0].title, "The title");
  EXPECT_EQ(loaded.plan.tasks[0].body, "# The title\n\nDo something.\n");
}

TEST(PlanLoad, ALongChainOfDependenciesIsNoTrouble) {
  std::string plan = "tasks:\n  - {id: t0, prompt: x}\n";
  for (int i = 1; i < 1000; ++i) {
    plan +=
        "  - {id: t" + std::to_string(i) + ", prompt: x, dependencies: [t" + std::to_string(i - 1) + "]}\n";
  }
  EXPECT_TRUE(test::load(plan).ok());
}

TEST(PlanLoad, MergeKeysOfYamlAreTakenIn) {
  const auto loaded = test::load(
      "notes: &n {priority: high, prompt: shared}\n"
      "tasks:\n  - {<<: *n, id: a}\n  - {id: b, priority: low, <<: [*n]}\n");
  EXPECT_THAT(told(loaded.diagnostics), ElementsAre());
  EXPECT_EQ(loaded.plan.tasks[0].priority, Priority::high);
  EXPECT_EQ(loaded.plan.tasks[1].priority, Priority::low) << "what the map says itself counts more";
  EXPECT_EQ(loaded.plan.tasks[1].body, "shared");
}

TEST(PlanLoad, ByteOrderMarkCrLfAndDocumentMarksAreFine) {
  EXPECT_THAT(
      told(test::load("\xEF\xBB\xBF---\r\ntasks:\r\n  - id: a\r\n    prompt: \"x\"\r\n...\r\n").diagnostics),
      ElementsAre());
  EXPECT_THAT(told(test::load("tasks: [{id: a, prompt: x}]\n---\n").diagnostics), ElementsAre())
      << "an empty document says nothing";
}

TEST(PlanLoad, QuotesOfAllKindsMayEndAPlan) {
  for (const char* prompt :
       {"\"a \\\" b\"", "'it''s'", "\"two\n  lines\"\n", "|\n      \"open\n", "it's", "\"x\" # \"why"}) {
    EXPECT_THAT(told(test::load("tasks:\n  - id: a\n    prompt: " + std::string(prompt)).diagnostics),
                ElementsAre())
        << prompt;
  }
}

}  // namespace
}  // namespace fanout::domain
