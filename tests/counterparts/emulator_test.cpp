// Whole runs against emulate, a GitHub that somebody else wrote, looked at through Octokit.
#include "tests/counterparts/counterpart_run.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class Emulator : public CounterpartRun {
 protected:
  void SetUp() override {
    if (const auto why = npm_is_missing(); !why.empty()) GTEST_SKIP() << why;
    github_ = emulator();
    start_daemon(github_->url());
  }

  /// The plan that deploy/demo.sh runs.
  fs::path demo_plan() const {
    const fs::path demo = FANOUT_DEMO;
    const auto plans = repository_.root() / ".parallel/plans";
    fs::create_directories(plans);
    fs::copy(demo / "plan.yaml", plans / "plan.yaml");
    fs::copy(demo / "tasks", plans / "tasks");
    repository_.git({"add", "."});
    repository_.git({"commit", "-q", "-m", "chore: a plan"});
    return plans / "plan.yaml";
  }

  static void with_the_demos_agent(v1::ExecutePlanRequest& request) {
    request.mutable_overrides()->set_tracker("github");
    request.mutable_overrides()->set_agent("DEMO_PACE=0 sh " FANOUT_DEMO "/agent.sh");
  }

  std::unique_ptr<Counterpart> github_;
};

TEST_F(Emulator, TheDemoPlansIssuesCommentsLabelsAndPullRequestsAreThereForAnotherClient) {
  const auto run = run_and_sync(demo_plan(), with_the_demos_agent);
  ASSERT_EQ(run.state(), v1::RUN_STATE_FAILED) << "one task fails by intent\n" << daemon_->log();
  const auto seen = look_at(github_->url());
  EXPECT_THAT(seen.titles(), UnorderedElementsAre("Add a README", "Create a LICENSE", "Set up CI", "Build the site from README and LICENSE",
                                                  "Add a check that does not pass"));
  for (const auto& issue : seen.issues) {
    EXPECT_THAT(issue.labels, IsSupersetOf({"parallel-execution", "auto-created"})) << issue.title;
    EXPECT_THAT(issue.comments, SizeIs(1)) << issue.title;
    EXPECT_EQ(issue.state, "open") << "a merge closes it, and a failure leaves it open";
  }
  EXPECT_THAT(seen.issue("Set up CI").comments[0], HasSubstr("completed"));
  EXPECT_THAT(seen.issue("Add a check that does not pass").comments[0], AllOf(HasSubstr("failed"), HasSubstr("1 of 3 checks fails")));
  EXPECT_THAT(seen.heads(), UnorderedElementsAre("feature/readme", "feature/license", "feature/ci", "feature/site"));
  for (const auto& pull : seen.pulls) {
    const auto& issue = task(run, pull.head.substr(std::string("feature/").size())).issue();
    EXPECT_THAT(pull.body, HasSubstr("Closes #" + std::to_string(issue.number())));
    EXPECT_EQ(pull.base, "main");
    EXPECT_EQ(pull.state, "open");
  }
  EXPECT_EQ(run.tracker_pending(), 0u);
}

TEST_F(Emulator, WithoutPullRequestsCompletedIssuesAreClosedAndTheOthersAreNot) {
  const auto file = plan("pull_request: false\n")
                        .task("good", commit_line("x.txt"), {}, "    labels: [\"näve 🚀\", docs]\n")
                        .task("bad", "exit 3")
                        .write();
  run_and_sync(file);
  const auto seen = look_at(github_->url());
  EXPECT_EQ(seen.issue("do good").state, "closed");
  EXPECT_EQ(seen.issue("do good").state_reason, "completed");
  EXPECT_THAT(seen.issue("do good").labels, IsSupersetOf({"näve 🚀", "docs"}));
  EXPECT_EQ(seen.issue("do bad").state, "open");
  EXPECT_THAT(seen.pulls, SizeIs(0));
}

}  // namespace
}  // namespace fanout::test
