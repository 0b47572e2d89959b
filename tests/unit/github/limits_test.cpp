#include "tests/unit/github/tracker_fixture.hpp"

namespace fanout::github {
namespace {

using test::answered;
using test::HttpAnswer;

class TrackerLimits : public TrackerTest {
 protected:
  std::vector<TaskInfo> tasks(int count) {
    std::vector<TaskInfo> all;
    for (int i = 0; i < count; ++i) all.push_back(task("t" + std::to_string(i)));
    return all;
  }
};

awaitable<void> life(Tracker& tracker, TaskInfo task) {
  co_await tracker.open_issue(task);
  Progress progress;
  progress.phase = "at work";
  co_await tracker.progress(task, progress);
  PullRequestWanted wanted;
  wanted.base = "main";
  co_await tracker.open_pull_request(task, wanted);
  progress.phase = "completed";
  co_await tracker.progress(task, progress);
  co_await tracker.close_issue(task);
}

awaitable<void> lives(Tracker& tracker, std::vector<TaskInfo> tasks) {
  async::TaskGroup group(co_await boost::asio::this_coro::executor);
  for (const auto& task : tasks) group.spawn(life(tracker, task));
  co_await group.join();
}

TEST_F(TrackerLimits, AHundredTasksNeverHitOne) {
  clock_ = Clock(200);
  start_server({});
  const auto all = tasks(100);
  server_->with([&](test::World& world) {
    for (const auto& task : all) world.branches[task.branch] = 1;
  });
  run([&](Tracker& tracker) { return lives(tracker, all); });
  EXPECT_EQ(server_->limits_hit(), 0u);
  EXPECT_THAT(server_->violations(), IsEmpty());
  EXPECT_THAT(server_->issues(), SizeIs(100));
  EXPECT_THAT(server_->pulls(), SizeIs(100));
  for (const auto& issue : server_->issues()) {
    EXPECT_EQ(issue.state, "closed");
    EXPECT_THAT(issue.comments, SizeIs(1));
    EXPECT_THAT(issue.comments[0].body, HasSubstr("**completed**"));
  }
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(TrackerLimits, ABurstOfTwentyIsNotHeldUp) {
  std::vector<Ending> endings;
  auto all = tasks(17);  // Three labels are made first.
  run([&](Tracker& tracker) { return open_issues(tracker, all, endings); });
  EXPECT_EQ(server_->count("POST /graphql"), 1u);
}

TEST_F(TrackerLimits, ASecondaryLimitStopsWritesForAsLongAsItSaysThenTheyAreSlower) {
  HttpAnswer limit = test::refusal(403, "You have exceeded a secondary rate limit.");
  limit.headers.emplace_back("Retry-After", "120");
  server_->fail(answered("POST", "/repos/octo/hello/issues", limit));
  std::vector<Ending> endings;
  const auto began = clock_.now();
  unsigned slowed = 0;
  run([&](Tracker& tracker) -> awaitable<void> {
    return [](Tracker& t, std::vector<TaskInfo> all, std::vector<Ending>& ends, unsigned& divisor) -> awaitable<void> {
      co_await open_issues(t, all, ends);
      divisor = t.status().limiter.slowed;
    }(tracker, tasks(2), endings, slowed);
  });
  EXPECT_THAT(server_->issues(), SizeIs(2));
  EXPECT_GE(server_->issues()[0].created - began, 119s);
  EXPECT_EQ(slowed, 2u);
}

TEST_F(TrackerLimits, ALimitThatNamesNoTimeIsWaitedOutForAMinute) {
  server_->fail(answered("POST", "/repos/octo/hello/issues", test::refusal(429, "Too many requests")));
  Ending ending;
  const auto began = clock_.now();
  run([&](Tracker& tracker) { return open_issue(tracker, task("a"), ending); });
  ASSERT_TRUE(ending.issue);
  EXPECT_GE(server_->issues()[0].created - began, 59s);
}

TEST_F(TrackerLimits, ThePrimaryLimitIsKeptBeforeItIsHit) {
  test::GithubServerOptions small;
  small.primary = 40;
  start_server(small);
  server_->with([](test::World& world) { world.has_graphql = false; });
  std::vector<Ending> endings;
  const auto began = clock_.now();
  Clock faster(2000);
  clock_ = faster;
  start_server(small);
  server_->with([](test::World& world) { world.has_graphql = false; });
  run([&](Tracker& tracker) { return open_issues(tracker, tasks(60), endings); });
  EXPECT_THAT(server_->issues(), SizeIs(60));
  EXPECT_EQ(server_->limits_hit(), 0u);
  EXPECT_GE(server_->issues().back().created - began, 1h) << "it went on in the next hour";
}

TEST_F(TrackerLimits, WhatWasSpentIsRememberedByTheNextProcess) {
  std::vector<Ending> endings;
  run([&](Tracker& tracker) { return open_issues(tracker, tasks(17), endings); });
  Budget fresh;
  store::Outbox outbox(folder_ / "outbox.db");
  const auto saved = outbox.limiter(server_->endpoints().rest);
  const auto kept = Budget::restored(saved, {}, clock_.now());
  EXPECT_LT(kept.creatable(Resource::core, 75, clock_.now() + 59s), 20u + 59u);
  EXPECT_NE(kept.save(), fresh.save());
}

awaitable<void> open_while_refused(Tracker& tracker, test::GithubServer& server, TaskInfo task, Ending& ending,
                                   TrackerStatus& meanwhile) {
  async::TaskGroup group(co_await boost::asio::this_coro::executor);
  group.spawn(open_issue(tracker, task, ending));
  co_await until([&] { return tracker.status().paused; });
  meanwhile = tracker.status();
  tracker.use_token(server.token());
  co_await group.join();
}

TEST_F(TrackerLimits, ARevokedTokenPausesEverythingUntilThereIsAnother) {
  auto with_old = options();
  with_old.token = "ghp_revoked";
  Ending ending;
  TrackerStatus meanwhile;
  run_with(with_old, [&](Tracker& tracker) { return open_while_refused(tracker, *server_, task("a"), ending, meanwhile); });
  EXPECT_TRUE(ending.issue);
  EXPECT_EQ(meanwhile.limiter.reason, WaitReason::paused);
  EXPECT_EQ(meanwhile.open_steps, 1u);
  ASSERT_THAT(notices_, SizeIs(1)) << "said once";
  EXPECT_EQ(notices_[0].kind, Notice::Kind::paused);
  EXPECT_THAT(notices_[0].text, testing::Not(HasSubstr("ghp_revoked")));
}

awaitable<void> open_before_there_is_a_server(Tracker& tracker, TaskInfo task, Ending& ending, TrackerStatus& meanwhile,
                                              std::function<void()> start) {
  async::TaskGroup group(co_await boost::asio::this_coro::executor);
  group.spawn(open_issue(tracker, task, ending));
  co_await until([&] { return tracker.status().limiter.reason == WaitReason::outage; });
  meanwhile = tracker.status();
  start();
  co_await group.join();
}

TEST_F(TrackerLimits, ANetworkThatIsGoneIsWaitedFor) {
  auto unreachable = options();
  const auto info = task("a");
  const auto url = http::parse_url(unreachable.endpoints.rest);
  server_.reset();
  Ending ending;
  TrackerStatus meanwhile;
  run_with(unreachable, [&](Tracker& tracker) {
    return open_before_there_is_a_server(tracker, info, ending, meanwhile, [&] {
      test::GithubServerOptions same;
      same.port = static_cast<unsigned short>(std::stoi(url.port));
      start_server(same);
    });
  });
  EXPECT_TRUE(ending.issue);
  EXPECT_THAT(meanwhile.trouble, HasSubstr("cannot connect"));
  EXPECT_EQ(meanwhile.open_steps, 1u);
  EXPECT_THAT(server_->issues(), SizeIs(1));
}

TEST_F(TrackerLimits, AServerInTroubleIsAskedAgain) {
  for (const auto* path : {"/repos/octo/hello", "/labels"}) {
    auto fault = answered("GET", path, {503, {}, "<html>"});
    fault.times = 2;
    server_->fail(fault);
  }
  Ending ending;
  run([&](Tracker& tracker) { return open_issue(tracker, task("a"), ending); });
  EXPECT_TRUE(ending.issue);
}

}  // namespace
}  // namespace fanout::github
