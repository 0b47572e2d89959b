#include "tests/unit/github/tracker_fixture.hpp"

namespace fanout::github {
namespace {

using test::answered;
using test::HttpAnswer;
using test::lost;
using test::Mishap;

const char* const kIssues = "/repos/octo/hello/issues";

class LostAnswers : public TrackerTest {
 protected:
  Ending open(const std::string& id) {
    Ending ending;
    run([&](Tracker& tracker) { return open_issue(tracker, task(id), ending); });
    return ending;
  }
};

TEST_F(LostAnswers, TheIssueIsMadeOnceWhateverBecameOfTheAnswer) {
  const HttpAnswer unicorn{502, {{"Content-Type", "text/html"}}, "<html>Unicorn!</html>"};
  const HttpAnswer broken{201, {{"Content-Type", "application/json"}}, "{\"number\": 1, \"ht"};
  int next = 0;
  for (const auto& fault :
       {lost("POST", kIssues, true), lost("POST", kIssues, true, Mishap::close), lost("POST", kIssues, true, Mishap::truncate),
        lost("POST", kIssues, true, Mishap::silence), answered("POST", kIssues, unicorn, true),
        answered("POST", kIssues, broken, true), lost("POST", kIssues, false), answered("POST", kIssues, unicorn, false)}) {
    server_->fail(fault);
    const auto id = std::to_string(next++);
    const auto ending = open(id);
    ASSERT_TRUE(ending.issue) << id;
    EXPECT_THAT(server_->issues(), SizeIs(next)) << id;
    EXPECT_EQ(ending.issue->number, static_cast<unsigned>(next));
  }
  EXPECT_THAT(server_->violations(), IsEmpty());
}

TEST_F(LostAnswers, AnIssueIsMadeAgainOnlyAfterTheLastLook) {
  server_->fail(lost("POST", kIssues, false));
  const auto began = clock_.now();
  open("a");
  EXPECT_GE(server_->issues().at(0).created - began, 60s);
  EXPECT_EQ(server_->count("state=all"), 3u) << "three looks before";
}

TEST_F(LostAnswers, AWholeBatchIsFoundAgainInOneScan) {
  server_->fail(lost("POST", "/graphql", true));
  std::vector<Ending> endings;
  std::vector<TaskInfo> tasks;
  for (int i = 0; i < 12; ++i) tasks.push_back(task(std::to_string(i)));
  run([&](Tracker& tracker) { return open_issues(tracker, tasks, endings); });
  EXPECT_THAT(server_->issues(), SizeIs(12));
  EXPECT_EQ(server_->count("state=all"), 1u);
  for (std::size_t i = 0; i < endings.size(); ++i) {
    ASSERT_TRUE(endings[i].issue);
    EXPECT_EQ(server_->issues()[endings[i].issue->number - 1].title, tasks[i].title);
  }
}

TEST_F(LostAnswers, ABatchThatFailedIsMadeAgainInSmallerOnes) {
  server_->fail(answered("POST", "/graphql", {504, {}, "timeout"}));
  std::vector<Ending> endings;
  std::vector<TaskInfo> tasks;
  for (int i = 0; i < 12; ++i) tasks.push_back(task(std::to_string(i)));
  run([&](Tracker& tracker) { return open_issues(tracker, tasks, endings); });
  EXPECT_THAT(server_->issues(), SizeIs(12));
  EXPECT_GE(server_->count("POST /graphql"), 3u);
}

awaitable<void> comment_once(Tracker& tracker, TaskInfo task) {
  co_await tracker.open_issue(task);
  Progress progress;
  progress.phase = "at work";
  co_await tracker.progress(task, progress);
  co_await tracker.settled(task.run_id, task.task_id);
}

TEST_F(LostAnswers, TheCommentIsMadeOnce) {
  for (const bool carried_out : {true, false}) {
    const auto id = carried_out ? "a" : "b";
    server_->fail(lost("POST", "/comments", carried_out));
    run([&](Tracker& tracker) { return comment_once(tracker, task(id)); });
  }
  for (const auto& issue : server_->issues()) EXPECT_THAT(issue.comments, SizeIs(1));
}

TEST_F(LostAnswers, ThePullRequestIsOpenedOnce) {
  server_->with([](test::World& world) { world.branches = {{"main", 0}, {"feature/a", 1}, {"feature/b", 1}}; });
  for (const bool carried_out : {true, false}) {
    Ending ending;
    server_->fail(lost("POST", "/pulls", carried_out));
    const auto id = carried_out ? "a" : "b";
    PullRequestWanted wanted;
    wanted.base = "main";
    run([&](Tracker& tracker) { return open_pull_request(tracker, task(id), wanted, ending); });
    ASSERT_TRUE(ending.pull_request);
    EXPECT_FALSE(ending.pull_request->adopted);
  }
  EXPECT_THAT(server_->pulls(), SizeIs(2));
}

awaitable<void> ask_and_leave(Tracker& tracker, test::GithubServer& server, TaskInfo task, std::size_t requests) {
  async::TaskGroup group(co_await boost::asio::this_coro::executor);
  Ending ending;
  group.spawn(open_issue(tracker, task, ending));
  co_await until([&] { return server.count("POST /repos/octo/hello/issues") >= requests; });
  group.cancel();
  co_await group.join();
}

awaitable<void> recover_all(Tracker& tracker, TaskInfo task, std::vector<PendingStep>& pending, Issue& issue) {
  pending = co_await tracker.recover();
  issue = co_await tracker.open_issue(task);
}

TEST_F(LostAnswers, TheEndOfTheProcessAtThatMomentIsNoDifferent) {
  for (const bool carried_out : {true, false}) {
    const auto info = task(carried_out ? "a" : "b");
    server_->fail(lost("POST", kIssues, carried_out, Mishap::silence));
    const auto before = server_->count("POST /repos/octo/hello/issues");
    run([&](Tracker& tracker) { return ask_and_leave(tracker, *server_, info, before + 1); });
    std::vector<PendingStep> pending;
    Issue issue;
    run([&](Tracker& tracker) { return recover_all(tracker, info, pending, issue); });
    ASSERT_THAT(pending, SizeIs(1));
    EXPECT_EQ(pending[0].task, info.task_id);
    EXPECT_EQ(issue.number, carried_out ? 1u : 2u);
  }
  EXPECT_THAT(titles(), ElementsAre("Task a", "Task b"));
}

awaitable<void> open_and_sweep(Tracker& tracker, test::GithubServer& server, TaskInfo task, Issue& issue) {
  issue = co_await tracker.open_issue(task);
  co_await until([&] {
    return server.with([](test::World& world) {
      return std::any_of(world.issues.begin(), world.issues.end(), [](const auto& entry) { return entry.state == "closed"; });
    });
  });
}

TEST_F(LostAnswers, ADuplicateThatTheListShowedTooLateIsClosed) {
  server_->with([](test::World& world) { world.list_lag = 8min; });
  server_->fail(lost("POST", kIssues, true));
  Issue issue;
  run([&](Tracker& tracker) { return open_and_sweep(tracker, *server_, task("a"), issue); });
  const auto issues = server_->issues();
  ASSERT_THAT(issues, SizeIs(2));
  EXPECT_EQ(issue.number, 2u);
  EXPECT_EQ(issues[1].state, "open");
  EXPECT_EQ(issues[0].state, "closed");
  EXPECT_EQ(issues[0].state_reason, "not_planned");
  EXPECT_THAT(issues[0].body, HasSubstr("Duplicate of #2"));
}

TEST_F(LostAnswers, AServerWhoseClockIsWrongIsSearchedAllTheSame) {
  for (const auto skew : {std::chrono::milliseconds(-5h), std::chrono::milliseconds(5h)}) {
    test::GithubServerOptions odd;
    odd.skew = skew;
    start_server(odd);
    server_->fail(lost("POST", kIssues, true));
    const auto ending = open(skew > 0ms ? "a" : "b");
    ASSERT_TRUE(ending.issue);
    EXPECT_THAT(server_->issues(), SizeIs(1));
  }
}

TEST_F(LostAnswers, AnAppWhichIsNoUserLooksAmongAllIssues) {
  server_->with([](test::World& world) { world.is_app = true; });
  server_->fail(lost("POST", kIssues, true));
  EXPECT_TRUE(open("a").issue);
  EXPECT_THAT(server_->issues(), SizeIs(1));
  EXPECT_EQ(server_->count("creator="), 0u);
}

TEST_F(LostAnswers, TheLookGoesThroughAllPages) {
  server_->with([&](test::World& world) {
    for (int i = 0; i < 250; ++i) {
      test::ServerIssue issue;
      issue.number = world.next_number();
      issue.created = clock_.now() + 1h;  // Newer than ours will be.
      world.issues.push_back(issue);
    }
  });
  server_->fail(lost("POST", kIssues, true));
  const auto ending = open("a");
  ASSERT_TRUE(ending.issue);
  EXPECT_EQ(ending.issue->number, 251u);
  EXPECT_THAT(server_->issues(), SizeIs(251));
}

/// What a tracker is asked for in the life of a task, but for its end.
awaitable<void> do_all(Tracker& tracker, TaskInfo task, bool known_before, Time began) {
  if (known_before) co_await tracker.take_up(task.run_id, began);
  co_await tracker.open_issue(task);
  Progress progress;
  progress.phase = known_before ? "gates" : "at work";
  co_await tracker.progress(task, progress);
  PullRequestWanted wanted;
  wanted.base = "main";
  co_await tracker.open_pull_request(task, wanted);
  co_await tracker.settled(task.run_id, task.task_id);
}

class LostOutbox : public LostAnswers {
 protected:
  LostOutbox() {
    server_->with([](test::World& world) { world.branches = {{"main", 0}, {"feature/a", 1}, {"feature/b", 1}}; });
  }

  void work_at(const TaskInfo& info, bool known_before) {
    run([&](Tracker& tracker) { return do_all(tracker, info, known_before, began_); });
  }

  void lose_outbox() {
    for (const char* part : {"", "-wal", "-shm"}) std::filesystem::remove((folder_ / "outbox.db").string() + part);
  }

  void expect_one_of_each() {
    ASSERT_THAT(server_->issues(), SizeIs(1));
    ASSERT_THAT(server_->issues()[0].comments, SizeIs(1));
    EXPECT_THAT(server_->issues()[0].comments[0].body, HasSubstr("gates")) << "it is edited";
    EXPECT_THAT(server_->pulls(), SizeIs(1));
    EXPECT_THAT(server_->violations(), IsEmpty());
  }

  const Time began_ = clock_.now();
};

TEST_F(LostOutbox, WhatItHadMadeIsFoundByItsMarkerAndNothingIsMadeAgain) {
  work_at(task("a"), false);
  lose_outbox();
  work_at(task("a"), true);
  expect_one_of_each();
}

TEST_F(LostOutbox, WhatTheRunsEventsKnowIsNotEvenLookedFor) {
  work_at(task("a"), false);
  lose_outbox();
  auto info = task("a");
  info.issue.number = server_->issues()[0].number;
  info.pull_request.number = server_->pulls()[0].number;
  server_->with([](test::World& world) { world.issues[0].body = "somebody has written it anew"; });
  work_at(info, true);
  expect_one_of_each();
  EXPECT_EQ(server_->count("issues?state=all"), 0u);
}

TEST_F(LostOutbox, WhatWasNeverMadeIsMadeOnceItWasLookedFor) {
  work_at(task("a"), true);
  expect_one_of_each();
  const auto before = server_->count("issues?state=all");
  EXPECT_EQ(before, 3u);
  work_at(task("b"), true);
  EXPECT_THAT(server_->issues(), SizeIs(2));
}

TEST_F(LostOutbox, ThatItWasLostIsKnownToEveryLaterTrackerToo) {
  work_at(task("a"), false);
  work_at(task("b"), false);
  lose_outbox();
  work_at(task("a"), true);
  work_at(task("b"), true);  // by now there are steps of the run
  EXPECT_THAT(titles(), ElementsAre("Task a", "Task b"));
  EXPECT_THAT(server_->pulls(), SizeIs(2));
}

TEST_F(LostOutbox, ARunThatItHasStepsOfHasNoGap) {
  work_at(task("a"), false);
  work_at(task("b"), true);
  EXPECT_THAT(titles(), ElementsAre("Task a", "Task b"));
  EXPECT_EQ(server_->count("issues?state=all"), 0u) << "nothing needs to be looked for";
}

/// The one issue of a run has a marker without a task.
TEST_F(LostAnswers, TheIssueOfAWholeRunIsMadeOnceToo) {
  server_->fail(lost("POST", kIssues, true));
  auto info = task("");
  info.body = "All of it.";
  Ending ending;
  run([&](Tracker& tracker) { return open_issue(tracker, info, ending); });
  ASSERT_TRUE(ending.issue);
  EXPECT_THAT(server_->issues(), SizeIs(1));
}

}  // namespace
}  // namespace fanout::github
