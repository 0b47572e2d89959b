// What issues may have besides, templates, and one issue for a whole run.
#include "tests/integration/tracker_fixture.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::SizeIs;

class IssueExtras : public OnGithub, public testing::WithParamInterface<int> {
 protected:
  IssueExtras() {
    server_.with([](World& world) {
      world.milestones = {{3, "First release"}};
      world.projects = {{"octo/5", "PVT_5"}};
    });
  }
};

/// One by one by REST, and in one request by GraphQL, which wants ids.
INSTANTIATE_TEST_SUITE_P(Alone, IssueExtras, testing::Values(1));
INSTANTIATE_TEST_SUITE_P(Together, IssueExtras, testing::Values(4));

TEST_P(IssueExtras, PeopleAMilestoneAProjectAndLabelsAreOnTheIssue) {
  auto all = PlanBuilder(repository_, "setup: []\nverify: []\ntracker: {name: github, assignees: [mona, nobody], milestone: first release, "
                                      "project: 'https://github.com/orgs/octo/projects/5', labels: [team]}\n");
  for (int i = 0; i < GetParam(); ++i) all.task("t" + std::to_string(i), commit_line("f" + std::to_string(i)));
  const auto run = run_to_end(daemon_, all.write());
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  const auto issues = server_.issues();
  ASSERT_THAT(issues, SizeIs(static_cast<std::size_t>(GetParam())));
  for (const auto& issue : issues) {
    EXPECT_THAT(issue.assignees, ElementsAre("mona")) << "whom GitHub does not know is left out";
    EXPECT_EQ(issue.milestone, 3u);
    EXPECT_THAT(issue.projects, ElementsAre("PVT_5"));
    EXPECT_THAT(issue.labels, IsSupersetOf({"parallel-execution", "auto-created", "team"}));
  }
  EXPECT_THAT(server_.violations(), IsEmpty());
}

TEST_P(IssueExtras, LabelsThatMayNotBeMadeAreLeftOut) {
  server_.with([](World& world) { world.labels = {{"team", 70}}; });
  auto all = PlanBuilder(repository_, "setup: []\nverify: []\ntracker: {name: github, labels: [team], create_labels: false}\n");
  for (int i = 0; i < GetParam(); ++i) all.task("t" + std::to_string(i), commit_line("f" + std::to_string(i)));
  run_to_end(daemon_, all.write());
  for (const auto& issue : server_.issues()) EXPECT_THAT(issue.labels, ElementsAre("team"));
  EXPECT_THAT(server_.with([](World& world) { return world.labels; }), SizeIs(1));
}

/// Somebody opened it before there was a plan.
class WithAnIssue : public OnGithub {
 protected:
  WithAnIssue() {
    server_.with([](World& world) {
      ServerIssue issue;
      issue.number = world.next_id++;
      issue.title = "Login fails";
      issue.body = "It says 500.";
      issue.labels = {"bug"};
      world.issues.push_back(issue);
    });
  }

  ServerIssue issue() { return server_.issues().at(0); }
  std::string key() { return "    issue: " + std::to_string(issue().number) + "\n"; }
};

TEST_F(WithAnIssue, ATaskThatNamesItWorksInItAndChangesNothingElse) {
  const auto run = run_to_end(daemon_, plan().task("a", commit_line("x.txt"), {}, key()).write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  ASSERT_THAT(server_.issues(), SizeIs(1)) << "none is made";
  EXPECT_EQ(issue().body, "It says 500.");
  EXPECT_EQ(issue().body_edits, 0u);
  EXPECT_THAT(issue().labels, ElementsAre("bug"));
  ASSERT_THAT(issue().comments, SizeIs(1));
  EXPECT_EQ(run.subagents(0).issue().number(), issue().number);
  EXPECT_THAT(pull_of("feature/a").body, HasSubstr("Closes #" + std::to_string(issue().number)));
  EXPECT_THAT(server_.violations(), IsEmpty());
}

TEST_F(WithAnIssue, WithoutAPullRequestItStaysOpen) {
  const auto run = run_to_end(daemon_, plan("pull_request: false\n").task("a", commit_line("x.txt"), {}, key()).write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_EQ(issue().state, "open");
  EXPECT_THAT(issue().comments, SizeIs(1));
}

TEST_F(WithAnIssue, InARunOfOneIssueThePullRequestStillClosesIt) {
  const auto file = PlanBuilder(repository_, "setup: []\nverify: []\ntracker: {name: github, mode: tracking}\n")
                        .task("a", commit_line("x.txt"), {}, key())
                        .write();
  ASSERT_EQ(run_to_end(daemon_, file).state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_THAT(pull_of("feature/a").body, AllOf(HasSubstr("Part of #"), HasSubstr("Closes #" + std::to_string(issue().number))));
}

TEST_F(WithAnIssue, OneThatIsNotThereIsToldAndTheTaskCompletes) {
  const auto run = run_to_end(daemon_, plan().task("a", commit_line("x.txt"), {}, "    issue: 4711\n").write());
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  ASSERT_THAT(run.subagents(0).tracker_faults(), Not(IsEmpty()));
  EXPECT_THAT(run.subagents(0).tracker_faults(0), HasSubstr("4711"));
  EXPECT_THAT(server_.issues(), SizeIs(1));
}

TEST_F(OnGithub, TheRepositorysTemplatesAreFilledIn) {
  repository_.commit_file(".parallel/templates/issue.md", "To do: {task.title} on {branch}\n");
  repository_.commit_file(".parallel/templates/pull-request.md", "Done: {task.title}, gates:\n{gates_list}\n");
  const auto file = plan("gates: [{name: unit, run: 'true'}]\n").task("a", commit_line("x.txt")).write();
  const auto run = run_to_end(daemon_, file);
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_THAT(server_.issues()[0].body, AllOf(HasSubstr("To do: do a on feature/a"), HasSubstr("<!-- fanout:")));
  EXPECT_THAT(pull_of("feature/a").body, AllOf(HasSubstr("Done: do a"), HasSubstr("unit: passed"), HasSubstr("Closes #")));
}

TEST_F(OnGithub, AnUnknownPlaceholderInATemplateIsAFaultOfThePlan) {
  repository_.commit_file(".parallel/templates/issue.md", "{task.nonsense}\n");
  EXPECT_THROW(execute(daemon_, plan().task("a", "true").write()), std::runtime_error);
}

TEST_F(OnGithub, OneIssueListsAllTasksAndIsClosedWhenAllAreDone) {
  auto all = PlanBuilder(repository_, "setup: []\nverify: []\ntracker: {name: github, mode: tracking}\n");
  all.task("a", commit_line("x.txt")).task("b", commit_line("y.txt"));
  const auto run = run_to_end(daemon_, all.write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  const auto issues = server_.issues();
  ASSERT_THAT(issues, SizeIs(1));
  EXPECT_THAT(issues[0].comments, IsEmpty());
  EXPECT_EQ(issues[0].state, "closed");
  EXPECT_THAT(issues[0].body, AllOf(HasSubstr("2 of 2 tasks done"), HasSubstr("- [x] `a` do a"), HasSubstr("- [x] `b` do b"), HasSubstr("<!-- fanout:")));
  EXPECT_EQ(run.tracking_issue().number(), issues[0].number);
  EXPECT_TRUE(run.tracking_issue().closed());
  for (const auto& pull : server_.pulls()) EXPECT_THAT(pull.body, AllOf(HasSubstr("Part of #"), Not(HasSubstr("Closes #"))));
  EXPECT_THAT(server_.pulls(), SizeIs(2));
}

TEST_F(OnGithub, TheOneIssueStaysOpenWhenATaskFailsAndSaysWhy) {
  auto all = PlanBuilder(repository_, "setup: []\nverify: []\ntracker: {name: github, mode: tracking}\n");
  all.task("a", commit_line("x.txt")).task("b", "exit 3");
  const auto run = run_to_end(daemon_, all.write());
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  ASSERT_THAT(server_.issues(), SizeIs(1));
  EXPECT_EQ(server_.issues()[0].state, "open");
  EXPECT_THAT(server_.issues()[0].body, AllOf(HasSubstr("1 of 2 tasks done"), HasSubstr("- [ ] `b` do b: failed"), HasSubstr("exit code 3")));
}

TEST_F(OnGithub, AboveEightyTasksThereIsOneIssueUnlessSomethingElseIsSaid) {
  auto all = plan("pull_request: false\npush: false\nmax_parallel: 16\n");
  for (int i = 0; i < 81; ++i) all.task("t" + std::to_string(i), commit_line("f" + std::to_string(i)));
  const auto run = run_to_end(daemon_, all.write());
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_EQ(run.tracker_mode(), "tracking");
  EXPECT_THAT(server_.issues(), SizeIs(1));
  EXPECT_EQ(server_.limits_hit(), 0u);
}

}  // namespace
}  // namespace fanout::test
