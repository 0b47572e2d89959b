#include "server/domain/subagent/retry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/domain/run/fold.hpp"
#include "server/domain/subagent/machine.hpp"
#include "server/domain/subagent/progress.hpp"

namespace fanout::domain {
namespace {

using namespace fanout::v1;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const Chance kMost = [](std::uint64_t most) { return most; };
const Chance kLeast = [](std::uint64_t) { return std::uint64_t{0}; };

TEST(RetryDelay, TheLongestDoublesFromFiveSecondsToFiveMinutes) {
  EXPECT_EQ(next_delay(1, kMost), 5s);
  EXPECT_EQ(next_delay(2, kMost), 10s);
  EXPECT_EQ(next_delay(6, kMost), 160s);
  EXPECT_EQ(next_delay(7, kMost), 5min);
  EXPECT_EQ(next_delay(4'000'000'000, kMost), 5min);
}

TEST(RetryDelay, ChanceHasAllOfItFromNothingOn) {
  EXPECT_EQ(next_delay(3, kLeast), 0ms);
  EXPECT_EQ(next_delay(3, [](std::uint64_t most) { return most / 2; }), 10s);
  EXPECT_EQ(next_delay(1, kMost, 0ms), 0ms);
  EXPECT_EQ(next_delay(1, kMost, 1h), 5min);
}

TEST(RetryDelay, OnlyWhatIsLeftIsWaited) {
  EXPECT_EQ(remaining_delay(10s, 100s, 97s), 3s);
  EXPECT_EQ(remaining_delay(10s, 100s, 200s), 0s);
  EXPECT_EQ(remaining_delay(10s, 100s, 5s), 10s) << "the clock was set back";
}

TEST(Fingerprint, NumbersPathsIdsTimesAndSpacingDoNotCount) {
  const auto one = fingerprint(PHASE_TESTING, "gate \"unit\" failed with exit code 1",
                               "FAIL /tmp/a1b2/x_test.cpp:17: took 0.42s at 12:01:59 (3f2a9c1d)\n  done");
  EXPECT_EQ(one, fingerprint(PHASE_TESTING, "gate \"unit\" failed with exit code 1",
                             "FAIL /var/q/x_test.cpp:203: took 11.9s at 3:44:01 (0xdeadbeef)\ndone\n"));
  EXPECT_EQ(one.size(), 16u);
}

TEST(Fingerprint, WordsReasonAndPhaseCount) {
  const auto one = fingerprint(PHASE_TESTING, "a", "x is undefined");
  EXPECT_NE(one, fingerprint(PHASE_TESTING, "a", "y is undefined"));
  EXPECT_NE(one, fingerprint(PHASE_TESTING, "b", "x is undefined"));
  EXPECT_NE(one, fingerprint(PHASE_IMPLEMENTING, "a", "x is undefined"));
  EXPECT_NE(fingerprint(PHASE_TESTING, "a", "src/x.cpp: bad"), fingerprint(PHASE_TESTING, "a", "src/y.cpp: bad"));
}

TEST(Fingerprint, OnlyTheLastLinesCount) {
  std::string end;
  for (int i = 0; i < 20; ++i) end += "the end\n";
  EXPECT_EQ(fingerprint(PHASE_TESTING, "a", "compiled one\n" + end), fingerprint(PHASE_TESTING, "a", "compiled two\nx\n" + end));
}

TEST(LastLines, AreAsManyAsAreAskedFor) {
  EXPECT_EQ(last_lines("a\nb\nc\n", 2), "b\nc");
  EXPECT_EQ(last_lines("a\nb", 5), "a\nb");
  EXPECT_EQ(last_lines("", 5), "");
}

State state_in(Phase phase) {
  State state;
  state.phase = phase;
  return state;
}

Input failed(const std::string& fingerprint, const std::string& left, const std::string& found,
             InputKind how = InputKind::work_failed) {
  return {how, "it failed", {}, {fingerprint, left}, found};
}

const Traits kTwice{false, 2};

/// From the retry on to where the agent is at work again.
State at_work_again(State state) {
  for (const auto kind : {InputKind::retry_due, InputKind::worktree_ready, InputKind::environment_ready,
                          InputKind::environment_verified, InputKind::slot_taken}) {
    state = decide(kTwice, state, {kind, {}, {}}).state;
  }
  return state;
}

TEST(Retrying, AFailureIsFollowedByAsManyAttemptsAsThereMayBe) {
  auto decision = decide(kTwice, state_in(PHASE_IMPLEMENTING), failed("f", "t1", "t1"));
  EXPECT_EQ(decision.state.phase, PHASE_PENDING);
  EXPECT_EQ(decision.effect, Effect::await_retry);
  EXPECT_EQ(decision.reason, "it failed");
  auto state = at_work_again(decision.state);
  ASSERT_EQ(state.phase, PHASE_IMPLEMENTING);
  decision = decide(kTwice, state, failed("f", "t2", "t2"));
  EXPECT_EQ(decision.state.phase, PHASE_PENDING) << "the same failure, but the agent did change something";
  state = at_work_again(decision.state);
  decision = decide(kTwice, state, failed("g", "t3", "t3"));
  EXPECT_EQ(decision.state.phase, PHASE_FAILED);
  EXPECT_EQ(decision.reason, "it failed; all 2 retries are used up");
}

TEST(Retrying, TheSameFailureWithNothingChangedInBetweenIsNotPaidForAgain) {
  const auto state = at_work_again(decide(kTwice, state_in(PHASE_IMPLEMENTING), failed("f", "t", "t")).state);
  const auto decision = decide(kTwice, state, failed("f", "t", "t"));
  EXPECT_EQ(decision.state.phase, PHASE_FAILED);
  EXPECT_THAT(decision.reason, HasSubstr("the same failure as before"));
}

TEST(Retrying, WhatGatesLeaveBehindIsNoChangeOfTheAgents) {
  const auto state = at_work_again(decide(kTwice, state_in(PHASE_TESTING), failed("f", "with-coverage", "work", InputKind::gate_failed)).state);
  auto testing = state;
  testing.phase = PHASE_TESTING;
  EXPECT_EQ(decide(kTwice, testing, failed("f", "with-other-coverage", "with-coverage", InputKind::gate_failed)).state.phase, PHASE_FAILED);
}

TEST(Retrying, AWorktreeOfWhichNothingIsKnownIsTakenForChanged) {
  const auto state = at_work_again(decide(kTwice, state_in(PHASE_IMPLEMENTING), failed("f", "", "")).state);
  EXPECT_EQ(decide(kTwice, state, failed("f", "", "")).state.phase, PHASE_PENDING);
}

TEST(Retrying, WithoutRetriesTheReasonStandsAlone) {
  const auto decision = decide({}, state_in(PHASE_TESTING), failed("f", "t", "t", InputKind::gate_failed));
  EXPECT_EQ(decision.state.phase, PHASE_FAILED);
  EXPECT_EQ(decision.reason, "it failed");
}

TEST(Retrying, WhatNoAgentCanDoBetterIsNotTriedAgain) {
  const auto decision = decide(kTwice, state_in(PHASE_PUSHING), {InputKind::effect_failed, "no route to host", {}});
  EXPECT_EQ(decision.state.phase, PHASE_FAILED);
  EXPECT_EQ(decision.reason, "no route to host");
}

TEST(Retrying, ARejectedPushIsRebasedFirstAndRetriedOnlyThen) {
  const Traits traits{true, 1};
  auto state = state_in(PHASE_PUSHING);
  const Input rejected{InputKind::push_rejected, "rejected", {}};
  EXPECT_EQ(decide(traits, state, rejected).effect, Effect::rebase);
  state.rebased = true;
  const auto decision = decide(traits, state, rejected);
  EXPECT_EQ(decision.effect, Effect::await_retry);
  EXPECT_FALSE(decision.state.rebased);
}

TEST(Retrying, TheWaitIsStoppedBeforeTheTaskIsCancelled) {
  const auto waiting = decide(kTwice, state_in(PHASE_TESTING), failed("f", "t", "t")).state;
  auto decision = decide(kTwice, waiting, {InputKind::cancel, "asked", {}});
  EXPECT_EQ(decision.effect, Effect::stop);
  decision = decide(kTwice, decision.state, {InputKind::stopped, {}, {}});
  EXPECT_EQ(decision.state.phase, PHASE_CANCELLED);
}

TEST(Retrying, ADaemonThatFindsATaskBetweenTwoAttemptsGoesOnWaiting) {
  auto state = state_in(PHASE_PENDING);
  state.backing_off = true;
  state.retries = 1;
  const auto decision = decide(kTwice, state, {InputKind::begin, {}, {}});
  EXPECT_EQ(decision.state.phase, PHASE_PENDING);
  EXPECT_EQ(decision.effect, Effect::await_retry);
  EXPECT_EQ(decision.state.retries, 1u) << "it is the same retry";
  EXPECT_EQ(decide(kTwice, decision.state, {InputKind::retry_due, {}, {}}).effect, Effect::make_worktree);
}

Event scheduled() {
  Event event;
  event.set_task_id("a");
  event.set_attempt(2);
  event.set_phase(PHASE_PENDING);
  auto& retry = *event.mutable_retry_scheduled();
  retry.set_retry(1);
  retry.set_retries(3);
  retry.set_failed_in(PHASE_TESTING);
  retry.set_reason("gate \"unit\" failed");
  retry.set_fingerprint("f");
  retry.mutable_wake_time()->set_seconds(1000);
  return event;
}

TEST(Retrying, TheStateSaysWhatItWaitsForUntilItGoesOn) {
  fanout::v1::Run run;
  run.set_state(RUN_STATE_RUNNING);
  auto& agent = *run.add_subagents();
  agent.set_task_id("a");
  agent.set_attempt(1);
  agent.set_phase(PHASE_TESTING);
  agent.set_branch("feature/a");
  auto event = scheduled();
  event.set_sequence(1);
  apply(run, event);
  EXPECT_EQ(agent.phase(), PHASE_PENDING);
  EXPECT_EQ(agent.attempt(), 2u);
  EXPECT_EQ(agent.waiting_for(), "retry 1 of 3: gate \"unit\" failed");
  EXPECT_EQ(agent.retry_at().seconds(), 1000);
  EXPECT_EQ(agent.branch(), "feature/a") << "the next attempt goes on in it";
  event.mutable_phase_changed()->set_from(PHASE_PENDING);
  event.mutable_phase_changed()->set_to(PHASE_SETTING_UP);
  event.set_sequence(2);
  apply(run, event);
  EXPECT_EQ(agent.waiting_for(), "");
  EXPECT_FALSE(agent.has_retry_at());
}

TEST(Retrying, TheNextDaemonKnowsTheRetryAndNothingElseOfTheAttemptBefore) {
  Progress progress;
  progress.pushed.emplace();
  progress.cancel_requested = true;
  apply(progress, scheduled());
  ASSERT_TRUE(progress.retry);
  EXPECT_EQ(progress.retry->fingerprint(), "f");
  EXPECT_FALSE(progress.pushed);
  EXPECT_TRUE(progress.cancel_requested) << "asked for while the attempt was failing";
  Event asked;
  asked.mutable_retry_requested();
  apply(progress, asked);
  EXPECT_FALSE(progress.retry);
  EXPECT_FALSE(progress.cancel_requested);
}

TEST(FreshAttempt, LeavesBranchAndWorktreeBehindAndRemembersThem) {
  fanout::v1::Run run;
  auto& agent = *run.add_subagents();
  agent.set_task_id("a");
  agent.set_branch("feature/a");
  agent.set_worktree("/w/a");
  agent.set_base_commit("1");
  Event event;
  event.set_task_id("a");
  event.set_sequence(1);
  event.mutable_retry_requested()->set_fresh(true);
  apply(run, event);
  EXPECT_EQ(agent.branch() + agent.worktree() + agent.base_commit(), "");
  ASSERT_EQ(agent.left_work_size(), 1);
  EXPECT_EQ(agent.left_work(0).branch(), "feature/a");
  EXPECT_EQ(agent.left_work(0).worktree(), "/w/a");
  event.set_sequence(2);
  apply(run, event);
  EXPECT_EQ(agent.left_work_size(), 1) << "there was nothing to leave";
}

TEST(AboutTheFailure, TellsTheReasonAndTheOutputInAFenceThatHolds) {
  auto retry = scheduled().retry_scheduled();
  EXPECT_THAT(about_the_failure(retry), Not(HasSubstr("The last that was printed")));
  retry.set_output_tail("```\nnot the end\n```\n");
  const auto text = about_the_failure(retry);
  EXPECT_THAT(text, HasSubstr("retry 1 of 3"));
  EXPECT_THAT(text, HasSubstr("failed while testing: gate \"unit\" failed"));
  EXPECT_THAT(text, HasSubstr("\n````\n```\nnot the end\n```\n````\n"));
}

}  // namespace
}  // namespace fanout::domain
