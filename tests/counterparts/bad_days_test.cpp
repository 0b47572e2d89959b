// nginx on a bad day: answers that are lost after the work was done, and a limit on requests.
#include <algorithm>

#include "tests/counterparts/counterpart_run.hpp"
#include "tests/counterparts/nginx.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

/// The first request in a minute for each kind of object is carried out by the server behind, whose answer nginx
/// then takes for broken: its header does not fit. What is left is a 502 with HTML.
constexpr const char* kLosing = R"(
  map "$request_method $uri" $creates {
    default "";
    "~^POST /repos/mona/hello/issues$" issue;
    "~^POST /repos/mona/hello/issues/[0-9]+/comments$" comment;
    "~^POST /repos/mona/hello/pulls$" pull;
  }
  limit_req_zone $creates zone=kept:1m rate=1r/m;
)";
constexpr const char* kLosingServer = R"(
  recursive_error_pages on;
  location / {
    error_page 418 = @perhaps_lost;
    if ($creates) { return 418; }
    proxy_pass @UPSTREAM@;
  }
  location @perhaps_lost {
    limit_req zone=kept;
    limit_req_status 429;
    error_page 429 = @kept;
    proxy_buffer_size 128;
    proxy_pass @UPSTREAM@;
  }
  location @kept { proxy_pass @UPSTREAM@; }
)";

/// Writes beyond three at once and one in a second are refused as GitHub refuses them.
constexpr const char* kLimiting = R"(
  map $request_method $writes { default ""; POST w; PATCH w; PUT w; }
  limit_req_zone $writes zone=writes:1m rate=60r/m;
)";
constexpr const char* kLimitingServer = R"(
  location / {
    limit_req zone=writes burst=3 nodelay;
    limit_req_status 403;
    error_page 403 = @limited;
    proxy_pass @UPSTREAM@;
  }
  location @limited {
    default_type application/json;
    add_header Retry-After 3 always;
    return 403 '{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}';
  }
)";

class BadDays : public CounterpartRun {
 protected:
  void SetUp() override {
    for (const auto& why : {npm_is_missing(), debian_is_missing()}) {
      if (!why.empty()) GTEST_SKIP() << why;
    }
    github_ = emulator();
  }

  void start(const std::string& http, std::string server) {
    const std::string kName = "@UPSTREAM@";
    for (auto at = server.find(kName); at != server.npos; at = server.find(kName)) server.replace(at, kName.size(), github_->url());
    nginx_ = std::make_unique<Nginx>(http, server);
    start_daemon(nginx_->url());
  }

  std::unique_ptr<Counterpart> github_;
  std::unique_ptr<Nginx> nginx_;
};

TEST_F(BadDays, AnswersThatAreLostAfterTheWorkWasDoneLeaveOneIssueOneCommentAndOnePullRequest) {
  start(kLosing, kLosingServer);
  const auto run = run_and_sync(plan().task("a", commit_line("x.txt")).task("b", commit_line("y.txt")).write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_->log();
  EXPECT_THAT(nginx_->served("POST", 502), SizeIs(3)) << "an issue, a comment and a pull request";
  const auto seen = look_at(github_->url());
  EXPECT_THAT(seen.titles(), UnorderedElementsAre("do a", "do b"));
  for (const auto& issue : seen.issues) EXPECT_THAT(issue.comments, SizeIs(1)) << issue.title;
  EXPECT_THAT(seen.heads(), UnorderedElementsAre("feature/a", "feature/b"));
  for (const auto* id : {"a", "b"}) EXPECT_THAT(task(run, id).tracker_faults(), IsEmpty());
}

TEST_F(BadDays, ASecondaryLimitStopsAllWritesForAsLongAsItSays) {
  start(kLimiting, kLimitingServer);
  auto all = plan();
  std::vector<std::string> titles;
  for (int i = 0; i < 4; ++i) {
    const auto name = std::to_string(i);
    all.task(name, commit_line(name + ".txt"));
    titles.push_back("do " + name);
  }
  const auto run = run_and_sync(all.write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_->log();
  const auto served = nginx_->served();
  const auto is_write = [](const Served& entry) { return entry.method != "GET"; };
  unsigned refusals = 0;
  for (auto refused = served.begin(); refused != served.end(); ++refused) {
    if (refused->status != 403) continue;
    ++refusals;
    const auto next = std::find_if(refused + 1, served.end(), is_write);
    if (next == served.end()) continue;
    EXPECT_GE(next->time - refused->time, 2.9) << next->method << " " << next->path;
  }
  EXPECT_GT(refusals, 0u) << "nothing was proved";
  const auto seen = look_at(github_->url());
  EXPECT_THAT(seen.titles(), testing::UnorderedElementsAreArray(titles));
  for (const auto& issue : seen.issues) EXPECT_THAT(issue.comments, SizeIs(1)) << issue.title;
  EXPECT_THAT(seen.pulls, SizeIs(4));
}

}  // namespace
}  // namespace fanout::test
