// Precedence: flag, task, plan, repository, user, default.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/domain/plan/resolve.hpp"
#include "server/domain/plan/template.hpp"
#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using test::load;
using test::told;
using testing::ElementsAre;
using testing::HasSubstr;

fanout::internal::v1::RunSpec resolved(const std::string& plan, Layers layers = {},
                                       std::vector<Diagnostic>* diagnostics = nullptr) {
  std::vector<Diagnostic> own;
  return resolve(load(plan).plan, layers, diagnostics ? *diagnostics : own);
}

Settings repository(const std::string& text) {
  std::vector<Diagnostic> diagnostics;
  auto settings = parse_repository_settings(text, "/r/.fanout.yaml", diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre());
  return settings;
}

UserConfig user(const std::string& text) {
  std::vector<Diagnostic> diagnostics;
  auto config = parse_user_config(text, "/u/config.toml", diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre());
  return config;
}

TEST(Settings, EachLayerYieldsToTheOneAboveIt) {
  const std::string bare = "tasks: [{id: a, prompt: x}]";
  const std::string in_plan = "agent: plan\ntasks: [{id: a, prompt: x}]";
  const std::string in_task = "agent: plan\ntasks: [{id: a, prompt: x, agent: task}]";
  Layers layers;
  EXPECT_EQ(resolved(bare, layers).tasks(0).agent_command(), "");
  layers.user = user("agent = 'user'");
  EXPECT_EQ(resolved(bare, layers).tasks(0).agent_command(), "user");
  layers.repository = repository("agent: repository");
  EXPECT_EQ(resolved(bare, layers).tasks(0).agent_command(), "repository");
  EXPECT_EQ(resolved(in_plan, layers).tasks(0).agent_command(), "plan");
  EXPECT_EQ(resolved(in_task, layers).tasks(0).agent_command(), "task");
  layers.flags.set_agent("flag");
  EXPECT_EQ(resolved(in_task, layers).tasks(0).agent_command(), "flag");
}

TEST(Settings, AnAgentsNameStandsForItsCommand) {
  Layers layers;
  layers.user = user("[agents.mine]\ncommand = 'my-agent --fast'\n");
  const auto spec = resolved("agent: mine\ntasks: [{id: a, prompt: x}]", layers);
  EXPECT_EQ(spec.tasks(0).agent(), "mine");
  EXPECT_EQ(spec.tasks(0).agent_command(), "my-agent --fast");
}

TEST(Settings, EnvIsMergedKeyByKey) {
  Layers layers;
  layers.repository = repository("env: {A: r, B: r, C: r}");
  const auto spec = resolved("env: {A: p, B: p}\ntasks: [{id: a, prompt: x, env: {A: t}}]", layers);
  const auto& env = spec.tasks(0).env();
  EXPECT_EQ(env.at("A") + env.at("B") + env.at("C"), "tpr");
}

TEST(Settings, DefaultsAreTheDocumentedOnes) {
  Layers layers;
  layers.cores = 2;
  const auto spec = resolved("tasks: [{id: a, prompt: x}]", layers);
  EXPECT_EQ(spec.base(), "HEAD");
  EXPECT_EQ(spec.max_parallel(), 8u);
  EXPECT_EQ(spec.worktree_pattern(), "worktrees/{task_id}");
  EXPECT_EQ(spec.branch_pattern(), "feature/{task_id}");
  EXPECT_FALSE(spec.push());
  EXPECT_TRUE(spec.write_status());
  EXPECT_TRUE(spec.tasks(0).detect_setup());
  EXPECT_EQ(spec.tasks(0).timeout().seconds(), 3600);
  layers.cores = 16;
  EXPECT_EQ(resolved("tasks: [{id: a, prompt: x}]", layers).max_parallel(), 64u);
}

TEST(Settings, AnEmptySetupIsNotTheSameAsNone) {
  EXPECT_FALSE(resolved("setup: []\ntasks: [{id: a, prompt: x}]").tasks(0).detect_setup());
  const auto spec = resolved("setup: make deps\ntasks: [{id: a, prompt: x}]");
  EXPECT_THAT(spec.tasks(0).setup(), ElementsAre("make deps"));
}

TEST(Settings, OnlyARunNeedsAnAgent) {
  std::vector<Diagnostic> diagnostics;
  const auto spec = resolved("tasks: [{id: a, prompt: x, agent: y}, {id: b, prompt: x}]", {}, &diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre());
  require_agents(spec, diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre(HasSubstr("no agent is named for b: pass --agent COMMAND")));
}

TEST(Settings, PatternsThatCannotWorkAreRefused) {
  const std::string tasks = "\ntasks: [{id: a, prompt: x}, {id: b, prompt: y}]";
  const auto faults = [&](const std::string& settings) {
    std::vector<Diagnostic> diagnostics;
    resolved(settings + tasks, {}, &diagnostics);
    return told(diagnostics);
  };
  EXPECT_THAT(faults("branch: one"), ElementsAre(HasSubstr("must hold {task_id}")));
  EXPECT_THAT(faults("branch: 'x/{task_id}/{nope}'"), ElementsAre(HasSubstr("unknown placeholder {nope}")));
  EXPECT_THAT(faults("branch: '{task_id} y'"), ElementsAre(HasSubstr("does not give a branch name")));
  EXPECT_THAT(faults("worktree: '../{task_id}'"), ElementsAre(HasSubstr("must be a path inside the repository")));
  EXPECT_THAT(faults("branch: '{issue}-{task_id}'"), ElementsAre(HasSubstr("there are no issues with tracker none")));
  EXPECT_THAT(faults("tracker: jira"), ElementsAre(HasSubstr("unknown tracker \"jira\"")));
}

TEST(Settings, UnknownKeysInSettingsFilesAreErrorsWithASuggestion) {
  std::vector<Diagnostic> diagnostics;
  parse_repository_settings("max_paralel: 3\n", "/r/.fanout.yaml", diagnostics);
  parse_user_config("agnet = 'x'\n[agents.a]\ncomand = 'y'\n", "/u/config.toml", diagnostics);
  EXPECT_THAT(told(diagnostics),
              ElementsAre(".fanout.yaml:1:1: error: unknown key \"max_paralel\" (did you mean max_parallel?)",
                          "config.toml:1:1: error: unknown key \"agnet\" (did you mean agent?)",
                          HasSubstr("error: unknown key \"comand\" (did you mean command?)"),
                          HasSubstr("error: an agent needs command: a shell command line")));
}

TEST(Settings, ABrokenSettingsFileIsToldWithItsPlace) {
  std::vector<Diagnostic> diagnostics;
  parse_user_config("agent = \n", "/u/config.toml", diagnostics);
  parse_repository_settings("- a\n", "/r/.fanout.yaml", diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre(HasSubstr("config.toml:1:"), HasSubstr("must be a map of settings")));
}

}  // namespace
}  // namespace fanout::domain
