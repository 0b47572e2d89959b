#include "server/agent/claude.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace fanout::agent::test {
namespace {

namespace v1 = fanout::v1;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<Activity> claude_lines(const std::string& text) {
  Claude claude(kWorktree);
  return read(claude, text);
}

TEST(Claude, TellsAWholeRun) {
  EXPECT_THAT(
      told(read("claude-success")),
      ElementsAre("session a6107c27-3d9c-4b95-9c3d-cca16d20256d", "says I will write the file first.",
                  "tool Write hello.txt (EDIT)", "change hello.txt ADDED +1 -0",
                  HasSubstr("tool done: File created successfully"), "tool Edit README.md (EDIT)",
                  HasSubstr("tool failed: <tool_use_error>File has not been read yet."),
                  "tool git add -A && git commit -q -m 'add hello.txt' && git log --oneline -1 (EXECUTE)",
                  "ran git add -A && git commit -q -m 'add hello.txt' && git log --oneline -1 -> 0",
                  "tool done: 99261d6 add hello.txt", "says Summary: wrote hello.txt and committed it.",
                  "usage SESSION in 4600 cached 2000 out 86 cost 0.026150",
                  "result SUCCEEDED: Summary: wrote hello.txt and committed it. (4 turns)"));
}

TEST(Claude, NamesTheSessionTheModelAndTheTools) {
  const auto all = read("claude-success");
  const auto& session = all.front().session();
  EXPECT_EQ(session.model(), "claude-opus-4-8[1m]");
  EXPECT_EQ(session.cwd(), "/home/dev/wt");
  EXPECT_EQ(session.version(), "2.1.197");
  EXPECT_THAT(session.tools(), Contains("Bash"));
}

TEST(Claude, ACommandThatFailsHasItsExitCode) {
  const auto all = told(read("claude-toolfail"));
  EXPECT_THAT(all, Contains("ran echo to-out; echo to-err >&2; exit 3 -> 3"));
  EXPECT_THAT(
      all,
      Contains("tool failed: <tool_use_error>Error: No such tool available: frobnicate</tool_use_error>"));
}

TEST(Claude, CallsThatWereNotAllowedAreDenied) {
  const auto all = read("claude-permission");
  EXPECT_THAT(told(all), Contains(HasSubstr("tool denied: Claude requested permissions to write")));
  EXPECT_EQ(all.back().result().denials(), 2U);
  EXPECT_EQ(all.back().result().outcome(), v1::AgentResult::OUTCOME_SUCCEEDED);
}

TEST(Claude, ARateLimitIsRetriedAndThenALimit) {
  const auto all = read("claude-ratelimit");
  EXPECT_THAT(told(all), Contains("retries 1/2: rate_limit"));
  EXPECT_EQ(last(all, &Activity::has_retrying)->retrying().status(), 429);
  EXPECT_EQ(last(all, &Activity::has_limit)->limit().kind(), v1::AgentLimit::KIND_RATE);
  // "subtype": "success" notwithstanding.
  EXPECT_EQ(all.back().result().outcome(), v1::AgentResult::OUTCOME_LIMITED);
}

TEST(Claude, AnErrorOfTheProviderIsNoMessageOfTheModel) {
  const auto all = told(read("claude-fail"));
  EXPECT_THAT(all, Not(Contains(HasSubstr("says API Error"))));
  EXPECT_THAT(all, Contains("result FAILED: API Error: 400 stub: scripted failure (2 turns) (status 400)"));
}

TEST(Claude, ARefusedKeyNeedsALogin) {
  const auto all = claude_lines(
      R"({"type":"assistant","message":{"content":[{"type":"text","text":"Invalid API key · Please run /login"}]},"error":"authentication_failed"})"
      "\n"
      R"({"type":"result","subtype":"success","is_error":true,"api_error_status":null,"result":"Invalid API key · Please run /login"})"
      "\n");
  EXPECT_EQ(all.back().result().outcome(), v1::AgentResult::OUTCOME_NEEDS_LOGIN);
}

TEST(Claude, AQuotaSaysWhenItResets) {
  const auto all = claude_lines(
      R"({"type":"result","subtype":"success","is_error":true,"result":"Claude AI usage limit reached|1795480000"})"
      "\n");
  const auto& limit = last(all, &Activity::has_limit)->limit();
  EXPECT_EQ(limit.kind(), v1::AgentLimit::KIND_USAGE);
  EXPECT_EQ(limit.resets_at().seconds(), 1795480000);
  EXPECT_EQ(all.back().result().outcome(), v1::AgentResult::OUTCOME_LIMITED);
}

TEST(Claude, TurnsThatAreUsedUpAreToldApart) {
  const auto all = claude_lines(R"({"type":"result","subtype":"error_max_turns","is_error":true,"num_turns":5})"
                         "\n");
  EXPECT_EQ(all.back().result().outcome(), v1::AgentResult::OUTCOME_EXHAUSTED);
}

TEST(Claude, TodosAreThePlan) {
  const auto all = claude_lines(
      R"({"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"TodoWrite","input":{"todos":[{"content":"read","status":"completed"},{"content":"write","status":"in_progress"}]}}]}})"
      "\n");
  EXPECT_THAT(told(all), Contains("plan [read: COMPLETED] [write: IN_PROGRESS]"));
}

TEST(Claude, WhatAHelperDoesNamesTheCallItBelongsTo) {
  const auto all = claude_lines(
      R"({"type":"assistant","message":{"id":"m","content":[{"type":"text","text":"hi"}]},"parent_tool_use_id":"toolu_1"})"
      "\n");
  EXPECT_EQ(all.front().within(), "toolu_1");
}

TEST(Claude, UnknownLinesAreKeptAsRaw) {
  const auto all =
      claude_lines("not json\n{\"type\":\"novelty\",\"x\":1}\n[1,2]\n{\"type\":\"system\",\"subtype\":\"new\"}\n");
  EXPECT_THAT(told(all), ElementsAre("raw not JSON", "raw unknown type \"novelty\"", "raw not JSON",
                                     "raw unknown subtype \"new\""));
  EXPECT_EQ(all[1].raw().text(), R"({"type":"novelty","x":1})");
}

TEST(Claude, LinesOfTheWrongShapeAreHarmless) {
  const auto all = claude_lines(
      "{\"type\":\"assistant\",\"message\":7}\n{\"type\":\"assistant\",\"message\":{\"content\":[3,{}]}}\n"
      "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\"}]}}\n{\"type\":\"result\"}\n"
      "{\"type\":\"stream_event\"}\n{\"type\":\"rate_limit_event\"}\n{\"type\":\"result\",\"usage\":[],"
      "\"modelUsage\":{\"a\":1}}\n");
  EXPECT_THAT(all, Not(IsEmpty()));
}

TEST(Claude, AHalfCharacterInAResultDoesNotLoseIt) {
  const auto all = claude_lines(R"({"type":"result","subtype":"success","is_error":false,"result":"cut \ud83d"})"
                         "\n");
  EXPECT_EQ(all.back().result().outcome(), v1::AgentResult::OUTCOME_SUCCEEDED);
  EXPECT_EQ(all.back().result().summary(), "cut \uFFFD");
}

TEST(Claude, LongTextsAreCutAndSaySo) {
  const std::string text(100'000, 'x');
  const auto all = claude_lines(
      R"({"type":"assistant","message":{"id":"m","content":[{"type":"text","text":")" + text +
      R"("},{"type":"tool_use","id":"t","name":"Write","input":{"file_path":"/home/dev/wt/a","content":")" +
      text + "\"}}]}}\n");
  EXPECT_LE(all[0].message().text().size(), 8192U);
  EXPECT_TRUE(all[0].message().truncated());
  EXPECT_LE(all[1].tool_call().input().size(), 2048U);
  EXPECT_EQ(all[1].tool_call().title(), "Write a");
}

}  // namespace
}  // namespace fanout::agent::test
