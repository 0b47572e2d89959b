// However large or twisted a plan is, it costs little, and gets one message that says what is too much.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/domain/plan/graph.hpp"
#include "server/domain/plan/resolve.hpp"
#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using test::load;
using test::told;
using testing::ElementsAre;
using testing::HasSubstr;

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::string tasks(int count, const std::string& rest) {
  std::string plan = "tasks:\n";
  for (int i = 0; i < count; ++i) plan += "  - {id: t" + std::to_string(i) + ", " + rest + "}\n";
  return plan;
}

/// A plan whose every task file has this text.
LoadedPlan load_all_files_as(const std::string& plan, const std::string& task_file) {
  return load_plan("/p/plan.yaml",
                   [&](const std::filesystem::path& file,
                       const std::filesystem::path&) -> std::variant<std::string, ReadFailure> {
                     return file == "/p/plan.yaml" ? plan : task_file;
                   });
}

TEST(PlanLimits, ALongTextBehindManyAliasesIsRefused) {
  const auto plan = "a: &a " + std::string(200'000, 'x') + "\nb: [" + repeated("*a, ", 20'000) + "]\n";
  EXPECT_THAT(told(load(plan).diagnostics), ElementsAre(HasSubstr("nests too deep or holds too much")));
}

TEST(PlanLimits, BracketsWithoutEndAreRefusedBeforeTheyAreKept) {
  for (const std::string open : {"[", "{", "[], ", "a, "}) {
    EXPECT_THAT(told(load("tasks: [" + repeated(open, 1'000'000)).diagnostics),
                ElementsAre(HasSubstr("nests too deep or holds too much")))
        << open;
  }
}

TEST(PlanLimits, DeepNestingIsToldWhereItIsTooDeep) {
  EXPECT_THAT(told(load("a: " + repeated("[", 60) + repeated("]", 60) + "\n").diagnostics),
              ElementsAre("plan.yaml:1:54: error: this file nests too deep or holds too much for a plan"));
}

TEST(PlanLimits, AliasesOfAliasesDoNotNestDeeperThanTheFile) {
  std::string plan = "a0: &a0 [x]\n";
  for (int i = 1; i < 60; ++i) {
    plan += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_THAT(told(load(plan).diagnostics), ElementsAre(HasSubstr("nests too deep or holds too much")));
}

TEST(PlanLimits, ATaskFileOfMoreThanAMebibyteIsRefused) {
  EXPECT_THAT(
      told(load_all_files_as("tasks: [{id: a, file: a.md}]", std::string((1 << 20) + 1, 'x')).diagnostics),
      ElementsAre("plan.yaml:1:23: error: /p/a.md is larger than 1 MiB"));
}

TEST(PlanLimits, APlanOfMoreThanFourMebibytesIsRefused) {
  EXPECT_THAT(told(load(std::string((4 << 20) + 1, '#')).diagnostics),
              ElementsAre("plan.yaml: error: /p/plan.yaml is larger than 4 MiB"));
}

TEST(PlanLimits, AllTaskFilesTogetherHaveALimitThatIsToldOnce) {
  EXPECT_THAT(told(load_all_files_as(tasks(50, "file: a.md"), std::string(1 << 20, 'x')).diagnostics),
              ElementsAre(HasSubstr("the plan and its task files are larger than 32 MiB in all")));
}

TEST(PlanLimits, ManyFaultsAreCutShortAndNoErrorIsLostBehindNotes) {
  std::string plan;
  for (int i = 0; i < 2000; ++i) plan += "key" + std::to_string(i) + ": x\n";
  const auto loaded = load(plan + "tasks: [{id: a}]\n");
  EXPECT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.diagnostics.size(), kMaxDiagnostics + 1);
  EXPECT_THAT(told(loaded.diagnostics).back(),
              "plan.yaml: note: 1001 more messages are left out: mend these first");
}

TEST(PlanLimits, DependenciesOnNobodyByTheThousandAreToldSoon) {
  std::string ids;
  for (int i = 0; i < 50'000; ++i) ids += "nobody" + std::to_string(i) + ",";
  const auto loaded = load("tasks:\n  - {id: a, prompt: x, dependencies: [" + ids + "]}\n");
  EXPECT_EQ(loaded.diagnostics.size(), kMaxDiagnostics + 1);
}

TEST(PlanLimits, TasksThatAllWaitForAllDoNotFloodWithCycles) {
  std::string ids;
  for (int i = 0; i < 100; ++i) ids += "t" + std::to_string(i) + ",";
  EXPECT_FALSE(load(tasks(100, "prompt: x, dependencies: [" + ids + "]")).ok());
}

TEST(PlanLimits, ALongOverviewTimesManyTasksIsRefused) {
  const auto loaded = load("overview: " + std::string(200'000, 'x') + "\n" + tasks(1000, "prompt: x"));
  ASSERT_TRUE(loaded.ok());
  std::vector<Diagnostic> diagnostics;
  const auto spec = resolve(loaded.plan, {}, diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre(HasSubstr("come to more than 64 MiB: shorten the overview")));
  EXPECT_LT(spec.tasks_size(), 1000);
}

TEST(PlanLimits, AThousandTasksThatDependCrosswiseAreDescribed) {
  std::string plan = "tasks:\n";
  for (int i = 0; i < 1000; ++i) {
    plan += "  - {id: t" + std::to_string(i) + ", prompt: x, dependencies: [";
    for (int need = std::max(0, i - 80); need < i; ++need) plan += "t" + std::to_string(need) + ",";
    plan += "]}\n";
  }
  const auto loaded = load(plan);
  ASSERT_TRUE(loaded.ok());
  const auto description = describe(loaded.plan, {});
  EXPECT_EQ(description.critical_path_size(), 1000);
  EXPECT_EQ(description.tasks(999).wave(), 1000u);
}

TEST(PlanLimits, AConfigurationOfDottedKeysWithoutEndIsRefused) {
  std::vector<Diagnostic> diagnostics;
  parse_user_config(repeated("a.", 200'000) + "b = 1\n", "/u/config.toml", diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre(HasSubstr("nests too deep or holds too much")));
  diagnostics.clear();
  parse_user_config(repeated("a.", 100) + "b = 1\n", "/u/config.toml", diagnostics);
  EXPECT_THAT(told(diagnostics), testing::Contains(HasSubstr("this nests too deep")));
}

}  // namespace
}  // namespace fanout::domain
