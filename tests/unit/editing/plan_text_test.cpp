#include "server/editing/plan_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.hpp"
#include "server/editing/text.hpp"
#include "server/planning/planner.hpp"

namespace fanout::editing {
namespace {

using testing::HasSubstr;

std::string entry_lines(const std::string& id, const std::string& indent = "  ") {
  return indent + "- id: \"" + id + "\"\n" + indent + "  name: \"Do " + id + "\"\n" + indent + "  file: \"tasks/" + id + ".md\"\n" +
         indent + "  priority: \"medium\"\n" + indent + "  dependencies: []\n";
}

Entry entry(const std::string& id) { return {id, "Do " + id, "tasks/" + id + ".md", domain::Priority::medium, {}}; }
std::string with(const std::string& plan, const std::string& id = "new") { return with_entries(plan, {entry(id)}, "/p/plan.yaml").text; }

TEST(PlanText, AnEntryGoesBehindTheLastTaskAndNothingElseChanges) {
  const std::string before = "# mine\nmetadata: {name:   x}   # spaces stay\ntasks:\n  - id: a\n    prompt: go   \n";
  const std::string after = "\n# the rest\ngates: [make]\nunknown_key: &a [1,  2]\n";
  EXPECT_EQ(with(before + after), before + entry_lines("new") + after);
}

TEST(PlanText, AListAtTheMarginKeepsItsIndentation) {
  const std::string before = "tasks:\n- id: a\n  prompt: go\n", after = "# about gates\ngates: [make]\n";
  EXPECT_EQ(with(before + after), before + entry_lines("new", "") + after);
}

TEST(PlanText, EntriesAreSetApartWhereTheOthersAre) {
  const std::string before = "tasks:\n  - {id: a, prompt: go}\n\n  - {id: b, prompt: go}\n";
  EXPECT_EQ(with(before), before + "\n" + entry_lines("new"));
}

TEST(PlanText, WhatLooksLikeACommentInAPromptIsPartOfIt) {
  const std::string before = "tasks:\n  - id: a\n    prompt: |\n      go\n      # not a comment\n";
  EXPECT_EQ(with(before + "gates: []\n"), before + entry_lines("new") + "gates: []\n");
}

TEST(PlanText, APromptThatKeepsItsEmptyLinesKeepsThem) {
  const std::string before = "tasks:\n  - id: a\n    prompt: |+\n      go\n\n\n";
  EXPECT_EQ(with(before + "gates: []\n"), before + entry_lines("new") + "gates: []\n");
}

TEST(PlanText, AnEntryThatIsCommentedOutStaysBeforeTheNewOne) {
  const std::string before = "tasks:\n  - {id: a, prompt: go}\n  # - {id: b, prompt: go}\n";
  EXPECT_EQ(with(before), before + entry_lines("new"));
}

TEST(PlanText, AnEmptyListIsOpened) {
  EXPECT_EQ(with("tasks: []\n"), "tasks:\n" + entry_lines("new"));
  EXPECT_EQ(with("tasks: [ ]  # none yet\ngates: []\n"), "tasks:   # none yet\n" + entry_lines("new") + "gates: []\n");
  EXPECT_EQ(with("tasks:\n\ngates: []\n"), "tasks:\n" + entry_lines("new") + "\ngates: []\n");
  EXPECT_EQ(with("metadata: {name: x}\n"), "metadata: {name: x}\ntasks:\n" + entry_lines("new"));
  EXPECT_EQ(with(""), "tasks:\n" + entry_lines("new"));
}

TEST(PlanText, TheEndOfTheFileMayLackItsLineEndOrHaveAMark) {
  EXPECT_EQ(with("tasks:\n  - {id: a, prompt: go}"), "tasks:\n  - {id: a, prompt: go}\n" + entry_lines("new"));
  EXPECT_EQ(with("---\ntasks:\n  - {id: a, prompt: go}\n...\n"), "---\ntasks:\n  - {id: a, prompt: go}\n" + entry_lines("new") + "...\n");
}

TEST(PlanText, LineEndsAreThoseOfTheFile) {
  const auto text = with("tasks:\r\n  - {id: a, prompt: go}\r\n");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), std::count(text.begin(), text.end(), '\r'));
}

TEST(PlanText, AListInBracketsOrSomethingElseIsLeftAlone) {
  for (const char* plan : {"tasks: [{id: a, prompt: go}]\n", "{tasks: []}\n", "tasks: none\n", "- id: a\n", "tasks: [\n]\n"}) {
    try {
      with(plan);
      ADD_FAILURE() << plan;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::precondition) << plan;
      EXPECT_THAT(error.what(), HasSubstr("/p/plan.yaml")) << plan;
    }
  }
  EXPECT_THROW(with("tasks: [\n"), planning::PlanFaultsError);
}

TEST(PlanText, ANewPlanTakesTasks) {
  const auto text = with(new_plan_text("A \"quoted\" \\ name", "20261126-204800"));
  EXPECT_THAT(text, HasSubstr("tasks:\n" + entry_lines("new")));
  EXPECT_THAT(text, HasSubstr(R"(name: "A \"quoted\" \\ name")"));
}

TEST(Text, TitlesAreOneLineWithoutControls) {
  EXPECT_EQ(as_title("  a\nb\r\n\tc\x1b[31m d\x07 "), "a b  c d");
  EXPECT_EQ(as_title("evil\xE2\x80\xAEtxt\xF3\xA0\x81\xA1"), "eviltxt");
}

TEST(Text, CleanedTextKeepsLinesAndTabs) {
  EXPECT_EQ(cleaned("a:\r\n\tb\x1b]0;title\x07\rc\n"), "a:\n\tb\nc\n");
  EXPECT_EQ(cleaned(""), "");
}

TEST(Text, IdsComeFromTitles) {
  EXPECT_EQ(id_from_title("Store sessions, in the DB!"), "store-sessions-in-the-db");
  EXPECT_EQ(id_from_title("--- ../../etc/passwd"), "etc-passwd");
  EXPECT_EQ(id_from_title("日本語"), "task");
  EXPECT_LE(id_from_title(std::string(200, 'x')).size(), 40u);
}

}  // namespace
}  // namespace fanout::editing
