// Limits of a task's programs, and agents that do no good, with a real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::HasSubstr;

/// Holds 300 MB until it is ended.
constexpr const char* kHog = "(head -c 300000000 /dev/zero; sleep 1000) | tail";

class LimitsTest : public testing::TestWithParam<const char*> {
 protected:
  LimitsTest() { repository_.commit_file("a.txt", "a\n"); }

  std::vector<v1::Event> run(const PlanBuilder& plan) {
    run_ = execute(daemon_, plan.write());
    return watch(daemon_, run_);
  }
  v1::Subagent end_of(const std::string& id) { return task(get(daemon_, run_), id); }
  static v1::CommandEnded end_in(const std::vector<v1::Event>& events, const std::string& role) {
    for (const auto& event : events) {
      if (event.has_command_ended() && event.command_ended().role() == role) return event.command_ended();
    }
    ADD_FAILURE() << "no " << role << " has ended";
    return {};
  }

  GitSandbox repository_;
  Daemon daemon_{"20ms", {}, {"--tree-kill", GetParam()}};
  std::string run_;
};

TEST_P(LimitsTest, AnAgentThatTakesMoreMemoryThanItMayIsEndedAndTheReasonSaysSo) {
  PlanBuilder plan(repository_);
  plan.task("hog", kHog, {}, "    max_memory: 64MiB\n");
  const auto events = run(plan);
  EXPECT_EQ(end_of("hog").phase(), v1::PHASE_FAILED);
  EXPECT_THAT(end_of("hog").reason(), HasSubstr("used more than 64.0 MiB of memory (max_memory) and was ended"));
  EXPECT_EQ(end_in(events, "agent").limit(), v1::LIMIT_KIND_MEMORY);
  EXPECT_GT(end_of("hog").peak_memory_bytes(), 60u << 20);
  EXPECT_THAT(daemon_.supervisors(), testing::IsEmpty());
}

TEST_P(LimitsTest, AnAgentThatStartsTooManyProcessesIsEndedAndTheReasonSaysSo) {
  PlanBuilder plan(repository_);
  plan.task("many", "for i in $(seq 60); do sleep 1000 & done; wait", {}, "    max_processes: 20\n");
  const auto events = run(plan);
  EXPECT_EQ(end_of("many").phase(), v1::PHASE_FAILED);
  EXPECT_THAT(end_of("many").reason(), HasSubstr("more than 20 processes and threads at once (max_processes)"));
  EXPECT_EQ(end_in(events, "agent").limit(), v1::LIMIT_KIND_PROCESSES);
}

TEST_P(LimitsTest, AGatesLimitIsItsReasonToo) {
  PlanBuilder plan(repository_);
  plan.task("t", commit_line("x.txt"), {}, "    max_memory: 64MiB\n    gates:\n      - {name: big, run: \"" + std::string(kHog) + "\"}\n");
  run(plan);
  EXPECT_EQ(end_of("t").ended_in(), v1::PHASE_TESTING);
  EXPECT_THAT(end_of("t").reason(), AllOf(HasSubstr("gate \"big\" failed"), HasSubstr("(max_memory)")));
}

TEST_P(LimitsTest, OutputBeyondTheCapIsDroppedAndCountedAndDoesNoHarm) {
  PlanBuilder plan(repository_);
  plan.task("loud", "head -c 100000 /dev/zero | tr '\\0' x; " + commit_line("x.txt"), {}, "    max_output: 10KiB\n");
  const auto events = run(plan);
  EXPECT_EQ(end_of("loud").phase(), v1::PHASE_COMPLETED) << end_of("loud").reason();
  const auto end = end_in(events, "agent");
  EXPECT_EQ(end.stdout_bytes(), 10240u);
  EXPECT_EQ(end.dropped_bytes(), 100000u - 10240u);
  EXPECT_EQ(end.limit(), v1::LIMIT_KIND_OUTPUT);
}

TEST_P(LimitsTest, WhatAnAgentNeededIsMeasured) {
  PlanBuilder plan(repository_);
  plan.task("t", "head -c 100000000 /dev/zero | tail | wc -c; " + commit_line("x.txt"));
  const auto events = run(plan);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
  EXPECT_GT(end_in(events, "agent").peak_memory_bytes(), 90'000'000u);
}

INSTANTIATE_TEST_SUITE_P(TreeKill, LimitsTest, testing::Values("auto", "namespace", "supervisor"),
                         [](const auto& info) { return std::string(info.param); });

class ConditionsTest : public LimitsTest {};

TEST_P(ConditionsTest, AnAgentThatSaysTheSameForEverIsLoopingAndNotSilent) {
  PlanBuilder plan(repository_);
  plan.task("parrot", "while :; do echo the same; echo again; sleep 0.01; done", {}, "    stall_timeout: 4s\n");
  const auto events = run(plan);
  EXPECT_EQ(end_of("parrot").phase(), v1::PHASE_FAILED);
  EXPECT_THAT(end_of("parrot").reason(), AllOf(HasSubstr("looping"), HasSubstr("4.0s (stall_timeout)")));
  bool told = false;
  for (const auto& event : events) {
    EXPECT_FALSE(event.has_agent_stalled());
    told = told || (event.has_agent_condition_changed() &&
                    event.agent_condition_changed().condition() == v1::AGENT_CONDITION_LOOPING);
  }
  EXPECT_TRUE(told);
}

TEST_P(ConditionsTest, ASilentOneIsToldFromOneThatWaitsForAnAnswer) {
  PlanBuilder plan(repository_);
  plan.task("silent", "echo working; sleep 1000", {}, "    stall_timeout: 4s\n");
  plan.task("asks", "echo 'Overwrite the file? [y/N]'; sleep 1000", {}, "    stall_timeout: 4s\n");
  std::map<std::string, v1::AgentCondition> seen;
  for (const auto& event : run(plan)) {
    if (event.has_agent_condition_changed()) seen.try_emplace(event.task_id(), event.agent_condition_changed().condition());
  }
  EXPECT_EQ(seen["silent"], v1::AGENT_CONDITION_SILENT);
  EXPECT_EQ(seen["asks"], v1::AGENT_CONDITION_WAITING_FOR_INPUT);
}

INSTANTIATE_TEST_SUITE_P(TreeKill, ConditionsTest, testing::Values("auto"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace fanout::test
