#include "tests/unit/github/tracker_fixture.hpp"

namespace fanout::github {
namespace {

awaitable<void> whole_life(Tracker& tracker, TaskInfo task, Issue& issue, PullRequest& made) {
  issue = co_await tracker.open_issue(task);
  Progress progress;
  progress.phase = "at work";
  co_await tracker.progress(task, progress);
  PullRequestWanted wanted;
  wanted.base = "main";
  made = co_await tracker.open_pull_request(task, wanted);
  progress.phase = "completed";
  progress.pull_request_url = made.url;
  co_await tracker.progress(task, progress);
  co_await tracker.close_issue(task);
}

TEST_F(TrackerTest, ATaskHasItsIssueItsCommentItsPullRequestAndItsEnd) {
  server_->with([](test::World& world) { world.branches["feature/readme"] = 2; });
  Issue issue;
  PullRequest made;
  run([&](Tracker& tracker) { return whole_life(tracker, task("readme"), issue, made); });
  const auto issues = server_->issues();
  ASSERT_THAT(issues, SizeIs(1));
  EXPECT_EQ(issue.number, 1u);
  EXPECT_THAT(issue.url, HasSubstr("/octo/hello/issues/1"));
  EXPECT_EQ(issues[0].title, "Task readme");
  EXPECT_THAT(issues[0].body, HasSubstr("Do readme."));
  EXPECT_THAT(issues[0].labels, testing::UnorderedElementsAre("parallel-execution", "auto-created", "docs"));
  EXPECT_EQ(issues[0].state, "closed");
  EXPECT_EQ(issues[0].state_reason, "completed");
  ASSERT_THAT(issues[0].comments, SizeIs(1));
  EXPECT_THAT(issues[0].comments[0].body, HasSubstr("**completed**"));
  ASSERT_THAT(server_->pulls(), SizeIs(1));
  EXPECT_THAT(server_->pulls()[0].body, testing::StartsWith("Closes #1\n"));
  EXPECT_EQ(made.number, 2u);
  EXPECT_THAT(server_->violations(), IsEmpty());
  EXPECT_THAT(notices_, IsEmpty());
}

awaitable<void> open_twice(Tracker& tracker, TaskInfo task, Issue& first, Issue& second) {
  first = co_await tracker.open_issue(task);
  second = co_await tracker.open_issue(task);
}

TEST_F(TrackerTest, AskingTwiceIsAskingOnceAlsoAfterARestart) {
  Issue first, second, third, fourth;
  run([&](Tracker& tracker) { return open_twice(tracker, task("a"), first, second); });
  run([&](Tracker& tracker) { return open_twice(tracker, task("a"), third, fourth); });
  EXPECT_EQ(second.number, first.number);
  EXPECT_EQ(fourth.number, first.number);
  EXPECT_EQ(fourth.url, first.url);
  EXPECT_THAT(server_->issues(), SizeIs(1));
}

TEST_F(TrackerTest, SeveralIssuesGoInOneRequest) {
  std::vector<Ending> endings;
  std::vector<TaskInfo> tasks;
  for (int i = 0; i < 15; ++i) tasks.push_back(task(std::to_string(i)));
  run([&](Tracker& tracker) { return open_issues(tracker, tasks, endings); });
  EXPECT_THAT(server_->issues(), SizeIs(15));
  for (std::size_t i = 0; i < endings.size(); ++i) {
    ASSERT_TRUE(endings[i].issue);
    EXPECT_EQ(server_->issues()[endings[i].issue->number - 1].title, tasks[i].title) << "each has its own";
  }
  EXPECT_EQ(server_->count("POST /graphql"), 1u);
  EXPECT_EQ(server_->count("POST /repos/octo/hello/issues"), 0u);
  EXPECT_THAT(server_->issues()[7].labels, testing::UnorderedElementsAre("parallel-execution", "auto-created", "docs"));
  EXPECT_THAT(server_->violations(), IsEmpty());
}

TEST_F(TrackerTest, AServerWithoutGraphqlGetsThemOneByOne) {
  server_->with([](test::World& world) { world.has_graphql = false; });
  std::vector<Ending> endings;
  std::vector<TaskInfo> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(task(std::to_string(i)));
  run([&](Tracker& tracker) { return open_issues(tracker, tasks, endings); });
  EXPECT_THAT(server_->issues(), SizeIs(10));
  EXPECT_EQ(server_->count("POST /repos/octo/hello/issues"), 10u);
  EXPECT_THAT(server_->violations(), IsEmpty());
}

TEST_F(TrackerTest, ErrorsOfSingleAliasesReachTheirTasksAlone) {
  server_->with([](test::World& world) {
    world.alias_errors["Task bad"] = {"UNPROCESSABLE", "Title is not allowed"};
    world.alias_errors["Task forbidden"] = {"FORBIDDEN", "Resource not accessible"};
  });
  std::vector<Ending> endings;
  run([&](Tracker& tracker) {
    return open_issues(tracker, {task("a"), task("bad"), task("b"), task("forbidden"), task("c")}, endings);
  });
  EXPECT_THAT(titles(), ElementsAre("Task a", "Task b", "Task c"));
  ASSERT_TRUE(endings[1].error);
  EXPECT_EQ(endings[1].error->failure(), Failure::validation);
  EXPECT_THAT(endings[1].error->what(), HasSubstr("Title is not allowed"));
  ASSERT_TRUE(endings[3].error);
  EXPECT_EQ(endings[3].error->failure(), Failure::permission);
  EXPECT_TRUE(endings[4].issue);
}

awaitable<void> forgive_later(test::GithubServer& server, Tracker& tracker) {
  co_await until([&] { return tracker.status().limiter.reason == WaitReason::secondary_limit; });
  server.with([](test::World& world) { world.alias_errors.clear(); });
}

awaitable<void> open_and_forgive(Tracker& tracker, test::GithubServer& server, std::vector<TaskInfo> tasks,
                                 std::vector<Ending>& endings) {
  async::TaskGroup group(co_await boost::asio::this_coro::executor);
  group.spawn(forgive_later(server, tracker));
  co_await open_issues(tracker, tasks, endings);
  co_await group.join();
}

TEST_F(TrackerTest, AnAliasThatWasTooQuickIsSentAgainLaterAndTheOthersAreNot) {
  server_->with([](test::World& world) { world.alias_errors["Task b"] = {"UNPROCESSABLE", "was submitted too quickly"}; });
  std::vector<Ending> endings;
  const auto began = clock_.now();
  run([&](Tracker& tracker) { return open_and_forgive(tracker, *server_, {task("a"), task("b"), task("c"), task("d")}, endings); });
  EXPECT_THAT(titles(), ElementsAre("Task a", "Task b", "Task c", "Task d"));
  EXPECT_GE(server_->issues().back().created - began, 60s);
}

awaitable<void> many_steps(Tracker& tracker, TaskInfo task, int count) {
  co_await tracker.open_issue(task);
  Progress progress;
  for (int i = 1; i <= count; ++i) {
    progress.phase = "step " + std::to_string(i);
    co_await tracker.progress(task, progress);
  }
  co_await tracker.settled(task.run_id, task.task_id);
}

TEST_F(TrackerTest, OfManyStepsOnlyTheNewestAreShownInOneComment) {
  run([&](Tracker& tracker) { return many_steps(tracker, task("a"), 60); });
  const auto comments = server_->issues().at(0).comments;
  ASSERT_THAT(comments, SizeIs(1));
  EXPECT_THAT(comments[0].body, HasSubstr("**step 60**"));
  EXPECT_LT(comments[0].edits, 50u);
  EXPECT_THAT(server_->violations(), IsEmpty());
}

awaitable<void> told_twice(Tracker& tracker, TaskInfo task) {
  PullRequestWanted wanted;
  wanted.base = "main";
  Progress progress;
  progress.phase = "completed";
  co_await tracker.open_issue(task);
  co_await tracker.open_pull_request(task, wanted);
  for (int i = 0; i < 2; ++i) {
    co_await tracker.progress(task, progress);
    co_await tracker.settled(task.run_id, task.task_id);
    EXPECT_TRUE(co_await tracker.describe_pull_request(task, wanted, false));
  }
}

/// As when a run is taken up again: else taking it up would take longer than the run is waited for.
TEST_F(TrackerTest, WhatIsSaidAlreadyIsNotSentAgain) {
  server_->with([](test::World& world) { world.branches["feature/a"] = 2; });
  run([&](Tracker& tracker) { return told_twice(tracker, task("a")); });
  EXPECT_EQ(server_->issues().at(0).comments.at(0).edits, 0u);
  EXPECT_LE(server_->count("PATCH /repos/octo/hello/pulls/"), 1u);
}

awaitable<void> comment_after_deletion(Tracker& tracker, test::GithubServer& server, TaskInfo task) {
  Progress progress;
  co_await tracker.open_issue(task);
  co_await tracker.progress(task, progress);
  co_await tracker.settled(task.run_id, task.task_id);
  server.with([](test::World& world) { world.issues[0].comments.clear(); });
  progress.phase = "again";
  co_await tracker.progress(task, progress);
  co_await tracker.settled(task.run_id, task.task_id);
}

TEST_F(TrackerTest, ACommentThatSomebodyRemovedIsMadeAgain) {
  run([&](Tracker& tracker) { return comment_after_deletion(tracker, *server_, task("a")); });
  ASSERT_THAT(server_->issues()[0].comments, SizeIs(1));
  EXPECT_THAT(server_->issues()[0].comments[0].body, HasSubstr("**again**"));
}

TEST_F(TrackerTest, LabelsThatGithubDropsAreNoticed) {
  server_->with([](test::World& world) { world.may_push = false; });
  Ending ending;
  run([&](Tracker& tracker) { return open_issue(tracker, task("a"), ending); });
  ASSERT_TRUE(ending.issue);
  ASSERT_TRUE(noticed(Notice::Kind::left_out));
  EXPECT_THAT(notices_[0].text, HasSubstr("auto-created"));
}

TEST_F(TrackerTest, RefusalsAreTypedAndSayWhy) {
  Ending disabled, gone;
  server_->with([](test::World& world) { world.has_issues = false; });
  run([&](Tracker& tracker) { return open_issue(tracker, task("a"), disabled); });
  ASSERT_TRUE(disabled.error);
  EXPECT_EQ(disabled.error->failure(), Failure::permanent);
  EXPECT_THAT(disabled.error->what(), HasSubstr("disabled"));
  EXPECT_TRUE(noticed(Notice::Kind::step_failed));
  auto elsewhere = task("b");
  elsewhere.repository.name = "private";
  run([&](Tracker& tracker) { return open_issue(tracker, elsewhere, gone); });
  ASSERT_TRUE(gone.error);
  EXPECT_EQ(gone.error->failure(), Failure::not_found);
  EXPECT_THAT(gone.error->what(), HasSubstr("private"));
}

TEST_F(TrackerTest, WhatWasRefusedCanBeAskedForAgain) {
  Ending first, second;
  server_->with([](test::World& world) { world.has_issues = false; });
  run([&](Tracker& tracker) { return open_issue(tracker, task("a"), first); });
  server_->with([](test::World& world) { world.has_issues = true; });
  run([&](Tracker& tracker) { return open_issue(tracker, task("a"), second); });
  EXPECT_TRUE(first.error);
  EXPECT_TRUE(second.issue);
}

TEST_F(TrackerTest, ARenamedRepositoryIsFollowed) {
  server_->with([](test::World& world) {
    world.old_name = "hello";
    world.name = "renamed";
    world.branches["feature/a"] = 1;
  });
  Issue issue;
  PullRequest made;
  run([&](Tracker& tracker) { return whole_life(tracker, task("a"), issue, made); });
  EXPECT_THAT(server_->issues(), SizeIs(1));
  EXPECT_THAT(server_->pulls(), SizeIs(1));
  EXPECT_EQ(server_->count("/repos/octo/hello"), 1u) << "asked for once, then its new name is known";
}

class PullRequests : public TrackerTest {
 protected:
  Ending open(const std::string& id, PullRequestWanted wanted = {"main", false, "", {}}) {
    Ending ending;
    run([&](Tracker& tracker) { return open_pull_request(tracker, task(id), wanted, ending); });
    return ending;
  }
};

TEST_F(PullRequests, OneThatIsOpenAlreadyIsAdopted) {
  server_->with([](test::World& world) {
    world.branches["feature/a"] = 1;
    world.pulls.push_back({1, "Mine", "by hand", "feature/a", "main", "open", false, {}});
  });
  const auto ending = open("a");
  ASSERT_TRUE(ending.pull_request) << ending.error->what();
  EXPECT_EQ(ending.pull_request->number, 1u);
  EXPECT_TRUE(ending.pull_request->adopted);
  EXPECT_THAT(server_->pulls(), SizeIs(1));
}

TEST_F(PullRequests, WithoutCommitsThereIsNothingToOpen) {
  server_->with([](test::World& world) { world.branches["feature/a"] = 0; });
  const auto ending = open("a");
  ASSERT_TRUE(ending.error);
  EXPECT_EQ(ending.error->failure(), Failure::validation);
  EXPECT_THAT(ending.error->what(), HasSubstr("nothing to open"));
}

TEST_F(PullRequests, ABranchThatIsNotPushedIsNamed) {
  const auto ending = open("a");
  ASSERT_TRUE(ending.error);
  EXPECT_THAT(ending.error->what(), HasSubstr("feature/a is not on GitHub"));
}

TEST_F(PullRequests, WhereThereAreNoDraftsItIsNone) {
  server_->with([](test::World& world) {
    world.branches["feature/a"] = world.branches["feature/b"] = 1;
    world.allows_drafts = false;
  });
  PullRequestWanted wanted;
  wanted.base = "main";
  wanted.draft = true;
  EXPECT_TRUE(open("a", wanted).pull_request);
  server_->with([](test::World& world) { world.allows_drafts = true; });
  EXPECT_TRUE(open("b", wanted).pull_request);
  EXPECT_FALSE(server_->pulls()[0].draft);
  EXPECT_TRUE(server_->pulls()[1].draft);
}

TEST_F(TrackerTest, WhatWasForgottenIsKnownByTheDisk) {
  run([this](Tracker& tracker) -> awaitable<void> {
    auto info = task("a");
    const auto first = co_await tracker.open_issue(info);
    tracker.forget("run-1");
    const auto again = co_await tracker.open_issue(info);
    EXPECT_EQ(again.number, first.number);
  });
  EXPECT_THAT(server_->issues(), SizeIs(1));
}

}  // namespace
}  // namespace fanout::github
