#include "server/agent/verdict.hpp"

#include <gmock/gmock.h>

#include <array>

#include "server/agent/catalog.hpp"
#include "support.hpp"

namespace fanout::agent::test {
namespace {

using testing::HasSubstr;

Ending exit_with(int code, bool changed = true, std::string stderr_tail = "") {
  Ending ending;
  ending.exit_code = code;
  ending.worktree_changed = changed;
  ending.stderr_tail = std::move(stderr_tail);
  return ending;
}

Ending killed_by(int signal) {
  Ending ending;
  ending.signal = signal;
  return ending;
}

Verdict verdict_of(const std::string& agent, const std::vector<Activity>& activities, const Ending& ending) {
  Witness witness;
  for (const auto& activity : activities) witness.see(activity);
  return judge_run(*find_agent(agent), witness, ending);
}

std::string kind_of(const Verdict& verdict) {
  return std::array{
      "succeeded", "failed", "limited", "needs login", "stopped", "session lost"}[verdict.index()];
}

/// The recorded runs with the exit codes they really had.
struct Case {
  std::string recording, agent;
  Ending ending;
  std::string kind, reason;
};

class RecordedVerdict : public testing::TestWithParam<Case> {};

TEST_P(RecordedVerdict, IsTheTruth) {
  const auto& one = GetParam();
  const auto verdict = verdict_of(one.agent, read(one.recording), one.ending);
  EXPECT_EQ(kind_of(verdict), one.kind) << reason_of(verdict);
  EXPECT_THAT(reason_of(verdict), HasSubstr(one.reason));
}

INSTANTIATE_TEST_SUITE_P(
    Recordings, RecordedVerdict,
    testing::Values(
        Case{"claude-success", "claude", exit_with(0), "succeeded", "Summary: wrote hello.txt"},
        Case{"claude-fail", "claude", exit_with(1), "failed", "Claude Code failed: API Error: 400"},
        Case{"claude-ratelimit", "claude", exit_with(1), "limited", "429"},
        Case{"claude-permission", "claude", exit_with(0, false), "failed",
             "changed nothing after 2 calls that were not allowed"},
        Case{"claude-permission", "claude", exit_with(0, true), "succeeded", ""},
        Case{"codex-success", "codex", exit_with(0), "succeeded", ""},
        Case{"codex-fail", "codex", exit_with(1), "failed", "Codex failed: stub: scripted failure"},
        Case{"codex-ratelimit", "codex", exit_with(1), "limited", "429"},
        Case{"gemini-success", "gemini", exit_with(0), "succeeded", ""},
        Case{"gemini-fail", "gemini", exit_with(144), "failed", "Gemini CLI failed"},
        Case{"gemini-ratelimit", "gemini", exit_with(173), "limited", "rate limit exceeded"},
        Case{"gemini-sigterm-rc0", "gemini", exit_with(0), "failed", "ended without a result"},
        Case{"opencode-success", "opencode", exit_with(0), "succeeded", ""},
        Case{"opencode-fail", "opencode", exit_with(1), "failed", "opencode failed: stub"},
        Case{"opencode-ratelimit", "opencode", exit_with(1), "limited", "rate limit"},
        Case{"opencode-permission", "opencode", exit_with(0, false), "failed",
             "ended without a result after one call that was not allowed"}));

TEST(Verdict, GeminisExitCodeAloneTellsALimitAndALogin) {
  EXPECT_EQ(kind_of(verdict_of("gemini", {}, exit_with(173, false))), "limited");
  EXPECT_EQ(kind_of(verdict_of("gemini", {}, exit_with(145, false))), "needs login");
  EXPECT_EQ(kind_of(verdict_of("gemini", {}, exit_with(41, false))), "needs login");
  EXPECT_EQ(kind_of(verdict_of("gemini", {}, exit_with(144, false))), "failed");
  EXPECT_EQ(kind_of(verdict_of("codex", {}, exit_with(173, false))), "failed");
}

TEST(Verdict, SuccessWithAnotherExitCodeIsNoSuccess) {
  const auto verdict = verdict_of("codex", read("codex-success"), exit_with(3, true, "panic\n"));
  EXPECT_EQ(reason_of(verdict), "Codex said it was done, but ended with exit code 3: panic");
}

TEST(Verdict, AnIdleAgentThatWeEndedHasSucceeded) {
  auto ending = killed_by(15);
  ending.was_idle = true;
  EXPECT_EQ(kind_of(verdict_of("acp", read("claude-success"), ending)), "succeeded");
}

TEST(Verdict, WithoutAResultTheSignalOrTheDeadlineIsTheReason) {
  EXPECT_THAT(reason_of(verdict_of("claude", {}, killed_by(9))), HasSubstr("was ended by signal 9"));
  auto late = killed_by(15);
  late.timed_out = true;
  EXPECT_THAT(reason_of(verdict_of("claude", {}, late)), HasSubstr("ran out of its time"));
}

TEST(Verdict, WhatWeStoppedIsStopped) {
  auto ending = exit_with(0);
  ending.asked_to_stop = true;
  EXPECT_EQ(kind_of(verdict_of("gemini", read("gemini-sigterm-rc0"), ending)), "stopped");
}

TEST(Verdict, StderrTellsWhyItCouldNotBegin) {
  EXPECT_EQ(kind_of(verdict_of("gemini", {},
                               exit_with(1, false, "Please set an Auth method in your settings.json\n"))),
            "needs login");
  EXPECT_EQ(kind_of(verdict_of("codex", {},
                               exit_with(1, false, "error: usage limit reached, try again in 2 hours\n"))),
            "limited");
  EXPECT_EQ(reason_of(verdict_of("codex", {}, exit_with(2, false, "a\nerror: unexpected argument\n"))),
            "Codex ended with exit code 2: error: unexpected argument");
}

TEST(Verdict, ASessionThatIsGoneIsToldApartOnlyWhereOneWasWanted) {
  auto ending = exit_with(1, false,
                          "WARNING: x\nError: thread/resume failed: no rollout found for thread id 0 (code "
                          "-32600)\n\nStack backtrace:\n   0: <unknown>\n");
  EXPECT_EQ(reason_of(verdict_of("codex", {}, ending)),
            "Codex ended with exit code 1: Error: thread/resume failed: no rollout found for thread id 0 "
            "(code -32600)");
  ending.resuming = true;
  EXPECT_EQ(kind_of(verdict_of("codex", {}, ending)), "session lost");
  EXPECT_EQ(kind_of(verdict_of("codex", read("codex-fail"), ending)), "failed");  // it worked with it
  auto claude = exit_with(1, false);
  claude.resuming = true;
  Activity result;
  result.mutable_result()->set_outcome(fanout::v1::AgentResult::OUTCOME_FAILED);
  result.mutable_result()->set_summary("No conversation found with session ID: 0");
  EXPECT_EQ(kind_of(verdict_of("claude", {result}, claude)), "session lost");
}

TEST(Verdict, AnyProgramIsJudgedByItsExitCode) {
  EXPECT_EQ(kind_of(verdict_of("command", {}, exit_with(0))), "succeeded");
  EXPECT_EQ(kind_of(verdict_of("command", {}, exit_with(1, true, "too many requests"))), "failed");
}

TEST(Verdict, AResultIsVoidOnceTheAgentGoesOn) {
  auto activities = read("opencode-success");
  activities.emplace_back().mutable_message()->set_text("one more thing");
  EXPECT_EQ(kind_of(verdict_of("opencode", activities, exit_with(0))), "failed");
}

}  // namespace
}  // namespace fanout::agent::test
