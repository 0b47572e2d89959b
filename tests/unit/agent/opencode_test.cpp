#include "server/agent/opencode.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace fanout::agent::test {
namespace {

namespace v1 = fanout::v1;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Opencode, TellsAWholeRun) {
  EXPECT_THAT(
      told(read("opencode-success")),
      ElementsAre("session ses_df5ee88eeffeCkavbuSqzeiwwM", "says I will write the file first.",
                  "tool write hello.txt (EDIT)", "change hello.txt ADDED +1 -0",
                  "tool done: Wrote file successfully.", "usage STEP in 500 cached 500 out 20 cost 0.000590",
                  "tool edit README.md (EDIT)", "change README.md MODIFIED +1 -1",
                  "tool done: Edit applied successfully.",
                  "usage STEP in 600 cached 500 out 21 cost 0.000692",
                  "tool git add -A && git commit -q -m 'add hello.txt' && git log --oneline -1 (EXECUTE)",
                  "ran git add -A && git commit -q -m 'add hello.txt' && git log --oneline -1 -> 0",
                  "tool done: f427a46 add hello.txt\n", "usage STEP in 700 cached 500 out 22 cost 0.000794",
                  "says Summary: wrote hello.txt and committed it.",
                  "usage STEP in 800 cached 500 out 23 cost 0.000896",
                  "result SUCCEEDED: Summary: wrote hello.txt and committed it."));
}

TEST(Opencode, ACommandThatFailsIsAFailedCall) {
  const auto all = told(read("opencode-toolfail"));
  EXPECT_THAT(all, Contains("ran echo to-out; echo to-err >&2; exit 3 -> 3"));
  EXPECT_THAT(all, Contains("tool failed: to-out\nto-err\n"));
  EXPECT_THAT(all, Contains(HasSubstr("tool failed: The arguments provided to the tool are invalid")));
}

TEST(Opencode, ACallThatWasRejectedIsDeniedAndNoResultFollows) {
  const auto all = read("opencode-permission");
  EXPECT_TRUE(last(all, &Activity::has_tool_result)->tool_result().denied());
  EXPECT_EQ(last(all, &Activity::has_result), nullptr);
}

TEST(Opencode, ALimitSaysWhenToTryAgain) {
  const auto all = read("opencode-ratelimit");
  EXPECT_EQ(last(all, &Activity::has_limit)->limit().retry_after().seconds(), 1);
  EXPECT_EQ(all.back().result().status(), 429);
}

TEST(Opencode, ReasoningOutsideTheOutputIsToldApartByTheTotal) {
  const auto usage = [](const char* total) {
    Opencode opencode(kWorktree);
    const auto all = read(
        opencode,
        std::string(R"({"type":"step_finish","sessionID":"s","part":{"reason":"stop","tokens":{"total":)") +
            total +
            R"(,"input":10,"output":5,"reasoning":3,"cache":{"read":2,"write":0}},"cost":0}})"
            "\n");
    return last(all, &Activity::has_usage)->usage();
  };
  EXPECT_FALSE(usage("20").reasoning_inside_output());
  EXPECT_TRUE(usage("17").reasoning_inside_output());
  EXPECT_TRUE(usage("17").has_cost());  // nothing, and told
}

TEST(Opencode, AnAbortedRunIsCancelled) {
  Opencode opencode(kWorktree);
  const auto all = read(
      opencode,
      R"({"type":"error","sessionID":"s","error":{"name":"MessageAbortedError","data":{"message":"aborted"}}})"
      "\n");
  EXPECT_EQ(all.back().result().outcome(), v1::AgentResult::OUTCOME_CANCELLED);
}

}  // namespace
}  // namespace fanout::agent::test
