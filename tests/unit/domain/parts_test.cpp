// Plans whose tasks work in several repositories.
#include "server/domain/plan/parts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/domain/plan/graph.hpp"
#include "server/domain/plan/resolve.hpp"
#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using fanout::internal::v1::RunSpec;
using test::load;
using test::told;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kPlan =
    "agent: sh\n"
    "repos: {web: ../web}\n"
    "tasks:\n"
    "  - {id: page, prompt: x, repo: web, race: 2, dependencies: [endpoint]}\n"
    "  - {id: endpoint, prompt: x}\n"
    "  - {id: style, prompt: x, repo: web}\n";

RunSpec part(const Plan& plan, const std::string& name, const std::string& settings, std::vector<Diagnostic>& diagnostics) {
  Layers layers;
  layers.repository_root = "/r/" + (name.empty() ? "own" : name);
  layers.repository = parse_repository_settings(settings, "/r/.fanout.yaml", diagnostics);
  auto spec = resolve(part_of(plan, name), layers, diagnostics);
  set_repository_name(spec, name);
  return spec;
}

RunSpec together(const Plan& plan, const std::string& of_web, std::vector<Diagnostic>& diagnostics) {
  return brought_together(plan, {part(plan, "", "", diagnostics), part(plan, "web", of_web, diagnostics)}, diagnostics);
}

TEST(Parts, AreOneSpecWithTheTasksInThePlansOrder) {
  const auto loaded = load(kPlan);
  ASSERT_THAT(told(loaded.diagnostics), IsEmpty());
  std::vector<Diagnostic> diagnostics;
  const auto spec = together(loaded.plan, "gates: [make test]\npush: true\nbase: trunk\n", diagnostics);
  EXPECT_THAT(told(diagnostics), IsEmpty());
  std::vector<std::string> tasks;
  for (const auto& task : spec.tasks()) tasks.push_back(task.id() + " in " + task.repository() + ", " + std::to_string(task.gates_size()));
  EXPECT_THAT(tasks, ElementsAre("page in web, 1", "endpoint in , 0", "style in web, 1", "page@1 in web, 1", "page@2 in web, 1"));
  EXPECT_EQ(spec.repository(), "/r/own");
  EXPECT_EQ(spec.base(), "HEAD");
  EXPECT_FALSE(spec.push());
  ASSERT_THAT(spec.repositories(), SizeIs(1));
  EXPECT_EQ(spec.repositories(0).name(), "web");
  EXPECT_EQ(spec.repositories(0).spec().repository(), "/r/web");
  EXPECT_EQ(spec.repositories(0).spec().base(), "trunk");
  EXPECT_TRUE(spec.repositories(0).spec().push());
  EXPECT_THAT(spec.repositories(0).spec().tasks(), IsEmpty());
}

TEST(Parts, WhatIsWrongInAllOfThemIsToldOnce) {
  const auto loaded = load("worktree: same\n" + kPlan);
  std::vector<Diagnostic> diagnostics;
  const auto spec = together(loaded.plan, "", diagnostics);
  EXPECT_THAT(told(diagnostics), SizeIs(1)) << "only the part of web has two tasks";
  diagnostics.clear();
  const auto unknown = load("tracker: jira\n" + kPlan);
  together(unknown.plan, "", diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre(HasSubstr("unknown tracker \"jira\"")));
}

TEST(Parts, OneIssueForTheRunIsNotForSeveralRepositories) {
  const auto loaded = load("tracker: {name: github, mode: tracking}\n" + kPlan);
  std::vector<Diagnostic> diagnostics;
  together(loaded.plan, "", diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre(HasSubstr("set tracker.mode to per-task")));
}

TEST(Parts, ATaskMustNameWhatThePlanHas) {
  const auto loaded = load("repos: {web: ../web}\ntasks:\n  - {id: a, prompt: x, repo: wbe}\n  - {id: b, prompt: x, repo: web}\n");
  EXPECT_THAT(told(loaded.diagnostics),
              ElementsAre("plan.yaml:3:30: error: \"wbe\" is no repository of this plan (did you mean web?): a task says the name of one that "
                          "the plan has in repos: {NAME: PATH}"));
}

TEST(Parts, FilesOfDifferentRepositoriesAreDifferentFiles) {
  const auto files = [](const std::string& repo) {
    return "---\nid: x\nrepo: " + repo + "\n---\n## Files to Touch\n- shared.txt\n";
  };
  const auto loaded = test::MemoryFiles()
                          .add("/p/plan.yaml",
                               "repos: {web: ../web, api: ../api}\ntasks:\n  - {id: a, file: a.md}\n  - {id: b, file: b.md}\n  - {id: c, file: c.md}\n")
                          .add("/p/a.md", files("web"))
                          .add("/p/b.md", files("api"))
                          .add("/p/c.md", files("web"))
                          .load();
  const auto description = describe(loaded.plan, {});
  ASSERT_EQ(description.conflicts_size(), 1);
  EXPECT_EQ(description.conflicts(0).task_a() + description.conflicts(0).task_b(), "ac");
  EXPECT_EQ(description.tasks(1).repository(), "api");
}

}  // namespace
}  // namespace fanout::domain
