#include "server/domain/plan/template.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/domain/plan/resolve.hpp"
#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using test::told;
using testing::ElementsAre;

TEST(Template, ReplacesWhatItKnowsAndLeavesTheRest) {
  EXPECT_EQ(render("{task.id}: {task.title} ${task_id} {NAME} { x } {type} {unknown_one}",
                   {{"task.id", "a"}, {"task.title", "{task.id}"}}),
            "a: {task.id} ${task_id} {NAME} { x } {type} {unknown_one}")
      << "values are not expanded again";
}

TEST(Template, UnknownPlaceholdersAreNamedWithTheirPlace) {
  EXPECT_THAT(told(unknown_placeholders("ok {task.id}\n  {task.titel} and {nonsense}\n", "/r/t.md")),
              ElementsAre("t.md:2:3: error: unknown placeholder {task.titel} (did you mean task.title?)",
                          "t.md:2:20: error: unknown placeholder {nonsense}"));
}

TEST(Template, WhatTheSeedsOwnTemplateLeavesToTheAgentIsText) {
  EXPECT_THAT(
      told(unknown_placeholders(
          "{type}: {brief description}\n${CLAUDE_PLUGIN_ROOT} #{ISSUE_NUM} {file1} {N} {1-2 sentence}",
          "/r/t.md")),
      ElementsAre());
}

TEST(Template, TheBuiltInOneNamesNothingUnknownAndIsFilledWhole) {
  EXPECT_THAT(told(unknown_placeholders(default_prompt_template(), "/built-in")), ElementsAre());
  std::vector<Diagnostic> diagnostics;
  const auto spec =
      resolve(test::load("tasks: [{id: a, name: Title, prompt: Do this.}]").plan, {}, diagnostics);
  const auto& values = spec.tasks(0).prompt_values();
  const auto text = render(spec.tasks(0).prompt_template(), {values.begin(), values.end()});
  EXPECT_THAT(text, testing::HasSubstr("# Title"));
  EXPECT_THAT(text, testing::HasSubstr("Do this."));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("{task.")));
}

TEST(Template, TheBuiltInOneSaysEachTaskOnce) {
  std::vector<Diagnostic> diagnostics;
  const auto spec = resolve(test::load("tasks: [{id: a, prompt: Only once.}]").plan, {}, diagnostics);
  const auto& values = spec.tasks(0).prompt_values();
  const auto text = render(spec.tasks(0).prompt_template(), {values.begin(), values.end()});
  EXPECT_EQ(text.find("Only once."), text.rfind("Only once."));
}

TEST(Template, TheDescriptionIsTheObjectiveElseTheWholeBody) {
  std::vector<Diagnostic> diagnostics;
  const auto plan = test::MemoryFiles()
                        .add("/p/plan.yaml", "tasks: [{id: a, file: a.md}, {id: b, file: b.md}]\n")
                        .add("/p/a.md", "## Objective\nAim.\n## Implementation Approach\nHow.\n")
                        .add("/p/b.md", "# T\n\nJust words.\n")
                        .load()
                        .plan;
  const auto spec = resolve(plan, {}, diagnostics);
  EXPECT_EQ(spec.tasks(0).prompt_values().at("task.description"), "Aim.");
  EXPECT_EQ(spec.tasks(0).prompt_values().at("task.detailed_implementation_steps"), "How.");
  EXPECT_EQ(spec.tasks(1).prompt_values().at("task.description"), "# T\n\nJust words.");
}

TEST(Template, OneThatIsNotUtf8IsRefused) {
  Layers layers;
  layers.prompt_template = "caf\xe9 {task.id}";
  layers.prompt_template_file = "/r/t.md";
  std::vector<Diagnostic> diagnostics;
  resolve(test::load("tasks: [{id: a, prompt: x}]").plan, layers, diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre("t.md:1:4: error: this is not UTF-8: save the file as UTF-8"));
}

TEST(Template, NamesAreMadeFromPatterns) {
  EXPECT_EQ(render_name("wt/{run_id}/{task_id}-{task_id}", "t", "r"), "wt/r/t-t");
}

}  // namespace
}  // namespace fanout::domain
