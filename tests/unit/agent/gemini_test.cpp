#include "server/agent/gemini.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace fanout::agent::test {
namespace {

namespace v1 = fanout::v1;
using testing::Contains;
using testing::ElementsAre;

TEST(Gemini, TellsAWholeRun) {
  const auto all = read("gemini-success");
  EXPECT_THAT(
      told(all),
      ElementsAre("session 973eb86d-69e0-47a4-a8e3-62abbb0ef31a", "says I will write the file first.",
                  "tool write_file hello.txt (EDIT)", "change hello.txt UNSPECIFIED",
                  "tool done: ", "tool replace README.md (EDIT)", "change README.md MODIFIED", "tool done: ",
                  "tool git add -A && git commit -q -m 'add hello.txt' && git log --oneline -1 (EXECUTE)",
                  "ran git add -A && git commit -q -m 'add hello.txt' && git log --oneline -1",
                  "tool done: 765ac8b add hello.txt", "says Summary: wrote hello.txt and committed it.",
                  "usage SESSION in 4600 cached 2000 out 86",
                  "result SUCCEEDED: Summary: wrote hello.txt and committed it."));
  EXPECT_EQ(last(all, &Activity::has_usage)->usage().model(), "gemini-2.5-flash");
  EXPECT_TRUE(last(all, &Activity::has_usage)->usage().cached_inside_input());
}

TEST(Gemini, PiecesOfAMessageAreToldAsTheyCome) {
  Gemini gemini(kWorktree);
  const auto out = gemini.feed(R"({"type":"message","role":"assistant","content":"I ","delta":true})"
                               "\n");
  ASSERT_EQ(out.activities.size(), 1U);
  EXPECT_TRUE(out.activities[0].message().partial());
}

TEST(Gemini, AMessageThatNothingFollowsIsToldAtTheEnd) {
  Gemini gemini(kWorktree);
  EXPECT_THAT(told(read(gemini, R"({"type":"message","role":"assistant","content":"I","delta":true})"
                                "\n")),
              ElementsAre("says I"));
}

TEST(Gemini, ACommandsExitCodeIsUnknownAndNotZero) {
  const auto all = read("gemini-toolfail");
  EXPECT_FALSE(last(all, &Activity::has_command)->command().has_exit_code());
}

TEST(Gemini, ALimitSaysWhenToTryAgain) {
  const auto all = read("gemini-ratelimit");
  const auto& limit = last(all, &Activity::has_limit)->limit();
  EXPECT_EQ(limit.kind(), v1::AgentLimit::KIND_RATE);
  EXPECT_EQ(limit.retry_after().seconds(), 1);
  EXPECT_EQ(all.back().result().outcome(), v1::AgentResult::OUTCOME_LIMITED);
}

TEST(Gemini, AnErrorHasItsStatus) {
  EXPECT_EQ(told(read("gemini-fail")).back(), "result FAILED: stub: scripted failure (status 400)");
}

TEST(Gemini, AKilledRunTellsNoResult) {
  const auto all = read("gemini-sigterm-rc0");
  EXPECT_EQ(last(all, &Activity::has_result), nullptr);
}

TEST(Gemini, UnknownLinesAreKeptAsRaw) {
  Gemini gemini(kWorktree);
  EXPECT_THAT(told(read(gemini, "{\"type\":\"thought\"}\n{}\nx\n")),
              Contains("raw unknown type \"thought\""));
}

}  // namespace
}  // namespace fanout::agent::test
