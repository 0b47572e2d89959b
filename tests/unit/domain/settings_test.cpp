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

TEST(Settings, ABudgetIsOfATaskARunAndADayAndIsFilledFigureByFigure) {
  Layers layers;
  layers.user = user("[budget]\ntokens = '1.5M'\nturns = 9\n[budget.day]\nmoney = 20.5\n");
  const auto spec = resolved(
      "budget: {tokens: 200k, time: 30m, run: {money: $3}}\ntasks: [{id: a, prompt: x, budget: {tokens: 5}}, {id: b, prompt: x}]",
      layers);
  EXPECT_EQ(spec.tasks(0).budget().tokens(), 5u);
  EXPECT_EQ(spec.tasks(1).budget().tokens(), 200'000u);
  EXPECT_EQ(spec.tasks(0).budget().time().seconds(), 1800);
  EXPECT_EQ(spec.tasks(0).budget().turns(), 9u);
  EXPECT_FALSE(spec.tasks(0).budget().has_money());
  EXPECT_EQ(spec.budget().money(), 3);
  EXPECT_FALSE(spec.budget().has_tokens());
  EXPECT_EQ(spec.day_budget().money(), 20.5);
}

TEST(Settings, ABudgetThatIsNoneIsAFaultAtItsPlace) {
  for (const char* budget : {"5", "{tokens: 0}", "{tokens: many}", "{money: -1}", "{money: nan}", "{time: soon}",
                             "{turns: 1.5}", "{dollars: 3}", "{run: 7}", "{run: {day: {turns: 1}}}"}) {
    std::vector<Diagnostic> diagnostics;
    parse_repository_settings(std::string("budget: ") + budget, "/r/.fanout.yaml", diagnostics);
    EXPECT_EQ(diagnostics.size(), 1u) << budget;
  }
}

TEST(Settings, ATaskHasNoBudgetForTheRun) {
  std::vector<Diagnostic> diagnostics;
  resolved("tasks: [{id: a, prompt: x, agent: y, budget: {run: {turns: 4}}}]", {}, &diagnostics);
  EXPECT_THAT(told(diagnostics), testing::Contains(HasSubstr("a task's budget is its own")));
}

TEST(Settings, PricesAreTheUsers) {
  Layers layers;
  layers.user = user("[prices.'my-model*']\ninput = 3\noutput = 15.5\nas_of = '2026-11-01'\n");
  const auto spec = resolved("tasks: [{id: a, prompt: x}]", layers);
  ASSERT_EQ(spec.prices_size(), 1);
  EXPECT_EQ(spec.prices(0).model(), "my-model*");
  EXPECT_EQ(spec.prices(0).output(), 15.5);
  EXPECT_FALSE(spec.prices(0).has_cached_input());
  std::vector<Diagnostic> diagnostics;
  parse_user_config("[prices.m]\ninput = 'cheap'\n", "/u/config.toml", diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre(HasSubstr("US dollars")));
}

TEST(Settings, GateRetriesAreUnsetUnlessSomebodySaysThem) {
  EXPECT_FALSE(resolved("tasks: [{id: a, prompt: x}]").tasks(0).has_gate_retries());
  EXPECT_EQ(resolved("gate_retries: 0\ntasks: [{id: a, prompt: x}]").tasks(0).gate_retries(), 0u);
  EXPECT_TRUE(resolved("gate_retries: 0\ntasks: [{id: a, prompt: x}]").tasks(0).has_gate_retries());
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

TEST(Settings, AVariableHasItsValueFromTheNearestThatNamesItBeItASecretOrNot) {
  Layers layers;
  layers.repository = repository("env: {A: {secret: RA}, B: r, C: {secret: RC}}");
  const auto spec = resolved("env: {A: p, B: {secret: PB}}\ntasks: [{id: a, prompt: x}]", layers);
  const auto& task = spec.tasks(0);
  EXPECT_EQ(task.env().at("A"), "p");
  EXPECT_EQ(task.env_size(), 1);
  EXPECT_EQ(task.secret_env().at("B"), "PB");
  EXPECT_EQ(task.secret_env().at("C"), "RC");
  EXPECT_EQ(task.secret_env_size(), 2);
}

TEST(Settings, VariablesToPassOnAreThoseOfAllFilesAndWhatLeavesIsLookedAt) {
  Layers layers;
  layers.repository = repository("pass_env: [B, 'AWS_*']\nmax_file_size: off");
  layers.user = user("pass_env = ['A', 'B']\nsecret_scan = 'warn'");
  const auto spec = resolved("tasks: [{id: a, prompt: x}]", layers);
  const auto& task = spec.tasks(0);
  EXPECT_THAT(task.pass_env(), ElementsAre("A", "AWS_*", "B"));
  EXPECT_EQ(task.max_file_bytes(), 0u);
  EXPECT_EQ(task.secret_scan(), "warn");
  const auto without = resolved("tasks: [{id: a, prompt: x}]");
  const auto& usual = without.tasks(0);
  EXPECT_EQ(usual.max_file_bytes(), 50u << 20);
  EXPECT_EQ(usual.secret_scan(), "on");
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
  EXPECT_EQ(spec.tasks(0).stall_timeout().seconds(), 600);
  EXPECT_EQ(spec.tasks(0).retries(), 0u);
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
  EXPECT_THAT(faults("worktree: '../{task_id}'"),
              ElementsAre(HasSubstr("must be a path inside the repository")));
  EXPECT_THAT(faults("branch: '{issue}-{task_id}'"),
              ElementsAre(HasSubstr("there are no issues with tracker none")));
  EXPECT_THAT(faults("branch: '{issue}-{task_id}'\ntracker: github"), ElementsAre());
  EXPECT_THAT(faults("tracker: jira"), ElementsAre(HasSubstr("unknown tracker \"jira\"")));
}

TEST(Settings, BranchPatternsMustGiveBranchNames) {
  const auto faults = [](const std::string& pattern) {
    std::vector<Diagnostic> diagnostics;
    resolved("branch: '" + pattern + "'\ntasks: [{id: a, prompt: x}]", {}, &diagnostics);
    return told(diagnostics);
  };
  for (const char* bad : {"/x",   "x/",  "x//y", ".x/{task_id}", "x/.y", "x.lock", "x.lock/y",
                          "a..b", "x.",  "@",    "a@{{task_id}", "-x",   "a b",    "a~b",
                          "a^b",  "a:b", "a?b",  "a*b",          "a[b",  "a\\b",   "{task_id"}) {
    EXPECT_EQ(faults(bad).size(), 1u) << bad;
  }
  for (const char* good : {"{task_id}", "f/{run_id}/{task_id}", "x-{task_id}.y", "a@b"}) {
    EXPECT_THAT(faults(good), ElementsAre()) << good;
  }
}

TEST(Settings, WorktreePatternsMustStayInTheRepositoryAndOutOfGit) {
  const auto faults = [](const std::string& pattern) {
    std::vector<Diagnostic> diagnostics;
    resolved("worktree: '" + pattern + "'\ntasks: [{id: a, prompt: x}]", {}, &diagnostics);
    return told(diagnostics);
  };
  for (const char* bad : {"/abs/{task_id}", "a/../../{task_id}", ".", "./", ".git/{task_id}"}) {
    EXPECT_THAT(faults(bad), ElementsAre(HasSubstr("must be a path inside the repository"))) << bad;
  }
  EXPECT_THAT(faults("wt/a..b/{task_id}"), ElementsAre());
}

TEST(Settings, AFaultIsToldAtThePlaceThatTheValueComesFrom) {
  Layers layers;
  layers.repository = repository("base: main\nbranch: 'a b'\n");
  std::vector<Diagnostic> diagnostics;
  resolved("timeout: 1m\ntracker: jira\ntasks: [{id: a, prompt: x}]", layers, &diagnostics);
  EXPECT_THAT(
      told(diagnostics),
      ElementsAre("plan.yaml:2:10: error: unknown tracker \"jira\": there are \"github\" and \"none\", which "
                  "makes no issues",
                  ".fanout.yaml:2:9: error: the branch pattern \"a b\" does not give a branch name"));
}

TEST(Settings, AFlagReplacesAValueThatWouldBeAFault) {
  Layers layers;
  layers.flags.set_tracker("none");
  std::vector<Diagnostic> diagnostics;
  resolved("tracker: jira\ntasks: [{id: a, prompt: x}]", layers, &diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre());
  layers.flags.set_tracker("jira");
  resolved("tracker: none\ntasks: [{id: a, prompt: x}]", layers, &diagnostics);
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].place.file, "") << "a flag stands in no file";
}

TEST(Settings, FlagsAreHeldToTheSameBoundsAsFiles) {
  const auto faults = [](const fanout::v1::Overrides& flags) {
    Layers layers;
    layers.flags = flags;
    std::vector<Diagnostic> diagnostics;
    resolved("tasks: [{id: a, prompt: x}]", layers, &diagnostics);
    return told(diagnostics);
  };
  for (const unsigned count : {0u, 1001u, 4'000'000'000u}) {
    fanout::v1::Overrides flags;
    flags.set_max_parallel(count);
    EXPECT_THAT(faults(flags), ElementsAre(": error: max_parallel must be a whole number from 1 to 1000"));
  }
  fanout::v1::Overrides many;
  many.set_retries(11);
  EXPECT_THAT(faults(many), ElementsAre(": error: retries must be a whole number from 0 to 10"));
  for (const std::int64_t seconds : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    fanout::v1::Overrides flags;
    flags.mutable_timeout()->set_seconds(seconds);
    EXPECT_THAT(faults(flags), ElementsAre(HasSubstr("timeout must be longer than nothing"))) << seconds;
  }
}

TEST(Settings, FlagsBeatATasksOwnWordForAgentAndTimeout) {
  Layers layers;
  layers.flags.mutable_timeout()->set_seconds(7);
  const auto spec =
      resolved("timeout: 1m\ntasks: [{id: a, prompt: x, timeout: 2m}, {id: b, prompt: x}]", layers);
  EXPECT_EQ(spec.tasks(0).timeout().seconds(), 7);
  EXPECT_EQ(spec.tasks(1).timeout().seconds(), 7);
  const auto without = resolved("timeout: 1m\ntasks: [{id: a, prompt: x, timeout: 2m}, {id: b, prompt: x}]");
  EXPECT_EQ(without.tasks(0).timeout().seconds(), 120);
  EXPECT_EQ(without.tasks(1).timeout().seconds(), 60);
}

TEST(Settings, StallTimeoutAndRetriesMayStandAnywhereAndBeSwitchedOff) {
  Layers layers;
  layers.repository = repository("stall_timeout: 20m\nretries: 3");
  const auto spec = resolved("retries: 2\ntasks: [{id: a, prompt: x, stall_timeout: off, retries: 0}, {id: b, prompt: x}, "
                             "{id: c, prompt: x, stall_timeout: 0}]", layers);
  EXPECT_EQ(spec.tasks(0).stall_timeout().seconds(), 0);
  EXPECT_EQ(spec.tasks(0).retries(), 0u);
  EXPECT_EQ(spec.tasks(1).stall_timeout().seconds(), 1200);
  EXPECT_EQ(spec.tasks(1).retries(), 2u);
  EXPECT_EQ(spec.tasks(2).stall_timeout().seconds(), 0);
  layers.flags.set_retries(5);
  EXPECT_EQ(resolved("tasks: [{id: a, prompt: x, retries: 1}]", layers).tasks(0).retries(), 5u);
}

TEST(Settings, TheSandboxIsReadFromEveryLayerAndFaultsAreToldAtTheirPlace) {
  Layers layers;
  layers.repository = repository("sandbox: workspace\nsandbox_network: off\nsandbox_read: ~/.npmrc\n");
  layers.user = user("sandbox = \"strict\"\nsandbox_require = true\n");
  auto spec = resolved("tasks: [{id: a, prompt: x, sandbox: off}, {id: b, prompt: x}]", layers);
  EXPECT_EQ(spec.tasks(0).sandbox().level(), "off");
  EXPECT_EQ(spec.tasks(1).sandbox().level(), "workspace");
  EXPECT_TRUE(spec.tasks(1).sandbox().require());
  EXPECT_FALSE(spec.tasks(1).sandbox().network());
  EXPECT_THAT(spec.tasks(1).sandbox().read(), ElementsAre("~/.npmrc"));
  layers.flags.set_sandbox("strict");
  EXPECT_EQ(resolved("tasks: [{id: a, prompt: x, sandbox: off}]", layers).tasks(0).sandbox().level(), "strict");
  EXPECT_EQ(resolved("tasks: [{id: a, prompt: x}]").tasks(0).sandbox().level(), "");  // whatever works

  std::vector<Diagnostic> diagnostics;
  parse_repository_settings("sandbox: loose\nsandbox_write: [here]\n", "/r/.fanout.yaml", diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre(HasSubstr("sandbox"), HasSubstr("must be an absolute path or begin with ~/")));
  layers.flags.set_sandbox("loose");
  diagnostics.clear();
  resolved("tasks: [{id: a, prompt: x}]", layers, &diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre(HasSubstr("sandbox must be one of off, workspace, strict")));
}

TEST(Settings, TheNetworkOfASandboxIsASwitchOrAListAndTheUpperOneOfThemCounts) {
  Layers layers;
  layers.user = user("sandbox_network = [\"api.example.com\", \"*.example.org:8443\"]\n");
  const auto spec = resolved("tasks: [{id: a, prompt: x}, {id: b, prompt: x, sandbox_network: on}, {id: c, prompt: x, sandbox_network: []}, {id: d, prompt: x, sandbox_network: 10.0.0.0/8}, "
                             "{id: e, prompt: x, sandbox_network: false}]", layers);
  EXPECT_THAT(spec.tasks(0).sandbox().hosts(), ElementsAre("api.example.com", "*.example.org:8443"));
  EXPECT_TRUE(spec.tasks(0).sandbox().has_network() && !spec.tasks(0).sandbox().network());
  EXPECT_EQ(spec.tasks(1).sandbox().hosts_size(), 0);
  EXPECT_TRUE(spec.tasks(1).sandbox().network());
  EXPECT_EQ(spec.tasks(2).sandbox().hosts_size(), 0);
  EXPECT_TRUE(spec.tasks(2).sandbox().has_network() && !spec.tasks(2).sandbox().network());
  EXPECT_THAT(spec.tasks(3).sandbox().hosts(), ElementsAre("10.0.0.0/8"));
  EXPECT_EQ(spec.tasks(4).sandbox().hosts_size(), 0);
  std::vector<Diagnostic> diagnostics;
  parse_repository_settings("sandbox_network: [fine.example.com, 'http://example.com/', '']\ntracker_access: all\nescape: kill\n", "/r/.fanout.yaml", diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre(HasSubstr("must be a host, such as"), HasSubstr("must be a host, such as"), HasSubstr("tracker_access"), HasSubstr("escape")));
}

TEST(Settings, TrackerAccessIsForPlansWithATrackerAndTheConfigurationsIsOverlookedElsewhere) {
  Layers layers;
  layers.user = user("tracker_access = \"task\"\n");
  std::vector<Diagnostic> diagnostics;
  EXPECT_EQ(resolved("tasks: [{id: a, prompt: x}]", layers, &diagnostics).tasks(0).sandbox().tracker_access(), "none");
  EXPECT_EQ(resolved("tracker: github\ntasks: [{id: a, prompt: x}, {id: b, prompt: x, tracker_access: read}]", layers, &diagnostics).tasks(1).sandbox().tracker_access(), "read");
  EXPECT_THAT(told(diagnostics), testing::IsEmpty());
  resolved("tasks: [{id: a, prompt: x, tracker_access: read}]", layers, &diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre(HasSubstr("set tracker to github")));
}

TEST(Settings, GatesOfATaskReplaceThoseOfThePlan) {
  const auto spec = resolved(
      "gates: [{name: p, run: make}]\n"
      "tasks: [{id: a, prompt: x, gates: [make test]}, {id: b, prompt: x, gates: []}, {id: c, prompt: x}]");
  EXPECT_EQ(spec.tasks(0).gates(0).run(), "make test");
  EXPECT_EQ(spec.tasks(1).gates_size(), 0);
  EXPECT_EQ(spec.tasks(2).gates(0).name(), "p");
}

TEST(Settings, FlagsMayBeWrittenInAnyCaseThatYamlAllows) {
  EXPECT_TRUE(resolved("push: True\nwrite_status: OFF\ntasks: [{id: a, prompt: x}]").push());
}

TEST(Settings, WithoutAnyAgentNobodyIsNamed) {
  std::vector<Diagnostic> diagnostics;
  const auto spec =
      resolved("tasks: [{id: a, prompt: x}, {id: b, prompt: x}, {id: done, prompt: x, status: completed}]",
               {}, &diagnostics);
  require_agents(spec, diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre(HasSubstr("error: no agent is named: pass --agent COMMAND")));
}

TEST(Settings, ACompletedTaskNeedsNoAgent) {
  std::vector<Diagnostic> diagnostics;
  require_agents(resolved("tasks: [{id: done, prompt: x, status: completed}]"), diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre());
}

TEST(Settings, EnvValuesAreInNoPrompt) {
  const auto spec =
      resolved("env: {TOKEN: ghp_secret}\ntasks: [{id: a, prompt: x, env: {OTHER: ghp_secret}}]");
  for (const auto& [name, value] : spec.tasks(0).prompt_values()) {
    EXPECT_THAT(value, testing::Not(HasSubstr("ghp_secret"))) << name;
  }
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
  EXPECT_THAT(told(diagnostics),
              ElementsAre(HasSubstr("config.toml:1:"), HasSubstr("must be a map of settings")));
}

}  // namespace
}  // namespace fanout::domain
