#include "server/domain/run/fold.hpp"

#include <gtest/gtest.h>

namespace fanout::domain {
namespace {

using namespace fanout::v1;

class FoldTest : public testing::Test {
 protected:
  FoldTest() {
    Event event;
    auto& run = *event.mutable_run_started()->mutable_run();
    run.set_id("r");
    for (const char* task : {"a", "b"}) {
      auto& agent = *run.add_subagents();
      agent.set_task_id(task);
      agent.set_attempt(1);
      agent.set_phase(PHASE_PENDING);
    }
    fold(event);
  }

  void fold(Event event) {
    event.set_sequence(++sequence_);
    apply(run_, event);
  }

  Event of(const std::string& task) {
    Event event;
    event.set_task_id(task);
    event.set_attempt(1);
    return event;
  }

  void change(const std::string& task, Phase from, Phase to, const std::string& reason = "") {
    auto event = of(task);
    event.set_phase(to);
    event.mutable_phase_changed()->set_from(from);
    event.mutable_phase_changed()->set_to(to);
    event.mutable_phase_changed()->set_reason(reason);
    fold(event);
  }

  const Subagent& agent(const std::string& task) { return *find_subagent(run_, task); }

  fanout::v1::Run run_;
  std::uint64_t sequence_ = 0;
};

TEST_F(FoldTest, AnEventThatIsFoldedInAlreadyChangesNothing) {
  change("a", PHASE_PENDING, PHASE_SETTING_UP);
  auto again = of("a");
  again.set_sequence(1);
  again.mutable_phase_changed()->set_to(PHASE_FAILED);
  apply(run_, again);
  EXPECT_EQ(agent("a").phase(), PHASE_SETTING_UP);
}

TEST_F(FoldTest, AFailureKeepsThePhaseItHappenedInAndTheReason) {
  change("a", PHASE_PENDING, PHASE_SETTING_UP);
  change("a", PHASE_SETTING_UP, PHASE_FAILED, "no disk");
  EXPECT_EQ(agent("a").ended_in(), PHASE_SETTING_UP);
  EXPECT_EQ(agent("a").reason(), "no disk");
  EXPECT_EQ(agent("b").phase(), PHASE_PENDING);
}

TEST_F(FoldTest, ARetryOpensTheRunAgainAndKeepsTheWorktree) {
  auto ready = of("a");
  ready.mutable_worktree_ready()->set_branch("feature/a");
  fold(ready);
  change("a", PHASE_SETTING_UP, PHASE_FAILED, "x");
  Event end;
  end.mutable_run_ended()->set_state(RUN_STATE_FAILED);
  fold(end);
  EXPECT_EQ(run_.state(), RUN_STATE_FAILED);
  auto retry = of("a");
  retry.set_attempt(2);
  retry.mutable_retry_requested();
  fold(retry);
  EXPECT_EQ(run_.state(), RUN_STATE_RUNNING);
  EXPECT_EQ(agent("a").attempt(), 2u);
  EXPECT_EQ(agent("a").phase(), PHASE_PENDING);
  EXPECT_EQ(agent("a").reason(), "");
  EXPECT_EQ(agent("a").branch(), "feature/a");
}

TEST_F(FoldTest, TheNewestResultOfAGateCounts) {
  for (const bool passed : {false, true}) {
    auto gate = of("a");
    gate.mutable_gate_ended()->mutable_result()->set_name("tests");
    gate.mutable_gate_ended()->mutable_result()->set_passed(passed);
    fold(gate);
  }
  ASSERT_EQ(agent("a").gates_size(), 1);
  EXPECT_TRUE(agent("a").gates(0).passed());
}

TEST_F(FoldTest, TheLastWordsAreCleanedForATerminal) {
  auto output = of("a");
  output.mutable_output()->add_lines()->set_text("\x1b[31mred\x1b[0m \x1b]0;title\x07words");
  output.mutable_output()->add_lines()->set_text("   ");
  fold(output);
  EXPECT_EQ(agent("a").last_message(), "red words");
}

TEST_F(FoldTest, TheOutcomeOfARunIsItsWorstEnd) {
  change("a", PHASE_REPORTING, PHASE_COMPLETED);
  change("b", PHASE_PENDING, PHASE_SKIPPED);
  EXPECT_EQ(outcome(run_), RUN_STATE_COMPLETED);
  change("b", PHASE_PENDING, PHASE_BLOCKED);
  EXPECT_EQ(outcome(run_), RUN_STATE_FAILED);
  change("b", PHASE_PENDING, PHASE_CANCELLED);
  EXPECT_EQ(outcome(run_), RUN_STATE_CANCELLED);
  change("b", PHASE_PENDING, PHASE_FAILED);
  EXPECT_EQ(outcome(run_), RUN_STATE_FAILED);
  change("b", PHASE_PENDING, PHASE_INTERRUPTED);
  EXPECT_EQ(outcome(run_), RUN_STATE_INTERRUPTED);
}

TEST_F(FoldTest, TasksThatComeArePutBehindThoseThatAreThereUntilThePlanIsClosed) {
  run_.set_open(true);
  Event added;
  added.mutable_elapsed()->set_seconds(9);
  added.mutable_time()->set_seconds(1000);
  for (const char* id : {"b", "c"}) {
    auto& task = *added.mutable_tasks_added()->add_subagents();
    task.set_task_id(id);
    task.set_phase(PHASE_PENDING);
    task.set_title("new");
  }
  fold(added);
  ASSERT_EQ(run_.subagents_size(), 3);
  EXPECT_EQ(agent("b").title(), "") << "it was there";
  EXPECT_EQ(run_.subagents(2).task_id(), "c");
  EXPECT_EQ(agent("c").setup().queued().seconds(), 9) << "it waits from then on";
  EXPECT_EQ(agent("c").phase_started_at().seconds(), 1000);
  EXPECT_EQ(outcome(run_), RUN_STATE_INTERRUPTED) << "more were to come";
  Event closed;
  closed.mutable_plan_closed();
  fold(closed);
  EXPECT_FALSE(run_.open());
  EXPECT_EQ(outcome(fanout::v1::Run()), RUN_STATE_FAILED) << "nothing was done";
}

TEST_F(FoldTest, AnEventOfAnUnknownTaskOrKindIsCountedAndHarmless) {
  fold(of("nobody"));
  Event empty;
  fold(empty);
  EXPECT_EQ(run_.last_sequence(), sequence_);
}

TEST_F(FoldTest, WhatTheAgentSaysAndDoesIsTheLastMessage) {
  auto event = of("a");
  event.mutable_agent_activity()->mutable_message()->set_text("I will write it.\nThen test.");
  fold(event);
  EXPECT_EQ(agent("a").last_message(), "I will write it.");
  event.mutable_agent_activity()->mutable_tool_call()->set_title("Write hello.txt");
  fold(event);
  EXPECT_EQ(agent("a").last_message(), "Write hello.txt");
  event.mutable_agent_activity()->mutable_permission()->set_title("make install");
  fold(event);
  EXPECT_EQ(agent("a").last_message(), "asks: make install");
}

TEST_F(FoldTest, UsageAddsUpOverAttemptsAndTheSessionIsKept) {
  auto started = of("a");
  started.mutable_command_started()->set_role("agent");
  auto session = of("a");
  session.mutable_agent_activity()->mutable_session()->set_id("s");
  auto usage = of("a");
  usage.mutable_agent_activity()->mutable_usage()->set_scope(AgentUsage::SCOPE_SESSION);
  usage.mutable_agent_activity()->mutable_usage()->set_input_tokens(10);
  for (int attempt = 1; attempt <= 2; ++attempt) {
    fold(started);
    fold(session);
    fold(usage);
    auto again = of("a");
    again.set_attempt(static_cast<std::uint32_t>(attempt) + 1);
    again.mutable_retry_requested();
    fold(again);
  }
  EXPECT_EQ(agent("a").usage().input_tokens(), 20U);
  EXPECT_FALSE(agent("a").usage().has_output_tokens());
  EXPECT_EQ(agent("a").agent_session(), "s");
  EXPECT_FALSE(agent("b").has_usage());
}

TEST_F(FoldTest, FeedbackIsCountedUntilAPersonAsksForAnotherAttempt) {
  auto watching = of("a");
  watching.mutable_following_changed()->set_state(Following::STATE_WATCHING);
  fold(watching);
  auto again = of("a");
  again.set_attempt(2);
  again.mutable_retry_requested()->mutable_feedback()->set_fingerprint("checks-1");
  again.mutable_retry_requested()->mutable_feedback()->set_retry(1);
  fold(again);
  EXPECT_EQ(agent("a").following().state(), Following::STATE_WATCHING);
  EXPECT_EQ(agent("a").following().retries(), 1u);
  ASSERT_EQ(agent("a").following().fingerprints_size(), 1);
  EXPECT_EQ(agent("a").phase(), PHASE_PENDING);
  auto asked = of("a");
  asked.set_attempt(3);
  asked.mutable_retry_requested();
  fold(asked);
  EXPECT_FALSE(agent("a").has_following());
}

TEST_F(FoldTest, ATaskThatIsGivenUpMakesTheRunAFailure) {
  change("a", PHASE_REPORTING, PHASE_COMPLETED);
  change("b", PHASE_REPORTING, PHASE_COMPLETED);
  EXPECT_EQ(outcome(run_), RUN_STATE_COMPLETED);
  auto given_up = of("a");
  given_up.mutable_following_changed()->set_state(Following::STATE_GAVE_UP);
  fold(given_up);
  EXPECT_EQ(outcome(run_), RUN_STATE_FAILED);
}

TEST_F(FoldTest, ABranchThatWasRebasedAfterItsReportIsReportedAsItIs) {
  auto reported = of("a");
  reported.mutable_reported()->mutable_report()->set_head_commit("old");
  fold(reported);
  auto rebased = of("a"), pushed = of("a");
  rebased.mutable_rebased()->set_base_commit("base");
  pushed.mutable_pushed()->set_commit("new");
  fold(rebased);
  fold(pushed);
  EXPECT_EQ(agent("a").report().head_commit(), "new");
  EXPECT_EQ(agent("a").base_commit(), "base");
  EXPECT_EQ(agent("a").pushed_commit(), "new");
}

TEST_F(FoldTest, AnIssueWithoutATaskIsTheRuns) {
  Event opened;
  opened.mutable_issue_opened()->mutable_issue()->set_number(7);
  fold(opened);
  EXPECT_EQ(run_.tracking_issue().number(), 7u);
  Event closed;
  closed.mutable_issue_closed();
  fold(closed);
  EXPECT_TRUE(run_.tracking_issue().closed());
}

}  // namespace
}  // namespace fanout::domain
