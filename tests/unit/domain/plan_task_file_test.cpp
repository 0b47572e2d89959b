// What a task's file says: its sections, and its front matter beside the plan's entry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using test::MemoryFiles;
using test::told;
using testing::ElementsAre;
using testing::IsEmpty;

LoadedPlan load_file(const std::string& text, const std::string& entry = "id: a, file: a.md") {
  return MemoryFiles().add("/p/plan.yaml", "tasks: [{" + entry + "}]\n").add("/p/a.md", text).load();
}

Task task_of(const std::string& text) { return load_file(text).plan.tasks.at(0); }

TEST(TaskFile, FilesMayBeGroupedInAnyOfTheUsualWays) {
  const auto task = task_of(
      "## Files to Touch\n"
      "### Create\n- new.cpp\n"
      "**Modify:** `one.cpp` and `two.cpp`\n- `three.cpp` (a word)\n"
      "**Write to:**\n- `log.txt`\n"
      "- **Delete:** `old.cpp`\n");
  EXPECT_THAT(task.create, ElementsAre("new.cpp"));
  EXPECT_THAT(task.modify, ElementsAre("one.cpp", "two.cpp", "three.cpp"));
  EXPECT_THAT(task.remove, ElementsAre("old.cpp"));
}

TEST(TaskFile, OneFileHasOneName) {
  EXPECT_THAT(task_of("## Files to Touch\n- ./src//a.cpp, the core\n- src/b.cpp: more\n").modify,
              ElementsAre("src/a.cpp", "src/b.cpp"));
}

TEST(TaskFile, NoneIsNoFile) {
  const auto task = task_of("## Files to Touch\n**Create:**\n- None\n**Delete:**\n- N/A, nothing\n");
  EXPECT_THAT(task.create, IsEmpty());
  EXPECT_THAT(task.remove, IsEmpty());
}

TEST(TaskFile, WhatStandsInACodeFenceIsNeitherHeadingNorItem) {
  const auto task = task_of(
      "## Tests Required\n~~~\n- no test\n## Notes\n```\n~~~\n- [ ] a test\n"
      "## Files to Touch\n````\n- `no.txt`\n```\n- `nor.txt`\n````\n- `yes.txt`\n");
  EXPECT_THAT(task.tests, ElementsAre("a test"));
  EXPECT_THAT(task.modify, ElementsAre("yes.txt"));
  EXPECT_EQ(task.notes, "");
}

TEST(TaskFile, AFenceThatIsNeverClosedHidesWhatFollows) {
  const auto task = task_of("## Objective\nDo.\n```\n## Notes\nhidden\n");
  EXPECT_EQ(task.notes, "");
  EXPECT_EQ(task.objective, "Do.\n```\n## Notes\nhidden");
}

TEST(TaskFile, ARuleWithinASectionCutsNothingOff) {
  const auto task =
      task_of("## Implementation Approach\none\n\n---\n\ntwo\n\n---\n\n## Notes\nn\n\n---\n\nfooter\n");
  EXPECT_EQ(task.approach, "one\n\n---\n\ntwo");
  EXPECT_EQ(task.notes, "n") << "the footer belongs to no section";
}

TEST(TaskFile, BothKindsOfCriteriaCount) {
  EXPECT_THAT(
      task_of("## Acceptance Criteria\n1. one\n2) two\n## ✅ SUCCESS criteria\n* [x] three\n").acceptance,
      ElementsAre("one", "two", "three"));
}

TEST(TaskFile, ATitleIsOneLineWithoutControlCharacters) {
  EXPECT_EQ(task_of("# A \x1b[31mred\x1b[0m title\n").title, "A red title");
  EXPECT_EQ(
      test::load("tasks:\n  - id: a\n    name: |\n      one\n      two\n    prompt: x\n").plan.tasks[0].title,
      "one two");
}

TEST(TaskFile, ItsPriorityCountsWhereThePlanIsSilent) {
  const auto loaded = load_file("---\npriority: blocker\n---\n# T\n");
  EXPECT_THAT(told(loaded.diagnostics), IsEmpty());
  EXPECT_EQ(loaded.plan.tasks[0].priority, Priority::blocker);
}

TEST(TaskFile, ThePlansPriorityCountsWhereBothSpeak) {
  const auto loaded = load_file("---\npriority: low\n---\n# T\n", "id: a, file: a.md, priority: high");
  EXPECT_THAT(
      told(loaded.diagnostics),
      ElementsAre("a.md:2:11: warning: the priority here is low, but the plan says high, and that counts"));
  EXPECT_EQ(loaded.plan.tasks[0].priority, Priority::high);
}

TEST(TaskFile, ItsStatusCountsMoreThanThePlans) {
  const auto loaded = load_file("---\nstatus: completed\n---\n# T\n", "id: a, file: a.md, status: pending");
  EXPECT_EQ(loaded.plan.tasks[0].status, TaskStatus::completed);
}

TEST(TaskFile, ItsSettingsFillWhatThePlansEntryLeavesOpen) {
  const auto loaded = load_file("---\nagent: file\ntimeout: 5m\nenv: {A: file, B: file}\n---\n# T\n",
                                "id: a, file: a.md, agent: entry, env: {A: entry}");
  const auto& settings = loaded.plan.tasks[0].settings;
  EXPECT_EQ(settings.agent, "entry");
  EXPECT_EQ(settings.timeout, std::chrono::minutes(5));
  EXPECT_EQ(settings.env.at("A") + settings.env.at("B"), "entryfile");
}

TEST(TaskFile, LabelsOfBothAreKeptOnce) {
  EXPECT_THAT(
      load_file("---\nlabels: [b, c]\n---\n# T\n", "id: a, file: a.md, labels: [a, b]").plan.tasks[0].labels,
      ElementsAre("a", "b", "c"));
}

TEST(TaskFile, FaultsInAFileWithByteOrderMarkAndCrLfHaveTheirRealPlace) {
  EXPECT_THAT(
      told(load_file("\xEF\xBB\xBF---\r\nid: a\r\npriority: urgent\r\n---\r\n# T\r\n").diagnostics),
      ElementsAre("a.md:3:11: error: unknown priority \"urgent\": it is one of blocker, high, medium, low"));
}

TEST(TaskFile, BytesThatAreNotUtf8AreToldWithTheirPlace) {
  EXPECT_THAT(told(load_file("# T\n\ncaf\xe9\n").diagnostics),
              ElementsAre("a.md:3:4: error: this is not UTF-8: save the file as UTF-8"));
}

}  // namespace
}  // namespace fanout::domain
