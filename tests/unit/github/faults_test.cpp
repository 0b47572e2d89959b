// Whatever goes wrong with whichever request: in the end everything is there, and once.
#include <atomic>

#include "tests/unit/github/tracker_fixture.hpp"

namespace fanout::github {
namespace {

using test::answered;
using test::Fault;
using test::HttpAnswer;
using test::lost;
using test::Mishap;

/// One way for a request to fail of which nobody can know what became.
struct Mischief {
  const char* name;
  HttpAnswer answer;  ///< Status 0: the answer itself, but for its mishap.
};

HttpAnswer mishap(Mishap what) {
  HttpAnswer answer;
  answer.status = 0;
  answer.mishap = what;
  return answer;
}

const HttpAnswer kUnicorn{502, {{"Content-Type", "text/html"}}, "<html><body>Unicorn!</body></html>"};
const HttpAnswer kBroken{201, {{"Content-Type", "application/json"}}, "{\"number\": 1, \"ht"};
const HttpAnswer kOdd{201, {{"Content-Type", "application/json"}}, "[\"something else\"]"};

/// A request of a task's life.
struct Request {
  const char* method;
  const char* path;
};
constexpr Request kRequests[] = {{"POST", "/repos/octo/hello/issues"},
                                 {"POST", "/comments"},
                                 {"PATCH", "/issues/comments/"},
                                 {"POST", "/pulls"},
                                 {"PATCH", "/repos/octo/hello/issues/1"}};

awaitable<void> life_with_progress(Tracker& tracker, TaskInfo task) {
  co_await tracker.open_issue(task);
  Progress progress;
  progress.phase = "at work";
  co_await tracker.progress(task, progress);
  co_await tracker.settled(task.run_id, task.task_id);
  PullRequestWanted wanted;
  wanted.base = "main";
  co_await tracker.open_pull_request(task, wanted);
  progress.phase = "completed";
  co_await tracker.progress(task, progress);
  co_await tracker.close_issue(task);
}

class Mischiefs : public TrackerTest, public testing::WithParamInterface<Mischief> {
 protected:
  Mischiefs() : TrackerTest(1000) {}

  /// A server with nothing in it, and nobody who remembers an earlier one.
  void live_with(const Request& request, bool carried_out) {
    start_server({});
    std::filesystem::remove(folder_ / "outbox.db");
    server_->with([](test::World& world) { world.branches["feature/a"] = 1; });
    Fault fault{request.method, request.path, 1, 0, carried_out, GetParam().answer, {}};
    server_->fail(fault);
    auto impatient = options();
    impatient.http.read = 300ms;
    run_with(impatient, [&](Tracker& tracker) { return life_with_progress(tracker, task("a")); });
  }
};

TEST_P(Mischiefs, InTheEndThereIsOneOfEach) {
  for (const auto& request : kRequests) {
    for (const bool carried_out : {true, false}) {
      SCOPED_TRACE(std::string(request.method) + " " + request.path + (carried_out ? ", carried out" : ", not carried out"));
      live_with(request, carried_out);
      EXPECT_EQ(server_->faults_left(), 0u);
      ASSERT_THAT(server_->issues(), SizeIs(1));
      const auto issue = server_->issues()[0];
      EXPECT_EQ(issue.state, "closed");
      ASSERT_THAT(issue.comments, SizeIs(1));
      EXPECT_THAT(issue.comments[0].body, HasSubstr("**completed**"));
      EXPECT_THAT(server_->pulls(), SizeIs(1));
      EXPECT_THAT(server_->violations(), IsEmpty());
      EXPECT_EQ(server_->limits_hit(), 0u);
      EXPECT_THAT(notices_, IsEmpty()) << notices_[0].text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Each, Mischiefs,
                         testing::Values(Mischief{"Status500", {500, {}, "{\"message\": \"Server Error\"}"}},
                                         Mischief{"Status502WithHtml", kUnicorn}, Mischief{"Status504", {504, {}, ""}},
                                         Mischief{"Reset", mishap(Mishap::reset)}, Mischief{"Close", mishap(Mishap::close)},
                                         Mischief{"Truncated", mishap(Mishap::truncate)},
                                         Mischief{"TruncatedJson", kBroken}, Mischief{"OtherJson", kOdd},
                                         Mischief{"SlowDrip", mishap(Mishap::drip)}, Mischief{"Silence", mishap(Mishap::silence)}),
                         [](const auto& each) { return each.param.name; });

/// Refusals of which everybody knows that nothing has happened.
class Refusals : public TrackerTest {
 protected:
  Refusals() : TrackerTest(1000) {}

  Ending open(const std::string& id) {
    Ending ending;
    run([&](Tracker& tracker) { return open_issue(tracker, task(id), ending); });
    return ending;
  }

  Ending open_pull(const std::string& id, const std::string& base = "main") {
    Ending ending;
    PullRequestWanted wanted;
    wanted.base = base;
    run([&](Tracker& tracker) { return open_pull_request(tracker, task(id), wanted, ending); });
    return ending;
  }

  HttpAnswer exhausted(std::chrono::minutes resets_in) {
    auto answer = test::refusal(403, "API rate limit exceeded for user ID 1.");
    const auto reset = std::chrono::ceil<std::chrono::seconds>(clock_.now() + skew_ + resets_in).time_since_epoch().count();
    answer.headers = {{"X-RateLimit-Limit", "5000"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", std::to_string(reset)}};
    return answer;
  }

  std::chrono::milliseconds skew_{0};
};

TEST_F(Refusals, IssuesThatAreDisabledInMidRunEndTheStepInWords) {
  server_->fail(answered("POST", "/repos/octo/hello/issues", test::refusal(410, "Issues has been disabled in this repository.")));
  const auto ending = open("a");
  ASSERT_TRUE(ending.error);
  EXPECT_EQ(ending.error->failure(), Failure::permanent);
  EXPECT_THAT(ending.error->what(), testing::AllOf(HasSubstr("create the issue"), HasSubstr("Issues has been disabled")));
  EXPECT_THAT(server_->issues(), IsEmpty());
}

TEST_F(Refusals, ARepositoryThatIsGoneOrHiddenIsSaidToBeEither) {
  server_->fail(answered("POST", "/repos/octo/hello/issues", test::refusal(404, "Not Found")));
  const auto ending = open("a");
  ASSERT_TRUE(ending.error);
  EXPECT_EQ(ending.error->failure(), Failure::not_found);
  EXPECT_THAT(ending.error->what(), testing::AllOf(HasSubstr("does not find it"), HasSubstr("private")));
}

TEST_F(Refusals, AFieldThatGithubDoesNotLikeIsNamedWithTheReason) {
  server_->fail(answered("POST", "/repos/octo/hello/issues",
                         test::refusal(422, "Validation Failed", {test::field_error("Issue", "assignees", "invalid")})));
  const auto ending = open("a");
  ASSERT_TRUE(ending.error);
  EXPECT_EQ(ending.error->failure(), Failure::validation);
  EXPECT_THAT(ending.error->what(), HasSubstr("assignees is invalid"));
}

TEST_F(Refusals, ATokenThatMayNotIsToldWhatItLacks) {
  auto answer = test::refusal(403, "Resource not accessible by personal access token");
  answer.headers = {{"X-Accepted-GitHub-Permissions", "issues=write"}};
  server_->fail(answered("POST", "/repos/octo/hello/issues", answer));
  const auto ending = open("a");
  ASSERT_TRUE(ending.error);
  EXPECT_EQ(ending.error->failure(), Failure::permission);
  EXPECT_THAT(ending.error->what(), HasSubstr("it needs: issues=write"));
}

TEST_F(Refusals, ABaseThatIsNotThereIsNamed) {
  server_->with([](test::World& world) { world.branches["feature/a"] = 1; });
  const auto ending = open_pull("a", "develop");
  ASSERT_TRUE(ending.error);
  EXPECT_THAT(ending.error->what(), HasSubstr("branch develop, which the pull request is to go into, is not on GitHub"));
}

TEST_F(Refusals, AnExhaustedHourIsWaitedOutWhateverTheServersClockSays) {
  for (const auto skew : {0h, -5h, 5h}) {
    test::GithubServerOptions odd;
    skew_ = odd.skew = skew;
    start_server(odd);
    std::filesystem::remove(folder_ / "outbox.db");
    auto answer = exhausted(20min);
    answer.headers.emplace_back("Date", test::http_date(clock_.now() + skew));
    server_->fail(answered("POST", "/repos/octo/hello/issues", answer));
    const auto began = clock_.now();
    const auto ending = open("a");
    ASSERT_TRUE(ending.issue);
    const auto waited = server_->issues().at(0).created - skew - began;
    EXPECT_GE(waited, 19min);
    EXPECT_LE(waited, 2h) << "and not as long as the clocks differ";
  }
}

TEST_F(Refusals, GraphqlSaysThatTheHourIsExhaustedWithStatus200) {
  HttpAnswer answer{200, {{"Content-Type", "application/json"}},
                    R"({"data": null, "errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."}]})"};
  const auto reset = std::chrono::ceil<std::chrono::seconds>(clock_.now() + 20min).time_since_epoch().count();
  answer.headers.insert(answer.headers.end(), {{"X-RateLimit-Limit", "5000"}, {"X-RateLimit-Remaining", "0"},
                                               {"X-RateLimit-Reset", std::to_string(reset)}, {"X-RateLimit-Resource", "graphql"}});
  server_->fail(answered("POST", "/graphql", answer));
  const auto began = clock_.now();
  std::vector<Ending> endings;
  run([&](Tracker& tracker) { return open_issues(tracker, {task("a"), task("b"), task("c"), task("d")}, endings); });
  EXPECT_THAT(titles(), ElementsAre("Task a", "Task b", "Task c", "Task d"));
  EXPECT_GE(server_->issues().at(0).created - began, 19min);
}

/// The token is refused after the issue is there, until `renew` is called.
awaitable<void> lose_the_token(Tracker& tracker, test::GithubServer& server, TaskInfo task, TrackerStatus& meanwhile) {
  co_await tracker.open_issue(task);
  server.with([](test::World& world) { world.token = "ghp_another"; });
  Progress progress;
  progress.phase = "completed";
  co_await tracker.progress(task, progress);
  co_await until([&] { return tracker.status().paused; });
  meanwhile = tracker.status();
  tracker.use_token("ghp_another");
  co_await tracker.close_issue(task);
}

TEST_F(Refusals, ATokenThatIsRevokedInMidRunLosesNothing) {
  TrackerStatus meanwhile;
  run([&](Tracker& tracker) { return lose_the_token(tracker, *server_, task("a"), meanwhile); });
  EXPECT_EQ(meanwhile.limiter.reason, WaitReason::paused);
  ASSERT_THAT(notices_, SizeIs(1));
  EXPECT_EQ(notices_[0].kind, Notice::Kind::paused);
  EXPECT_THAT(notices_[0].text, HasSubstr("does not accept the token"));
  const auto issue = server_->issues().at(0);
  EXPECT_EQ(issue.state, "closed");
  EXPECT_THAT(issue.comments, SizeIs(1));
}

awaitable<void> rename_in_between(Tracker& tracker, test::GithubServer& server, TaskInfo first, TaskInfo second) {
  co_await tracker.open_issue(first);
  server.with([](test::World& world) {
    world.old_name = "hello";
    world.name = "renamed";
  });
  co_await tracker.open_issue(second);
  Progress progress;
  progress.phase = "completed";
  co_await tracker.progress(first, progress);
  co_await tracker.progress(second, progress);
  co_await tracker.close_issue(first);
  co_await tracker.settled(second.run_id, second.task_id);
}

TEST_F(Refusals, ARepositoryThatIsRenamedInMidRunIsFollowedWithTheSameMethodAndBody) {
  run([&](Tracker& tracker) { return rename_in_between(tracker, *server_, task("a"), task("b")); });
  EXPECT_THAT(titles(), ElementsAre("Task a", "Task b"));
  EXPECT_EQ(server_->issues()[0].state, "closed");
  for (const auto& issue : server_->issues()) EXPECT_THAT(issue.comments, SizeIs(1));
  EXPECT_THAT(server_->violations(), IsEmpty());
}

awaitable<void> list_issues(Tracker& tracker, Repository repository, std::optional<ApiError>& refusal) {
  try {
    co_await tracker.client().issues_since(repository, "", Time{});
  } catch (const ApiError& error) {
    refusal = error;
  }
}

TEST_F(Refusals, AnAnswerThatLeadsElsewhereIsNotFollowedWithTheToken) {
  std::atomic<unsigned> visits = 0;
  test::HttpServer elsewhere([&](const test::HttpRequest&) {
    ++visits;
    return HttpAnswer{200, {}, "[]"};
  });
  for (const std::string header : {"Link", "Location"}) {
    HttpAnswer answer{header == "Link" ? 200u : 307u, {{header, elsewhere.url() + "/issues"}}, "[]"};
    if (header == "Link") answer.headers[0].second = "<" + elsewhere.url() + "/issues?page=2>; rel=\"next\"";
    server_->fail(answered("GET", "/issues", answer));
    std::optional<ApiError> refusal;
    run([&](Tracker& tracker) { return list_issues(tracker, server_->repository(), refusal); });
    ASSERT_TRUE(refusal) << header;
    EXPECT_EQ(refusal->failure(), Failure::permanent) << header;
  }
  EXPECT_EQ(visits, 0u);
}

/// What people do meanwhile.
class ByHand : public TrackerTest {
 protected:
  using Hand = std::function<void(test::World&)>;
  /// Between the first word of progress and the last.
  void meddle(Hand hand) {
    run([&](Tracker& tracker) { return meddled_life(tracker, task("a"), std::move(hand)); });
  }

 private:
  awaitable<void> meddled_life(Tracker& tracker, TaskInfo task, Hand hand) {
    co_await tracker.open_issue(task);
    Progress progress;
    progress.phase = "at work";
    co_await tracker.progress(task, progress);
    co_await tracker.settled(task.run_id, task.task_id);
    server_->with(hand);
    progress.phase = "completed";
    co_await tracker.progress(task, progress);
    try {
      co_await tracker.close_issue(task);
    } catch (const ApiError&) {
      // Told by a notice too.
    }
  }
};

TEST_F(ByHand, AnIssueThatSomebodyClosedStaysClosedAndKeepsItsComment) {
  meddle([](test::World& world) { world.issues[0].state = "closed"; });
  EXPECT_EQ(server_->issues()[0].state, "closed");
  ASSERT_THAT(server_->issues()[0].comments, SizeIs(1));
  EXPECT_THAT(server_->issues()[0].comments[0].body, HasSubstr("**completed**"));
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(ByHand, AnIssueThatSomebodyCopiedIsNotOurs) {
  meddle([](test::World& world) {
    auto copy = world.issues[0];
    copy.number = world.next_number();
    world.issues.push_back(copy);
  });
  EXPECT_EQ(server_->issues()[0].state, "closed");
  EXPECT_EQ(server_->issues()[1].state, "open") << "nobody asked us to close that";
  EXPECT_THAT(server_->issues()[1].comments[0].body, HasSubstr("**at work**"));
}

TEST_F(ByHand, ACommentThatSomebodyCopiedIsLeftAlone) {
  meddle([](test::World& world) {
    auto copy = world.issues[0].comments[0];
    copy.id = world.next_id++;
    world.issues[0].comments.push_back(copy);
  });
  const auto comments = server_->issues()[0].comments;
  ASSERT_THAT(comments, SizeIs(2));
  EXPECT_THAT(comments[0].body, HasSubstr("**completed**"));
  EXPECT_THAT(comments[1].body, HasSubstr("**at work**"));
}

TEST_F(ByHand, AnIssueThatSomebodyDeletedEndsItsStepsInWords) {
  meddle([](test::World& world) { world.issues.clear(); });
  EXPECT_THAT(server_->issues(), IsEmpty()) << "who deletes it does not want it";
  ASSERT_THAT(notices_, testing::Not(IsEmpty()));
  for (const auto& notice : notices_) {
    EXPECT_EQ(notice.kind, Notice::Kind::step_failed);
    EXPECT_THAT(notice.text, HasSubstr("does not find it"));
  }
}

awaitable<void> work_offline(Tracker& tracker, test::GithubServer& server, std::vector<TaskInfo> tasks, TrackerStatus& meanwhile) {
  for (const auto& task : tasks) co_await tracker.open_issue(task);
  server.go_offline();
  Progress progress;
  progress.phase = "completed";
  for (const auto& task : tasks) co_await tracker.progress(task, progress);
  co_await until([&] { return tracker.status().limiter.reason == WaitReason::outage; });
  const auto clock = tracker.client().api().limiter().clock();
  const auto until_then = clock.now() + 1min;
  co_await until([&] { return clock.now() >= until_then; });
  meanwhile = tracker.status();
  server.come_back();
  for (const auto& task : tasks) co_await tracker.close_issue(task);
}

TEST_F(TrackerTest, ANetworkThatIsGoneForAMinuteIsCaughtUpWith) {
  TrackerStatus meanwhile;
  run([&](Tracker& tracker) { return work_offline(tracker, *server_, {task("a"), task("b"), task("c")}, meanwhile); });
  EXPECT_EQ(meanwhile.open_steps, 3u);
  EXPECT_THAT(meanwhile.trouble, HasSubstr("cannot connect"));
  EXPECT_THAT(server_->issues(), SizeIs(3));
  for (const auto& issue : server_->issues()) {
    EXPECT_EQ(issue.state, "closed");
    EXPECT_THAT(issue.comments, SizeIs(1));
  }
  EXPECT_THAT(notices_, IsEmpty());
  EXPECT_THAT(server_->violations(), IsEmpty());
}

}  // namespace
}  // namespace fanout::github
