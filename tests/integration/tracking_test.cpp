// Runs whose tasks have issues and pull requests on a GitHub of our own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/support/daemon.hpp"
#include "tests/support/github_server/github_server.hpp"
#include "tests/support/plan_builder.hpp"

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
using testing::UnorderedElementsAre;

/// As in a clone of octo/hello on github.com: pushes go to a folder, and the API is elsewhere.
class TrackerRun : public testing::Test {
 protected:
  TrackerRun() : daemon_("20ms", environment()) {
    repository_.commit_file("a.txt", "a\n");
    pushes_ = repository_.add_bare_remote();
    repository_.git({"remote", "set-url", "--push", "origin", pushes_.string()});
    repository_.git({"remote", "set-url", "origin", "https://github.com/octo/hello.git"});
    server_.with([&](World& world) { world.pushes = pushes_; });
  }

  std::vector<std::string> environment() {
    const auto endpoints = server_.endpoints();
    return {"GH_TOKEN=" + server_.token(), "GITHUB_SERVER_URL=https://github.com", "GITHUB_API_URL=" + endpoints.rest,
            "GITHUB_GRAPHQL_URL=" + endpoints.graphql};
  }

  PlanBuilder plan(const std::string& more = {}) const {
    return PlanBuilder(repository_, "setup: []\nverify: []\ntracker: github\n" + more);
  }

  ServerIssue issue_titled(const std::string& part) {
    ServerIssue found;
    for (const auto& issue : server_.issues()) {
      if (issue.title.find(part) != std::string::npos) found = issue;
    }
    return found;
  }

  v1::SyncRunResponse sync(const std::string& run) {
    v1::SyncRunRequest request;
    request.set_run_id(run);
    v1::SyncRunResponse response;
    const auto status = daemon_.runs().SyncRun(patient().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  GitSandbox repository_;
  std::filesystem::path pushes_;
  GithubServer server_;
  Daemon daemon_;
};

std::vector<std::string> titles(const std::vector<ServerIssue>& issues) {
  std::vector<std::string> all;
  for (const auto& issue : issues) all.push_back(issue.title);
  return all;
}

TEST_F(TrackerRun, ATaskThatCompletesHasAnIssueOneCommentAndAPullRequestWhoseMergeClosesIt) {
  const auto run = run_to_end(daemon_, plan().task("a", commit_line("x.txt"), {}, "    labels: [docs]\n").write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  ASSERT_THAT(server_.issues(), SizeIs(1));
  const auto issue = server_.issues()[0];
  EXPECT_EQ(issue.title, "do a");
  EXPECT_EQ(issue.state, "open") << "the merge closes it";
  EXPECT_THAT(issue.labels, IsSupersetOf({"parallel-execution", "auto-created", "docs"}));
  EXPECT_THAT(issue.body, AllOf(HasSubstr("feature/a"), HasSubstr("worktrees/a")));
  ASSERT_FALSE(issue.comments.empty());
  EXPECT_THAT(issue.comments[0].body, HasSubstr("completed"));
  ASSERT_THAT(server_.pulls(), SizeIs(1));
  const auto pull = server_.pulls()[0];
  EXPECT_EQ(pull.head, "feature/a");
  EXPECT_EQ(pull.base, "main");
  EXPECT_THAT(pull.body, HasSubstr("Closes #" + std::to_string(issue.number)));
  const auto& agent = task(run, "a");
  EXPECT_EQ(agent.issue().number(), issue.number);
  EXPECT_EQ(agent.pull_request().number(), pull.number);
  EXPECT_EQ(agent.pull_request().base(), "main");
  EXPECT_EQ(run.tracker_repository(), "github.com/octo/hello");
  EXPECT_EQ(run.tracker_pending(), 0u);
  EXPECT_THAT(server_.violations(), IsEmpty());
}

TEST_F(TrackerRun, AFailedTasksIssueStaysOpenAndSaysWhy) {
  const auto file = plan("gates: [{name: unit, run: 'echo it is broken; exit 3'}]\n").task("a", commit_line("x.txt")).write();
  const auto run = run_to_end(daemon_, file);
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  const auto issue = issue_titled("do a");
  EXPECT_EQ(issue.state, "open");
  ASSERT_FALSE(issue.comments.empty());
  EXPECT_THAT(issue.comments[0].body, AllOf(HasSubstr("unit"), HasSubstr("it is broken")));
  EXPECT_THAT(server_.pulls(), IsEmpty());
  EXPECT_EQ(run.tracker_pending(), 0u);
}

TEST_F(TrackerRun, ADependentsPullRequestIsStackedOnItsDependencysBranch) {
  const auto file = plan().task("a", commit_line("x.txt")).task("b", commit_line("y.txt"), {"a"}).write();
  const auto run = run_to_end(daemon_, file);
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_EQ(task(run, "b").pull_request().base(), "feature/a");
  EXPECT_THAT(titles(server_.issues()), UnorderedElementsAre("do a", "do b"));
  EXPECT_THAT(server_.violations(), IsEmpty());
}

TEST_F(TrackerRun, NoAgentWaitsForItsIssue) {
  server_.fail({"", "", 1'000, 0, false, {503, {}, "<html>away</html>"}});
  const auto begun = (repository_.outside() / "begun").string();
  auto all = plan();
  for (int i = 0; i < 5; ++i) {
    all.task("t" + std::to_string(i), "echo x >> " + begun + "; " + commit_line("f" + std::to_string(i)));
  }
  const auto run = run_to_end(daemon_, all.write());
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << "what the tracker does is no task's business";
  EXPECT_THAT(lines_of(read_file(begun)), SizeIs(5));
  EXPECT_THAT(server_.issues(), IsEmpty());
  EXPECT_GE(run.tracker_pending(), 5u);
  EXPECT_THAT(run.tracker_waiting(), Not(IsEmpty()));
}

TEST_F(TrackerRun, SyncFinishesWhatARunLeftUndone) {
  server_.fail({"", "", 1'000, 0, false, {503, {}, "<html>away</html>"}});
  const auto file = plan().task("a", commit_line("x.txt")).task("b", commit_line("y.txt")).write();
  const auto run = run_to_end(daemon_, file);
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  ASSERT_GT(run.tracker_pending(), 0u);
  server_.heal();
  auto answer = sync(run.id());
  while (answer.pending() > 0) answer = sync(run.id());  // its pauses after trouble are longer than the patience here
  const auto after = get(daemon_, run.id());
  EXPECT_EQ(after.tracker_pending(), 0u);
  EXPECT_EQ(after.tracker_waiting(), "");
  EXPECT_NE(task(after, "a").issue().number(), 0u);
  EXPECT_NE(task(after, "b").pull_request().number(), 0u);
  EXPECT_EQ(after.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_THAT(titles(server_.issues()), UnorderedElementsAre("do a", "do b"));
  EXPECT_THAT(server_.pulls(), SizeIs(2));
}

TEST_F(TrackerRun, ADaemonKilledBetweenEffectAndAnswerMakesNothingTwice) {
  server_.fail(lost("POST", "/issues", true));
  const auto go = (repository_.outside() / "go").string();
  const auto file = plan().task("a", "while [ ! -e " + go + " ]; do sleep 0.05; done; " + commit_line("x.txt")).write();
  const auto id = execute(daemon_, file);
  watch(daemon_, id, 0, [](const v1::Event& event) { return event.has_phase_changed() && event.phase() == v1::PHASE_IMPLEMENTING; });
  while (server_.issues().empty()) std::this_thread::yield();
  daemon_.stop(SIGKILL);
  daemon_.start();
  write_file(go, "");
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_THAT(server_.issues(), SizeIs(1));
  EXPECT_THAT(server_.pulls(), SizeIs(1));
  EXPECT_EQ(task(run, "a").issue().number(), server_.issues()[0].number);
}

TEST_F(TrackerRun, ARetryKeepsTheIssueAndClosesItInTheEnd) {
  const auto flag = (repository_.outside() / "flag").string();
  const auto file = plan("pull_request: false\n").task("a", "[ -e " + flag + " ] || { touch " + flag + "; exit 1; }; " + commit_line("x.txt")).write();
  const auto run = run_to_end(daemon_, file);
  ASSERT_EQ(run.state(), v1::RUN_STATE_FAILED);
  v1::RetryRunRequest request;
  request.set_run_id(run.id());
  v1::RetryRunResponse response;
  ASSERT_TRUE(daemon_.runs().RetryRun(patient().get(), request, &response).ok());
  watch(daemon_, run.id(), run.last_sequence());
  const auto after = get(daemon_, run.id());
  ASSERT_EQ(after.state(), v1::RUN_STATE_COMPLETED);
  ASSERT_THAT(server_.issues(), SizeIs(1));
  EXPECT_EQ(server_.issues()[0].state, "closed");
  EXPECT_THAT(server_.issues()[0].comments[0].body, Not(HasSubstr("failed")));
}

TEST_F(TrackerRun, NamesMayHoldTheIssuesNumberForWhichTheTaskThenWaits) {
  const auto patterns = "branch: 'work/{issue}-{task_id}'\nworktree: 'trees/{issue}-{task_id}'\n";
  const auto run = run_to_end(daemon_, plan(patterns).task("a", commit_line("x.txt")).write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  ASSERT_THAT(server_.issues(), SizeIs(1));
  const auto name = std::to_string(server_.issues()[0].number) + "-a";
  EXPECT_EQ(task(run, "a").branch(), "work/" + name);
  EXPECT_EQ(task(run, "a").worktree(), (repository_.root() / "trees" / name).string());
}

TEST_F(TrackerRun, ATaskWhoseNamesNeedAnIssueThatIsRefusedFailsAndCanBeTriedAgain) {
  server_.with([](World& world) { world.has_issues = false; });
  const auto file = plan("branch: 'work/{issue}-{task_id}'\n").task("a", commit_line("x.txt")).write();
  const auto run = run_to_end(daemon_, file);
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(task(run, "a").reason(), HasSubstr("issues are disabled"));
  server_.with([](World& world) { world.has_issues = true; });
  v1::RetryRunRequest request;
  request.set_run_id(run.id());
  v1::RetryRunResponse response;
  ASSERT_TRUE(daemon_.runs().RetryRun(patient().get(), request, &response).ok());
  watch(daemon_, run.id(), run.last_sequence());
  EXPECT_EQ(get(daemon_, run.id()).state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
}

TEST_F(TrackerRun, WithoutPullRequestsBranchesArePushedAllTheSame) {
  const auto run = run_to_end(daemon_, plan("pull_request: false\n").task("a", commit_line("x.txt")).write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_THAT(server_.pulls(), IsEmpty());
  ASSERT_THAT(server_.issues(), SizeIs(1));
  EXPECT_EQ(server_.issues()[0].state, "closed");
  EXPECT_TRUE(task(run, "a").issue().closed());
  EXPECT_EQ(git_in(pushes_, {"for-each-ref", "--format=%(refname:short)", "refs/heads/feature"}), "feature/a");
}

TEST_F(TrackerRun, WhereIssuesAreDisabledTheTaskGoesOnAndTheRunSaysSo) {
  server_.with([](World& world) { world.has_issues = false; });
  const auto run = run_to_end(daemon_, plan().task("a", commit_line("x.txt")).write());
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  ASSERT_FALSE(task(run, "a").tracker_faults().empty());
  EXPECT_THAT(task(run, "a").tracker_faults(0), HasSubstr("issues"));
  EXPECT_THAT(server_.pulls(), SizeIs(1)) << "a pull request needs no issue";
}

TEST_F(TrackerRun, TheTokenIsNobodysBusiness) {
  const auto seen = (repository_.outside() / "seen").string();
  const auto run = run_to_end(daemon_, plan().task("a", "env > " + seen + "; " + commit_line("x.txt")).write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_THAT(read_file(seen), Not(HasSubstr(server_.token())));
  EXPECT_THAT(daemon_.log(), Not(HasSubstr(server_.token())));
  for (const auto& event : watch(daemon_, run.id())) EXPECT_THAT(event.DebugString(), Not(HasSubstr(server_.token())));
}

TEST(TrackerRefusals, ARemoteThatIsNotOnGithubIsSaidBeforeAnythingStarts) {
  GitSandbox repository;
  repository.commit_file("a.txt", "a\n");
  repository.add_bare_remote();
  Daemon daemon;
  const auto file = PlanBuilder(repository, "tracker: github\n").task("a", "true").write();
  try {
    execute(daemon, file);
    FAIL() << "it was accepted";
  } catch (const std::runtime_error& refused) {
    EXPECT_THAT(refused.what(), AllOf(HasSubstr("origin"), HasSubstr("GitHub")));
  }
}

TEST(TrackerRefusals, WhoIsNotLoggedInIsToldWhatToDo) {
  GitSandbox repository;
  repository.commit_file("a.txt", "a\n");
  repository.git({"remote", "add", "origin", "git@github.example:octo/hello.git"});
  Daemon daemon("20ms", {"HOME=" + repository.outside().string(), "XDG_CONFIG_HOME=" + repository.outside().string()});
  const auto file = PlanBuilder(repository, "tracker: github\n").task("a", "true").write();
  try {
    execute(daemon, file);
    FAIL() << "it was accepted";
  } catch (const std::runtime_error& refused) {
    EXPECT_THAT(refused.what(), HasSubstr("gh auth login --hostname github.example"));
  }
}

TEST(TrackerRefusals, TheProxyOfTheDaemonsEnvironmentCounts) {
  GitSandbox repository;
  repository.commit_file("a.txt", "a\n");
  repository.git({"remote", "add", "origin", "git@github.com:octo/hello.git"});
  Daemon daemon("20ms", {"GH_TOKEN=ghp_some", "HTTPS_PROXY=socks5://127.0.0.1:1"});
  const auto file = PlanBuilder(repository, "tracker: github\n").task("a", "true").write();
  try {
    execute(daemon, file);
    FAIL() << "it was accepted";
  } catch (const std::runtime_error& refused) {
    EXPECT_THAT(refused.what(), HasSubstr("HTTPS_PROXY"));
  }
}

}  // namespace
}  // namespace fanout::test
