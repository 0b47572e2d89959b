// A plan that is still being written, object by object.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using test::told;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

LoadedPlan load_open(const std::string& head, const std::string& entry = {}, std::vector<KnownTask> known = {}) {
  OpenPlanText text;
  text.head = head;
  if (!entry.empty()) text.entry = entry;
  text.known = std::move(known);
  return load_open_plan("/home/work", "/home/work", text, [](const std::filesystem::path& file, const std::filesystem::path& inside) {
    std::variant<std::string, ReadFailure> answer = ReadFailure{"no such file"};
    if (file == "/home/work/tasks/t.md" && inside == "/home/work") answer = "---\nid: t\npriority: low\n---\n# T\n\n## Objective\n\nGo.\n";
    return answer;
  });
}

TEST(OpenPlan, ItsHeadHoldsWhatStandsAboveTheTasks) {
  const auto loaded = load_open(R"({"metadata": {"name": "N"}, "agent": "x", "max_parallel": 3, "gates": [{"name": "g", "run": "true"}], "push": true})");
  EXPECT_THAT(told(loaded.diagnostics), IsEmpty());
  EXPECT_EQ(loaded.plan.name, "N");
  EXPECT_EQ(loaded.plan.settings.max_parallel, 3u);
  EXPECT_EQ(loaded.plan.settings.push, true);
  EXPECT_TRUE(loaded.plan.open);
  EXPECT_EQ(load_open("").plan.name, "work") << "the folder's name";
}

TEST(OpenPlan, ATaskIsReadAsThatOfAnyPlan) {
  const auto loaded = load_open(R"({"agent": "x", "unknown": 1})",
                           R"({"id": "t", "file": "tasks/t.md", "dependencies": ["later"], "retries": 2, "timeout": "90s", "env": {"A": 1.5}})");
  EXPECT_THAT(told(loaded.diagnostics), IsEmpty()) << "of what is above it nothing is said again";
  ASSERT_THAT(loaded.plan.tasks, SizeIs(1));
  const auto& task = loaded.plan.tasks.front();
  EXPECT_EQ(task.file, "/home/work/tasks/t.md");
  EXPECT_EQ(task.priority, Priority::low);
  EXPECT_EQ(task.settings.retries, 2u);
  EXPECT_EQ(task.settings.env.at("A"), "1.5");
  EXPECT_THAT(task.dependencies, ElementsAre("later"));
}

TEST(OpenPlan, EscapesMeanWhatJsonSays) {
  const auto loaded = load_open("", R"({"id": "t", "name": "\ud83d\ude00\/\t\u00e9", "prompt": "a\n\"b\""})");
  ASSERT_THAT(loaded.plan.tasks, SizeIs(1)) << testing::PrintToString(told(loaded.diagnostics));
  EXPECT_EQ(loaded.plan.tasks[0].body, "a\n\"b\"");
  EXPECT_THAT(loaded.plan.tasks[0].title, HasSubstr("\xf0\x9f\x98\x80/"));
}

TEST(OpenPlan, FaultsHaveNoPlaceAndNameTheFieldAlone) {
  const auto loaded = load_open("", R"({"id": "t", "prompt": "x", "priority": "soon"})");
  ASSERT_THAT(loaded.diagnostics, SizeIs(1));
  EXPECT_EQ(loaded.diagnostics[0].field, "priority");
  EXPECT_EQ(loaded.diagnostics[0].place.file, "");
  EXPECT_THAT(told(load_open("{\"tasks\": []}").diagnostics), ElementsAre(HasSubstr("come one by one")));
  EXPECT_THAT(told(load_open("", R"({"id": "t", "prompt": "x"} x)").diagnostics), ElementsAre(HasSubstr("at byte 2")));
}

TEST(OpenPlan, WhatCameBeforeIsKnown) {
  const std::vector<KnownTask> known{{"a", {"c"}}, {"b", {"a"}}};
  EXPECT_THAT(told(load_open("", R"({"id": "a", "prompt": "x"})", known).diagnostics), ElementsAre(HasSubstr("used twice: an earlier task has it")));
  EXPECT_THAT(told(load_open("", R"({"id": "c", "prompt": "x", "dependencies": ["b"]})", known).diagnostics),
              ElementsAre(HasSubstr("wait for each other")));
  EXPECT_THAT(told(load_open("", R"({"id": "d", "prompt": "x", "dependencies": ["b", "nobody"]})", known).diagnostics), IsEmpty());
  std::vector<KnownTask> full(kMaxTasks);
  for (std::size_t i = 0; i < full.size(); ++i) full[i].id = "t" + std::to_string(i);
  EXPECT_THAT(told(load_open("", R"({"id": "one-more", "prompt": "x"})", full).diagnostics), ElementsAre(HasSubstr("may have no more")));
}

}  // namespace
}  // namespace fanout::domain
