// Every kind of fault has one clear message, with its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using test::load;
using test::MemoryFiles;
using test::told;
using testing::ElementsAre;
using testing::HasSubstr;

struct Fault {
  const char* name;
  const char* plan;
  const char* message;
};

class OneFault : public testing::TestWithParam<Fault> {};

TEST_P(OneFault, GivesItsOneMessage) {
  const auto loaded = load(GetParam().plan);
  EXPECT_THAT(told(loaded.diagnostics), ElementsAre(GetParam().message));
  EXPECT_FALSE(loaded.ok());
}

const Fault kFaults[] = {
    {"Syntax", "tasks: [{id: a", "plan.yaml:1:1: error: this is not valid YAML: end of map flow not found"},
    {"Empty", "", "plan.yaml:1:1: error: this is not a plan: it must be a map with tasks:"},
    {"NotAMap", "- a\n- b\n", "plan.yaml:1:1: error: this is not a plan: it must be a map with tasks:"},
    {"NoTasks", "metadata: {name: x}\n",
     "plan.yaml:1:1: error: this plan has no tasks: it needs tasks: with at least one entry"},
    {"EmptyTasks", "tasks: []\n",
     "plan.yaml:1:8: error: this plan has no tasks: it needs tasks: with at least one entry"},
    {"TasksAreNoList", "tasks: {a: b}\n", "plan.yaml:1:8: error: tasks must be a list"},
    {"TaskIsNoMap", "tasks:\n  - just words\n",
     "plan.yaml:2:5: error: a task must be a map with id: and file: or prompt:"},
    {"NoId", "tasks:\n  - {prompt: x}\n", "plan.yaml:2:5: error: this task has no id"},
    {"IdIsAList", "tasks:\n  - {id: [a], prompt: x}\n", "plan.yaml:2:10: error: id must be a text"},
    {"IdRepeated", "tasks:\n  - {id: a, prompt: x}\n  - {id: a, prompt: y}\n",
     "plan.yaml:3:5: error: the id \"a\" is used twice (first in line 2)"},
    {"IdDiffersInCase", "tasks:\n  - {id: a, prompt: x}\n  - {id: A, prompt: y}\n",
     "plan.yaml:3:5: error: the ids \"a\" (line 2) and \"A\" differ only in case, and would be one folder on "
     "some "
     "file systems"},
    {"IdWithSlash", "tasks:\n  - {id: ../x, prompt: x}\n",
     "plan.yaml:2:10: error: the id \"../x\" cannot be the name of a folder and a branch: use letters, "
     "digits, '.', "
     "'_' and '-', beginning with a letter or digit"},
    {"IdWithDots", "tasks:\n  - {id: a..b, prompt: x}\n",
     "plan.yaml:2:10: error: the id \"a..b\" cannot be part of a branch name: it holds \"..\""},
    {"IdEndsInLock", "tasks:\n  - {id: a.lock, prompt: x}\n",
     "plan.yaml:2:10: error: the id \"a.lock\" cannot be part of a branch name: it ends in \".\" or "
     "\".lock\""},
    {"Priority", "tasks:\n  - {id: a, prompt: x, priority: hihg}\n",
     "plan.yaml:2:34: error: unknown priority \"hihg\": it is one of blocker, high, medium, low (did you "
     "mean high?)"},
    {"Status", "tasks:\n  - {id: a, prompt: x, status: done}\n",
     "plan.yaml:2:32: error: unknown status \"done\": it is one of pending, in_progress, completed, blocked"},
    {"UnknownDependency",
     "tasks:\n  - id: task-2\n    prompt: y\n    dependencies: [task-9]\n  - {id: task-8, prompt: x}\n",
     "plan.yaml:4:20: error: task-2 depends on \"task-9\", which no task has (did you mean task-8?)"},
    {"SelfDependency", "tasks:\n  - {id: a, prompt: x, dependencies: [a]}\n",
     "plan.yaml:2:39: error: a depends on itself"},
    {"Cycle",
     "tasks:\n  - {id: a, prompt: x, dependencies: [c]}\n  - {id: b, prompt: x, dependencies: [a]}\n"
     "  - {id: c, prompt: x, dependencies: [b]}\n",
     "plan.yaml:2:5: error: these tasks wait for each other: a → c → b → a"},
    {"NothingToDo", "tasks:\n  - {id: a}\n",
     "plan.yaml:2:5: error: this task says nothing to do: it needs file: (a Markdown file beside the plan) "
     "or prompt:"},
    {"FileAndPrompt", "tasks:\n  - {id: a, file: a.md, prompt: x}\n",
     "plan.yaml:2:33: error: a task has either file: or prompt:, not both"},
    {"FileEscapes", "tasks:\n  - {id: a, file: ../../etc/passwd}\n",
     "plan.yaml:2:19: error: \"../../etc/passwd\" lies outside the plan's folder"},
    {"FileIsAbsolute", "tasks:\n  - {id: a, file: /etc/passwd}\n",
     "plan.yaml:2:19: error: \"/etc/passwd\" lies outside the plan's folder"},
    {"FileIsMissing", "tasks:\n  - {id: a, file: tasks/a.md}\n",
     "plan.yaml:2:19: error: cannot read /p/tasks/a.md: no such file"},
    {"KeyTwice", "tasks:\n  - id: a\n    prompt: x\n    id: b\n",
     "plan.yaml:4:5: error: \"id\" is written twice (first in line 2): keep one"},
    {"GateWithoutRun", "gates: [{name: t}]\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:9: error: a gate needs run: a shell command"},
    {"GatesTwice", "gates: [{name: t, run: a}, {name: t, run: b}]\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:28: error: there are two gates named \"t\""},
    {"Timeout", "timeout: soon\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:10: error: timeout must be a duration such as 90s, 15m or 1h30m"},
    {"StallTimeout", "stall_timeout: never\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:16: error: stall_timeout must be a duration such as 90s, 15m or 1h30m, or off"},
    {"Retries", "retries: 11\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:10: error: retries must be a whole number from 0 to 10"},
    {"MaxParallel", "max_parallel: 0\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:15: error: max_parallel must be a whole number from 1 to 1000"},
    {"Flag", "push: perhaps\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:7: error: push must be true or false"},
    {"VariableName", "env: {1A: x}\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:7: error: \"1A\" is not a variable's name: letters, digits and _ only"},
    {"QuoteNeverClosed", "tasks: \"abc\n",
     "plan.yaml:1:8: error: this is not valid YAML: the quote that opens here is never closed"},
    {"SecondDocument", "tasks: [{id: a, prompt: x}]\n---\ntasks: []\n",
     "plan.yaml:3:1: error: a second YAML document begins here: keep to one in a file"},
    {"NotUtf8", "metadata: {name: caf\xe9}\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:21: error: this is not UTF-8: save the file as UTF-8"},
    {"NulCharacter", "tasks: [{id: a, prompt: \"a\\0b\"}]\n",
     "plan.yaml:1:25: error: a NUL character is not allowed"},
    {"AliasInItself", "notes: &a [*a]\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:12: error: an alias cannot stand inside what it names"},
    {"KeyIsNoWord", "tasks: [{id: a, prompt: x}]\n[a, b]: c\n",
     "plan.yaml:2:1: error: a key must be a plain word"},
    {"MergeOfNoMap", "tasks:\n  - <<: word\n    id: a\n    prompt: x\n",
     "plan.yaml:2:9: error: << must name a map, or a list of maps"},
    {"KeyTwiceInASection", "env: {A: x, A: y}\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:13: error: \"A\" is written twice (first in line 1): keep one"},
    {"IdIsEmpty", "tasks:\n  - {id: '', prompt: x}\n", "plan.yaml:2:5: error: this task has no id"},
    {"IdBeginsWithDash", "tasks:\n  - {id: -x, prompt: x}\n",
     "plan.yaml:2:10: error: the id \"-x\" cannot be the name of a folder and a branch: use letters, digits, "
     "'.', "
     "'_' and '-', beginning with a letter or digit"},
    {"DependenciesAreAMap", "tasks:\n  - {id: a, prompt: x, dependencies: {b: c}}\n",
     "plan.yaml:2:38: error: dependencies must be a list of texts"},
    {"PromptIsAList", "tasks:\n  - {id: a, prompt: [x]}\n", "plan.yaml:2:21: error: prompt must be a text"},
    {"PromptIsBlank", "tasks:\n  - {id: a, prompt: ' '}\n",
     "plan.yaml:2:21: error: prompt must be a text that is not empty"},
    {"FileIsTheFolderAbove", "tasks:\n  - {id: a, file: x/../..}\n",
     "plan.yaml:2:19: error: \"x/../..\" lies outside the plan's folder"},
    {"MetadataIsAText", "metadata: x\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:11: error: metadata must be a map with name:"},
    {"GateIsBlank", "gates: ['']\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:9: error: a gate needs run: a shell command"},
    {"GateRunIsAList", "gates: [{name: t, run: [a]}]\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:24: error: run must be a text"},
    {"GateKey", "gates: [{run: a, timout: 5m}]\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:18: error: unknown key \"timout\" (did you mean timeout?)"},
    {"GateTimeout", "gates: [{run: a, timeout: -5}]\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:27: error: timeout must be a duration such as 90s, 15m or 1h30m"},
    {"TimeoutOfNothing", "tasks:\n  - {id: a, prompt: x, timeout: 0}\n",
     "plan.yaml:2:33: error: timeout must be a duration such as 90s, 15m or 1h30m"},
    {"MaxParallelIsNoNumber", "max_parallel: 2x\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:15: error: max_parallel must be a whole number from 1 to 1000"},
    {"SecretWithoutAName", "env: {A: {secret: }}\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:10: error: the value of A must be a text, or {secret: NAME} for a value that is written nowhere"},
    {"VariableToPassOnWithADash", "pass_env: [A, B-C]\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:15: error: \"B-C\" is not a variable's name, nor a pattern such as AWS_*"},
    {"EnvIsAList", "env: [A=b]\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:6: error: env must be a map of NAME: value"},
    {"AgentIsEmpty", "agent: ''\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:8: error: agent must be a text that is not empty"},
    {"CommitType", "commit_type: 'feat: x'\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:14: error: commit_type must be one word such as feat"},
    {"Setup", "setup: [{a: b}]\ntasks: [{id: a, prompt: x}]\n",
     "plan.yaml:1:9: error: setup must be a list of texts"},
};

INSTANTIATE_TEST_SUITE_P(Plans, OneFault, testing::ValuesIn(kFaults),
                         [](const auto& fault) { return std::string(fault.param.name); });

TEST(PlanFaults, AreToldAllAtOnceInTheOrderOfTheFile) {
  const auto loaded = load(
      "max_parallel: x\ntasks:\n  - {id: a, prompt: x, dependencies: [b, c]}\n  - {prompt: y}\n  - {id: d, "
      "priority: p, prompt: z}\n");
  EXPECT_THAT(told(loaded.diagnostics),
              ElementsAre(HasSubstr("plan.yaml:1:"), HasSubstr("plan.yaml:3:39"), HasSubstr("plan.yaml:3:42"),
                          HasSubstr("plan.yaml:4:"), HasSubstr("plan.yaml:5:")));
}

LoadedPlan with_task_file(const std::string& text) {
  return MemoryFiles()
      .add("/p/plan.yaml", "tasks:\n  - {id: a, file: a.md, priority: high}\n  - {id: b, prompt: x}\n")
      .add("/p/a.md", text)
      .load();
}

TEST(PlanFaults, InATaskFileHaveTheirPlaceThere) {
  EXPECT_THAT(told(with_task_file("---\nid: other\n---\n# T\n").diagnostics),
              ElementsAre("a.md:2:5: error: the id here is \"other\", but the plan says \"a\""));
  EXPECT_THAT(told(with_task_file("---\nid: a\ndependencies: [b]\n---\n# T\n").diagnostics),
              ElementsAre("a.md:3:15: error: the dependencies here are [b], but the plan says []"));
  EXPECT_THAT(told(with_task_file("---\nstatus: finished\n---\n# T\n").diagnostics),
              ElementsAre(HasSubstr("a.md:2:9: error: unknown status \"finished\"")));
  EXPECT_THAT(told(with_task_file("---\nid: [\n---\n# T\n").diagnostics),
              ElementsAre(HasSubstr("a.md:3:1: error: this is not valid YAML")));
  EXPECT_THAT(told(with_task_file("---\nid: a\n# T\n").diagnostics),
              ElementsAre("a.md:1:1: error: the front matter is opened by --- and never closed"));
  EXPECT_THAT(told(with_task_file("---\nid: a\n---\n").diagnostics),
              ElementsAre("a.md: error: this task file says nothing to do: its body is empty"));
  EXPECT_THAT(
      told(with_task_file("---\npriority: low\n---\n# T\n").diagnostics),
      ElementsAre("a.md:2:11: warning: the priority here is low, but the plan says high, and that counts"));
}

TEST(PlanFaults, UnknownKeysAreNotedAndKeptFromNothing) {
  const auto loaded = load("overveiw: x\ntasks: [{id: a, prompt: x, colour: red}]\n");
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(
      told(loaded.diagnostics),
      ElementsAre(
          "plan.yaml:1:1: note: unknown key \"overveiw\" is kept and ignored (did you mean overview?)",
          "plan.yaml:2:28: note: unknown key \"colour\" is kept and ignored"));
}

TEST(PlanFaults, ADependencyNamedTwiceIsAWarning) {
  const auto loaded = load("tasks:\n  - {id: a, prompt: x}\n  - {id: b, prompt: x, dependencies: [a, a]}\n");
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(told(loaded.diagnostics),
              ElementsAre("plan.yaml:3:42: warning: b names a twice as a dependency"));
}

TEST(PlanFaults, EnvValuesAreNotRepeatedInMessages) {
  const auto loaded = load("env: {TOKEN: [ghp_secret]}\ntasks: [{id: a, prompt: x}]\n");
  for (const auto& message : told(loaded.diagnostics))
    EXPECT_THAT(message, testing::Not(HasSubstr("ghp_secret")));
  EXPECT_FALSE(loaded.ok());
}

TEST(PlanFaults, AFileThatBlowsUpOrNestsWithoutEndIsRefused) {
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    const std::string before(1, static_cast<char>(c - 1));
    bomb += std::string(1, c) + ": &" + c + " [*" + before;
    for (int i = 0; i < 8; ++i) bomb += ", *" + before;
    bomb += "]\n";
  }
  EXPECT_THAT(told(load(bomb).diagnostics), testing::Contains(HasSubstr("nests too deep or holds too much")));
  EXPECT_FALSE(load("tasks: " + std::string(5000, '[')).ok());
  EXPECT_FALSE(load("tasks: " + std::string(100'000, '{')).ok());
}

TEST(PlanFaults, ControlCharactersFromAPlanDoNotReachATerminal) {
  const auto loaded = load(
      "tasks:\n"
      "  - {id: \"a\\e[2Jb\", prompt: x, \"k\\e[1m\": y, dependencies: [\"a\\e[2Jb\", \"q\\e]0;t\\a\", "
      "\"c\\e[0m\"]}\n"
      "  - {id: \"c\\e[0m\", prompt: x, dependencies: [\"a\\e[2Jb\"]}\n"
      "  - {id: \"c\\e[0m\", prompt: x}\n");
  ASSERT_FALSE(loaded.ok());
  for (const auto& diagnostic : loaded.diagnostics) {
    EXPECT_EQ(diagnostic.message.find('\x1b'), std::string::npos) << diagnostic.message;
    EXPECT_EQ(diagnostic.field.find('\x1b'), std::string::npos) << diagnostic.field;
  }
}

TEST(PlanFaults, EveryCycleIsToldOnce) {
  const auto loaded = load(
      "tasks:\n"
      "  - {id: start, prompt: x, dependencies: [a]}\n"
      "  - {id: a, prompt: x, dependencies: [b]}\n"
      "  - {id: b, prompt: x, dependencies: [a]}\n"
      "  - {id: c, prompt: x, dependencies: [d, d]}\n"
      "  - {id: d, prompt: x, dependencies: [c]}\n");
  EXPECT_THAT(told(loaded.diagnostics),
              ElementsAre("plan.yaml:3:5: error: these tasks wait for each other: a → b → a",
                          "plan.yaml:5:5: error: these tasks wait for each other: c → d → c",
                          "plan.yaml:5:42: warning: c names d twice as a dependency"));
}

TEST(PlanFaults, TasksWithoutAnIdAreNotTakenForOneAnother) {
  EXPECT_THAT(
      told(load("tasks:\n  - {prompt: x, dependencies: [c]}\n  - {prompt: y, dependencies: [c]}\n"
                "  - {id: c, prompt: x}\n")
               .diagnostics),
      ElementsAre("plan.yaml:2:5: error: this task has no id", "plan.yaml:3:5: error: this task has no id"));
}

TEST(PlanFaults, WhatHoldsForTheWholeRunIsNotTakenFromATaskInSilence) {
  const auto loaded = load("tasks:\n  - {id: a, prompt: x, base: dev}\n");
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(
      told(loaded.diagnostics),
      ElementsAre("plan.yaml:2:30: warning: base holds for the whole run and is ignored in a task: set it "
                  "in the plan"));
}

TEST(PlanFaults, TooManyTasksAreRefused) {
  std::string plan = "tasks:\n";
  for (int i = 0; i < 1001; ++i) plan += "  - {id: t" + std::to_string(i) + ", prompt: x}\n";
  EXPECT_THAT(told(load(plan).diagnostics),
              ElementsAre("plan.yaml:2:3: error: this plan has 1001 tasks; 1000 are the most: split it"));
}

}  // namespace
}  // namespace fanout::domain
