#include "server/agent/codex.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace fanout::agent::test {
namespace {

namespace v1 = fanout::v1;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Activity> codex_lines(const std::string& text) {
  Codex codex(kWorktree);
  return read(codex, text);
}

TEST(Codex, TellsAWholeRun) {
  EXPECT_THAT(
      told(read("codex-success")),
      ElementsAre("session 01a20a11-6509-7c00-8a9c-d872cefeabe6", HasSubstr("notice Model metadata"),
                  "says I will write the file first.", "tool printf '%s' 'hello from the stub (EXECUTE)",
                  "ran printf '%s' 'hello from the stub\n' > hello.txt -> 0",
                  "tool done: ", "tool sed -i 's/# demo/# demo, edited/' README.md (EXECUTE)",
                  "ran sed -i 's/# demo/# demo, edited/' README.md -> 0", "tool done: ",
                  "tool git add -A && git commit -q -m 'add hello.txt' && git log --oneline -1 (EXECUTE)",
                  "ran git add -A && git commit -q -m 'add hello.txt' && git log --oneline -1 -> 0",
                  "tool done: fae28ff add hello.txt\n", "says Summary: wrote hello.txt and committed it.",
                  "usage CUMULATIVE in 4600 cached 2000 out 86",
                  "result SUCCEEDED: Summary: wrote hello.txt and committed it."));
}

TEST(Codex, ACommandThatFailsHasItsExitCode) {
  EXPECT_THAT(told(read("codex-toolfail")), Contains("ran cat no-such-file.txt -> 1"));
}

TEST(Codex, ReconnectingIsARetryAndNotTheEnd) {
  const auto all = read("codex-ratelimit");
  EXPECT_THAT(told(all), Contains("retries 2/2: exceeded retry limit, last status: 429 Too Many Requests"));
  EXPECT_EQ(last(all, &Activity::has_retrying)->retrying().status(), 429);
  EXPECT_EQ(all.back().result().outcome(), v1::AgentResult::OUTCOME_LIMITED);
}

TEST(Codex, AnErrorIsTheSentenceInTheProvidersJson) {
  EXPECT_EQ(told(read("codex-fail")).back(), "result FAILED: stub: scripted failure");
}

TEST(Codex, FileChangesPlansThoughtsAndOtherToolsAreTold) {
  const auto all = codex_lines(
      R"({"type":"item.completed","item":{"id":"1","type":"file_change","changes":[{"path":"/home/dev/wt/a.txt","kind":"add"},{"path":"/home/dev/wt/b","kind":"delete"}],"status":"completed"}})"
      "\n"
      R"({"type":"item.started","item":{"id":"2","type":"todo_list","items":[{"text":"one","completed":true},{"text":"two","completed":false}]}})"
      "\n"
      R"({"type":"item.completed","item":{"id":"3","type":"reasoning","text":"hm"}})"
      "\n"
      R"({"type":"item.completed","item":{"id":"4","type":"mcp_tool_call","server":"db","tool":"query","arguments":{"q":"x"},"status":"failed","error":{"message":"no"}}})"
      "\n"
      R"({"type":"item.completed","item":{"id":"5","type":"web_search","query":"asio"}})"
      "\n");
  EXPECT_THAT(told(all),
              ElementsAre("change a.txt ADDED", "change b DELETED", "plan [one: COMPLETED] [two: PENDING]",
                          "thinks hm", "tool db.query (OTHER)", "tool failed: no",
                          "tool web_search asio (FETCH)", "tool done: "));
}

TEST(Codex, UnknownItemsAndLinesAreKeptAsRaw) {
  const auto all = codex_lines(
      "{\"type\":\"item.completed\",\"item\":{\"type\":\"novelty\"}}\n{\"type\":\"x\"}\n{\"type\":\"item."
      "completed\"}\nnope\n");
  EXPECT_THAT(told(all), ElementsAre("raw unknown item \"novelty\"", "raw unknown type \"x\"",
                                     "raw unknown type \"item.completed\"", "raw not JSON"));
}

}  // namespace
}  // namespace fanout::agent::test
