// Agents that may ask the tracker something, by a door of their own and without a token.
#include "server/github/marker.hpp"
#include "server/sandbox/probe.hpp"
#include "tests/integration/tracker_fixture.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

/// In a sandbox or without, as the parameter says.
class TrackerAccess : public OnGithub, public testing::WithParamInterface<const char*> {
 protected:
  TrackerAccess() : OnGithub({"--sandbox", GetParam()}) {}
  void SetUp() override {
    const char* path = std::getenv("PATH");
    const auto why = sandbox::probe(path ? path : "/usr/bin:/bin").why_not;
    if (std::string(GetParam()) != "off" && !why.empty()) GTEST_SKIP() << why;
  }

  v1::Run run(const PlanBuilder& plan) {
    auto ended = run_to_end(daemon_, plan.write());
    run_ = ended.id();
    return ended;
  }
  std::string said(const std::string& id) { return read_file(daemon_.state() / "runs" / run_ / id / "1/agent.stdout"); }
  bool was_sent(const std::string& part) {
    const auto all = server_.requests();
    return std::any_of(all.begin(), all.end(), [&](const auto& request) { return request.find(part) != std::string::npos; });
  }

  std::string run_;
};

/// Prints the status and then the answer.
std::string ask(const std::string& target, const std::string& more = {}) {
  return "curl -sS --path-as-is -g " + more + " -w ' %{http_code}\\n' --unix-socket \"$FANOUT_TRACKER_SOCKET\" \"" + target + "\"; ";
}
std::string of_repository(const std::string& rest, const std::string& more = {}) { return ask("$FANOUT_TRACKER_URL" + rest, more); }
std::string comment(const std::string& text) { return "-d '{\"body\": \"" + text + "\"}' "; }
/// The task's own issue is there only after a while.
std::string once_it_is_there(const std::string& command) { return "until " + command + " grep -q '\"id\"' out; do sleep 0.05; done; cat out; "; }

constexpr const char* kRead = "    tracker_access: read\n";
constexpr const char* kTask = "    tracker_access: task\n";

TEST_P(TrackerAccess, AReaderReadsItsRepositoryAndNothingElseAndSeesNoToken) {
  const auto ended = run(plan().task("t", "true; " + of_repository("") + of_repository("/issues?state=all&per_page=1") + of_repository("/hooks") + ask("http://localhost/user") +
                                              of_repository("/../other") + of_repository("/%2e%2e/other") + of_repository("//issues") + of_repository("/issues?access_token=x") +
                                              of_repository("/issues/1/comments", comment("hello")) + of_repository("", "-X DELETE") +
                                              "env | grep -i token; " + commit_line("x.txt"), {}, kRead));
  ASSERT_EQ(task(ended, "t").phase(), v1::PHASE_COMPLETED) << task(ended, "t").reason();
  EXPECT_EQ(task(ended, "t").tracker_access(), "read");
  const auto lines = lines_of(said("t"));
  std::vector<std::string> codes;
  for (const auto& line : lines) {
    if (line.size() >= 4 && line[line.size() - 4] == ' ') codes.push_back(line.substr(line.size() - 3));
  }
  EXPECT_THAT(codes, testing::ElementsAre("200", "200", "403", "403", "403", "403", "403", "403", "403", "403")) << said("t");
  EXPECT_THAT(said("t"), AllOf(HasSubstr("\"full_name\":\"octo/hello\""), HasSubstr("Fanout does not pass this on"), HasSubstr("man 7 fanout-sandbox"), Not(HasSubstr(server_.token()))));
  EXPECT_FALSE(was_sent("/user")) << "but of Fanout's own";
  EXPECT_FALSE(was_sent("hooks") || was_sent("other") || was_sent("access_token") || was_sent("DELETE"));
  for (const auto& issue : server_.issues()) {
    for (const auto& comment : issue.comments) EXPECT_THAT(comment.body, Not(testing::StartsWith("hello")));
  }
  EXPECT_TRUE(server_.violations().empty());
}

TEST_P(TrackerAccess, WhoHasTheTaskCommentsOnItsOwnIssueAndChangesItsOwnWords) {
  const std::string secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
  const auto own = once_it_is_there("curl -sS -o out " + comment("done with " + secret + " <!-- fanout: run/t 01 -->") + "--unix-socket \"$FANOUT_TRACKER_SOCKET\" \"$FANOUT_TRACKER_URL/issues/1/comments\"; ");
  const auto line = "true; " + own + "id=$(sed 's/.*\"id\":\\([0-9]*\\).*/\\1/' out); rm out; " + of_repository("/issues/comments/$id", "-X PATCH " + comment("better")) +
                    "for other in 1 2 3 4 5 6 7 8 9; do test $other = $id || " + of_repository("/issues/comments/$other", "-o /dev/null -X PATCH " + comment("defaced")) + " done; " +
                    of_repository("/issues/77/comments", comment("elsewhere")) + of_repository("/issues/1", "-X PATCH -d '{\"state\": \"closed\"}'") +
                    of_repository("/issues/1/comments", "-d '{\"body\": \"x\", \"more\": 1}'") + commit_line("x.txt");
  const auto ended = run(plan().task("t", line, {}, kTask));
  ASSERT_EQ(task(ended, "t").phase(), v1::PHASE_COMPLETED) << task(ended, "t").reason() << said("t");
  const auto issue = server_.issues().at(0);
  std::size_t own_comments = 0;
  for (const auto& comment : issue.comments) {
    EXPECT_THAT(comment.body, AllOf(Not(HasSubstr(secret)), Not(testing::StartsWith("defaced")), Not(testing::StartsWith("elsewhere"))));
    if (!comment.body.starts_with("better")) continue;  // Fanout's own, which shows what the agent says
    ++own_comments;
    EXPECT_THAT(comment.body, HasSubstr(github::agent_marker_text(run_, "t")));
    EXPECT_TRUE(github::find_markers(comment.body).empty());
  }
  EXPECT_EQ(own_comments, 1u) << said("t");
  EXPECT_THAT(said("t"), AllOf(HasSubstr(" 403\n 404"), HasSubstr(" 422"), Not(HasSubstr(server_.token()))));
  EXPECT_EQ(server_.count("POST /repos/octo/hello/issues/77"), 0u);
  EXPECT_TRUE(server_.violations().empty());
}

TEST_P(TrackerAccess, TheDoorIsThereAgainUnderTheNextDaemonAndGitHubsLinksLeadThroughIt) {
  server_.with([](World& world) {
    for (int i = 0; i < 3; ++i) world.issues.push_back({world.next_number(), "issue", "", "open", "", {}, {}, 0, {}, 0, {}, {}});
  });
  run_ = execute(daemon_, plan().task("t", "true; echo ready; while [ ! -e go ]; do sleep 0.05; done; rm go; " + of_repository("/issues?per_page=2", "-D - -o /dev/null") + commit_line("x.txt"), {}, kRead).write());
  wait_for(run_, [](const v1::Event& event) { return event.has_output() && event.output().lines_size() > 0 && event.output().lines(0).text() == "ready"; });
  daemon_.stop(SIGKILL);
  daemon_.start();
  // It has taken the agent up, and with it the door, before it says that it is ready or soon after.
  wait_for(run_, [](const v1::Event& event) { return event.has_run_taken_up(); });
  const auto socket = daemon_.state() / "runs" / run_ / "t/1/doors/tracker/socket";
  for (int i = 0; i < 1000 && run_in("/", {"curl", "-s", "--unix-socket", socket.string(), "http://localhost/"}).status != 0; ++i) {
  }
  write_file(repository_.root() / "worktrees/t/go", "");
  watch(daemon_, run_);
  EXPECT_EQ(task(get(daemon_, run_), "t").phase(), v1::PHASE_COMPLETED) << said("t");
  EXPECT_THAT(said("t"), AllOf(HasSubstr("200"), HasSubstr("Link: </repos/octo/hello/issues?page=2&per_page=2>; rel=\"next\"")));
}

TEST_P(TrackerAccess, WithoutItThereIsNoDoor) {
  const auto ended = run(plan().task("t", "true; env | grep -c FANOUT_TRACKER; ls /run/fanout/doors; " + commit_line("x.txt")));
  ASSERT_EQ(task(ended, "t").phase(), v1::PHASE_COMPLETED) << task(ended, "t").reason();
  EXPECT_EQ(said("t"), "0\n");
  EXPECT_EQ(task(ended, "t").tracker_access(), "");
}

INSTANTIATE_TEST_SUITE_P(Boxed, TrackerAccess, testing::Values("off", "workspace"), [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace fanout::test
