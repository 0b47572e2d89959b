#include "server/github/agent_access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/github/marker.hpp"

namespace fanout::github {
namespace {

using testing::HasSubstr;
using Kind = AgentCall::Kind;

AgentGrant reader() { return {{"github.com", "octo", "hello"}, false, 7, 8}; }
AgentGrant worker() { return {{"github.com", "octo", "hello"}, true, 7, 8}; }

AgentCall judged(const AgentGrant& grant, const std::string& method, const std::string& target) {
  const auto mark = target.find('?');
  return judge_agent_call(grant, method, target.substr(0, mark), mark == target.npos ? "" : target.substr(mark + 1));
}
bool reads(const std::string& target) { return judged(reader(), "GET", target).refusal.empty(); }

TEST(AgentAccess, ItsOwnRepositoryIsReadAsItIsAskedFor) {
  for (const auto* target : {"/repos/octo/hello", "/repos/octo/hello/issues?state=open&per_page=100&page=2", "/repos/octo/hello/issues/7/comments",
                             "/repos/octo/hello/contents/a%20file%20%23.txt?ref=feature/x", "/repos/octo/hello/git/trees/main?recursive=1",
                             "/repos/octo/hello/compare/main...feature", "/repos/octo/hello/actions/runs?branch=main", "/repos/octo/hello/commits/abc/check-runs"}) {
    const auto call = judged(reader(), "GET", target);
    EXPECT_EQ(call.refusal, "") << target;
    EXPECT_EQ(call.path, target);
  }
  EXPECT_EQ(judged(reader(), "GET", "/repos/OCTO/Hello/pulls").path, "/repos/octo/hello/pulls");
  EXPECT_EQ(judged(reader(), "GET", "/repos/octo/hello/actions/jobs/3/logs").kind, Kind::read_log);
}

TEST(AgentAccess, NothingElseIsRead) {
  for (const auto* target : {"/", "", "/user", "/repos", "/repos/octo", "/repos/octo/", "/repos/octo/other", "/repos/octo/hello2", "/repositories/7", "/graphql", "/search/code?q=x",
                             "/orgs/octo", "/repos/octo/hello/../other", "/repos/octo/hello/%2e%2e/other", "/repos/octo/hello/.%2E/other", "/repos/octo/hello%2f..%2fother",
                             "/repos/octo/hello/contents/..%2f..%2fother", "/repos/octo/hello/contents/a%5cb", "/repos/octo/hello/contents/%252e%252e", "/repos//octo/hello",
                             "/repos/octo/hello//issues", "//repos/octo/hello", "/repos/octo/hello/", "/repos/octo/hello/issues/./7", "/repos/octo/hello/issues%00", "/repos/octo/hello/issues/7%0d%0aX:1",
                             "/repos/octo/hello/issues/%zz", "/repos/octo/hello/issues%", "/repos/octo/hello/issues/7#x", "/repos/octo/hello/issues 7", "http://api.github.com/repos/octo/hello",
                             "https://evil.example/repos/octo/hello", "repos/octo/hello", "/repos/octo/hello/issues\\7"}) {
    EXPECT_FALSE(reads(target)) << target;
  }
}

TEST(AgentAccess, WhatIsNotContentIsNotRead) {
  for (const auto* part : {"hooks", "keys", "collaborators", "actions/secrets", "actions/variables", "actions", "environments", "secret-scanning/alerts", "dependabot/alerts", "traffic/views",
                           "code-scanning/alerts", "security-advisories", "invitations", "zipball", "tarball", "deployments", "actions/runners"}) {
    EXPECT_FALSE(reads(std::string("/repos/octo/hello/") + part)) << part;
  }
  EXPECT_FALSE(reads("/repos/octo/hello/compare/main...mallory:secret:main"));
  EXPECT_FALSE(reads("/repos/octo/hello/compare/main...mallory%3Asecret%3Amain"));
}

TEST(AgentAccess, AQueryHasWordsThatAreKnownEachOnce) {
  for (const auto* query : {"access_token=x", "state=open&state=all", "_method=DELETE", "state", "=x", "&", "state=open&&page=1", "page=%", "page=1%0a", "q=repo:octo/other"}) {
    EXPECT_FALSE(reads(std::string("/repos/octo/hello/issues?") + query)) << query;
  }
}

TEST(AgentAccess, ReadingIsAllThatAReaderMay) {
  for (const auto* method : {"POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "get", ""})
    EXPECT_NE(judged(reader(), method, "/repos/octo/hello/issues/7/comments").refusal, "") << method;
}

TEST(AgentAccess, WhoHasTheTaskCommentsOnItsOwnIssueAndPullRequest) {
  for (const auto* path : {"/repos/octo/hello/issues/7/comments", "/repos/octo/hello/issues/8/comments", "/repos/octo/hello/pulls/8/comments/5/replies"}) {
    const auto call = judged(worker(), "POST", path);
    EXPECT_EQ(call.refusal, "") << path;
    EXPECT_EQ(call.kind, Kind::comment);
  }
  EXPECT_EQ(judged(worker(), "PATCH", "/repos/octo/hello/issues/comments/99").kind, Kind::edit_comment);
  EXPECT_EQ(judged(worker(), "GET", "/repos/octo/hello/issues/9").refusal, "");
}

TEST(AgentAccess, AndWritesNothingElse) {
  const std::pair<const char*, const char*> attempts[] = {
      {"POST", "/repos/octo/hello/issues/9/comments"},   {"POST", "/repos/octo/hello/issues/0/comments"},      {"POST", "/repos/octo/hello/issues/07/comments/1"},
      {"POST", "/repos/octo/hello/issues"},              {"PATCH", "/repos/octo/hello/issues/7"},              {"PATCH", "/repos/octo/hello/pulls/8"},
      {"PUT", "/repos/octo/hello/pulls/8/merge"},        {"POST", "/repos/octo/hello/pulls/8/reviews"},        {"POST", "/repos/octo/hello/pulls/7/comments/5/replies"},
      {"POST", "/repos/octo/hello/git/refs"},            {"PATCH", "/repos/octo/hello/git/refs/heads/main"},   {"PUT", "/repos/octo/hello/contents/a.txt"},
      {"DELETE", "/repos/octo/hello/issues/comments/9"}, {"POST", "/repos/octo/hello/dispatches"},             {"PATCH", "/repos/octo/hello"},
      {"POST", "/repos/octo/hello/issues/7/labels"},     {"POST", "/repos/octo/hello/issues/7/comments?x=1"},  {"POST", "/repos/octo/other/issues/7/comments"},
      {"PATCH", "/repos/octo/hello/issues/comments/x"},  {"PATCH", "/repos/octo/hello/issues/comments/9/../8"}, {"POST", "/graphql"},
      {"POST", "/repos/octo/hello/issues/+7/comments"},  {"POST", "/repos/octo/hello/issues/7%2f../9/comments"}};
  for (const auto& [method, path] : attempts) EXPECT_NE(judged(worker(), method, path).refusal, "") << method << " " << path;
  const AgentGrant without{{"github.com", "octo", "hello"}, true, 0, 0};
  EXPECT_NE(judged(without, "POST", "/repos/octo/hello/issues/0/comments").refusal, "");
}

TEST(AgentAccess, WhatAnAgentWritesCannotBeTakenForOurs) {
  const auto mark = agent_marker_text("run-1", "task");
  const Marker ours{"run-1", "task", "0123"};
  const auto text = with_agent_mark("seen <!-- hidden --> " + marker_text(ours) + agent_marker_text("run-1", "other"), mark);
  EXPECT_TRUE(find_markers(text).empty());
  EXPECT_FALSE(is_marked(text, "0123"));
  EXPECT_TRUE(has_agent_mark(text, mark));
  EXPECT_TRUE(has_agent_mark(text + "\n", mark));
  EXPECT_FALSE(has_agent_mark(text, agent_marker_text("run-1", "other")));
  EXPECT_FALSE(has_agent_mark(text + " and more by somebody else", mark));
  EXPECT_THAT(text, HasSubstr("seen &lt;!-- hidden"));
  EXPECT_EQ(agent_marker_text("r", "a--><b>"), "<!-- fanout-agent: r/a-%2D%3E%3Cb%3E -->");
}

}  // namespace
}  // namespace fanout::github
