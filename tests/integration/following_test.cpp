// Pull requests after they were opened: checks, reviews, merges, and what an agent is told of them.
#include <csignal>

#include "tests/integration/tracker_fixture.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class Following : public OnGithub {
 protected:
  Following() = default;
  explicit Following(std::vector<std::string> options) : OnGithub(std::move(options)) {}

  PlanBuilder followed(const std::string& more = {}) const { return plan("follow: true\n" + more); }

  /// An agent that commits another file in each attempt, and keeps what it was told.
  std::string agent() const {
    return "cat > " + told() + "; n=$(ls | wc -l); echo $n > f$n.txt; git add . && git commit -qm \"feat: $n\"";
  }
  std::string told() const { return (repository_.outside() / "told-$(date +%s%N)").string(); }

  /// All prompts so far, the newest last.
  std::vector<std::string> prompts() const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(repository_.outside())) {
      if (entry.path().filename().string().starts_with("told-")) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    std::vector<std::string> texts;
    for (const auto& file : files) texts.push_back(read_file(file));
    return texts;
  }
};

TEST_F(Following, ARunGoesOnUntilItsPullRequestIsMergedAndThenItsIssueIsClosed) {
  const auto id = execute(daemon_, followed().task("a", agent()).write());
  wait_until_followed(id, "a");
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_RUNNING);
  merge("feature/a");
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_EQ(task(run, "a").following().state(), v1::Following::STATE_MERGED);
  EXPECT_EQ(task(run, "a").pull_request().state(), "merged");
  EXPECT_TRUE(task(run, "a").issue().closed());
  const auto issue = issue_titled("do a");
  EXPECT_EQ(issue.state, "closed");
  ASSERT_THAT(issue.comments, SizeIs(1));
  EXPECT_THAT(issue.comments[0].body, HasSubstr("Task completed successfully!"));
  EXPECT_THAT(server_.violations(), IsEmpty());
}

TEST_F(Following, AFailingCheckGoesBackToTheAgentInTheSameWorktreeWithTheLogsTail) {
  server_.with([](World& world) {
    world.ci = [](const std::string&, std::size_t nth) {
      const ServerCheck bad{"build", "completed", "failure", "1 error", "2026-01-01T00:00:00.000Z cc main.c\nmain.c:3: it is broken\n"};
      const ServerCheck good{"build", "completed", "success", "", ""};
      return std::vector<ServerCheck>{nth == 0 ? bad : good};
    };
  });
  const auto id = execute(daemon_, followed().task("a", agent()).write());
  wait_until_followed(id, "a", 2);
  merge("feature/a");
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_EQ(task(run, "a").attempt(), 2u);
  EXPECT_EQ(task(run, "a").following().retries(), 1u);
  ASSERT_THAT(prompts(), SizeIs(2));
  EXPECT_THAT(prompts()[1], AllOf(HasSubstr("check build failed"), HasSubstr("it is broken"), Not(HasSubstr("2026-01-01T"))));
  EXPECT_EQ(git_in(pushes_, {"rev-list", "--count", "main..feature/a"}), "2") << "both commits are on the one branch";
  EXPECT_THAT(server_.pulls(), SizeIs(1));
  EXPECT_THAT(server_.violations(), IsEmpty()) << "the token goes nowhere but to the API";
}

TEST_F(Following, TheSameFailureIsNeverGivenToTheAgentTwice) {
  server_.with([](World& world) {
    world.ci = [](const std::string&, std::size_t) {
      return std::vector<ServerCheck>{{"build", "completed", "failure", "", "main.c:3: it is broken\n"}};
    };
  });
  const auto id = execute(daemon_, followed("ci_retries: 5\n").task("a", agent()).write());
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(task(run, "a").attempt(), 2u);
  EXPECT_EQ(task(run, "a").following().state(), v1::Following::STATE_GAVE_UP);
  EXPECT_THAT(task(run, "a").following().reason(), HasSubstr("same failure"));
  const auto issue = issue_titled("do a");
  EXPECT_EQ(issue.state, "open");
  ASSERT_THAT(issue.comments, SizeIs(1));
  EXPECT_THAT(issue.comments[0].body, HasSubstr("same failure"));
}

TEST_F(Following, OtherFailuresGoBackNoMoreThanCiRetriesTimes) {
  server_.with([](World& world) {
    world.ci = [](const std::string&, std::size_t nth) {
      static const char* const kWords[] = {"alpha", "beta", "gamma", "delta"};
      return std::vector<ServerCheck>{{"build", "completed", "failure", "", std::string(kWords[nth % 4]) + " is broken\n"}};
    };
  });
  const auto id = execute(daemon_, followed("ci_retries: 1\n").task("a", agent()).write());
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(task(run, "a").attempt(), 2u);
  EXPECT_THAT(task(run, "a").following().reason(), HasSubstr("used up"));
}

TEST_F(Following, WhatAReviewerAsksForGoesBackWithItsRemarks) {
  const auto id = execute(daemon_, followed().task("a", agent()).write());
  wait_until_followed(id, "a");
  server_.with([](World& world) {
    world.reviews[world.pulls[0].number] = {{9, "hubot", "CHANGES_REQUESTED", "Please add a test.", "f1.txt", "why this?"}};
  });
  wait_until_followed(id, "a", 2);
  server_.with([](World& world) { world.reviews[world.pulls[0].number].push_back({10, "hubot", "APPROVED", "", "", ""}); });
  merge("feature/a");
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_EQ(task(run, "a").attempt(), 2u) << "once for a review";
  ASSERT_THAT(prompts(), SizeIs(2));
  EXPECT_THAT(prompts()[1], AllOf(HasSubstr("hubot asks for changes"), HasSubstr("Please add a test."), HasSubstr("f1.txt:7"), HasSubstr("why this?")));
}

TEST_F(Following, APullRequestThatIsClosedEndsTheTaskAndItsIssueStaysOpenWithTheReason) {
  const auto id = execute(daemon_, followed().task("a", agent()).write());
  wait_until_followed(id, "a");
  server_.with([](World& world) { world.pulls[0].state = "closed"; });
  watch(daemon_, id);
  EXPECT_EQ(task(get(daemon_, id), "a").following().state(), v1::Following::STATE_CLOSED);
  EXPECT_EQ(issue_titled("do a").state, "open");
  EXPECT_THAT(issue_titled("do a").comments[0].body, HasSubstr("closed"));
}

TEST_F(Following, CancellingEndsTheFollowingAlone) {
  const auto id = execute(daemon_, followed().task("a", agent()).write());
  wait_until_followed(id, "a");
  v1::CancelRunRequest request;
  request.set_run_id(id);
  v1::CancelRunResponse response;
  ASSERT_TRUE(daemon_.runs().CancelRun(patient().get(), request, &response).ok());
  EXPECT_THAT(response.task_ids(), ElementsAre("a"));
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_EQ(task(run, "a").following().state(), v1::Following::STATE_STOPPED);
  EXPECT_EQ(server_.pulls()[0].state, "open");
}

TEST_F(Following, AnotherDaemonGoesOnWithItHoweverTheFirstOneEnded) {
  const auto id = execute(daemon_, followed().task("a", agent()).write());
  wait_until_followed(id, "a");
  daemon_.stop(SIGKILL);
  daemon_.start();
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_RUNNING);
  daemon_.stop(SIGTERM);
  daemon_.start();
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_RUNNING);
  merge("feature/a");
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_THAT(server_.pulls(), SizeIs(1));
}

TEST_F(Following, WhatStandsOnAMergedBranchIsRebasedAndGoesToWhereThatWent) {
  const auto file = followed().task("a", commit_line("x.txt")).task("b", commit_line("y.txt"), {"a"}).write();
  const auto id = execute(daemon_, file);
  wait_until_followed(id, "b");
  ASSERT_EQ(pull_of("feature/b").base, "feature/a");
  // As a squash: main has the change, and none of the commits.
  repository_.commit_file("x.txt", "x\n");
  git_in(repository_.root(), {"push", "-q", pushes_.string(), "main"});
  repository_.git({"config", "url." + pushes_.string() + ".insteadOf", "https://github.com/octo/hello.git"});
  merge("feature/a");
  wait_for(id, [](const v1::Event& event) {
    return event.task_id() == "b" && event.has_pull_request_changed() && event.pull_request_changed().pull_request().base() == "main";
  });
  EXPECT_EQ(pull_of("feature/b").base, "main");
  EXPECT_EQ(git_in(pushes_, {"rev-list", "--count", "main..feature/b"}), "1") << "its own commit alone";
  merge("feature/b");
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
}

TEST_F(Following, GithubMergesByItselfWhereThatIsAskedFor) {
  const auto id = execute(daemon_, followed("auto_merge: squash\n").task("a", agent()).write());
  wait_for(id, [](const v1::Event& event) { return event.pull_request_changed().pull_request().auto_merge(); });
  EXPECT_EQ(pull_of("feature/a").auto_merge, "SQUASH");
  merge("feature/a");
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(Following, WhereABranchAsksForNothingFanoutMergesWhenTheChecksHavePassed) {
  server_.with([](World& world) {
    world.nothing_required = true;
    world.ci = [](const std::string&, std::size_t) { return std::vector<ServerCheck>{{"build", "completed", "success", "", ""}}; };
  });
  const auto run = run_to_end(daemon_, followed("auto_merge: squash\n").task("a", agent()).write());
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_EQ(pull_of("feature/a").merged_by, "squash");
}

TEST_F(Following, WithoutGraphqlTheSameIsReadByRest) {
  server_.with([](World& world) {
    world.has_graphql = false;
    world.ci = [](const std::string&, std::size_t nth) {
      return std::vector<ServerCheck>{{"build", "completed", nth == 0 ? "failure" : "success", "", "it is broken\n"}};
    };
  });
  const auto id = execute(daemon_, followed().task("a", agent()).write());
  wait_until_followed(id, "a", 2);
  merge("feature/a");
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
}

TEST_F(OnGithub, ADraftIsOpenWhileTheGatesRunAndReadyWhenTheyHavePassed) {
  const auto go = (repository_.outside() / "go").string();
  const auto file = plan("draft: true\ngates: [{name: slow, run: 'while [ ! -e " + go + " ]; do sleep 0.05; done'}]\n")
                        .task("a", commit_line("x.txt")).write();
  const auto id = execute(daemon_, file);
  wait_for(id, [](const v1::Event& event) { return event.has_pull_request_opened(); });
  EXPECT_TRUE(pull_of("feature/a").draft);
  EXPECT_EQ(task(get(daemon_, id), "a").phase(), v1::PHASE_TESTING);
  write_file(go, "");
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_FALSE(pull_of("feature/a").draft);
  EXPECT_THAT(pull_of("feature/a").body, AllOf(HasSubstr("slow"), HasSubstr("Closes #")));
}

class WithWebhooks : public Following {
 protected:
  WithWebhooks() : Following(std::vector<std::string>{"--webhook-port", std::to_string(port()), "--webhook-secret-file", secret()}) {
    write_file(daemon_.config(), "[github]\nfollow_interval = \"1h\"\n");
  }
  static unsigned port() { return 20'000 + static_cast<unsigned>(::getpid()) % 20'000; }
  static std::string secret() {
    const auto file = std::filesystem::temp_directory_path() / ("fanout-webhook-" + std::to_string(::getpid()));
    write_file(file, "it is a secret\n");
    return file.string();
  }
  ~WithWebhooks() override { std::filesystem::remove(secret()); }

  /// The status that curl gets.
  static std::string deliver(const std::string& signature) {
    const auto out = std::filesystem::temp_directory_path() / ("fanout-delivery-" + std::to_string(::getpid()));
    const auto command = "curl -s -o /dev/null -w '%{http_code}' -H 'X-GitHub-Event: pull_request' -H 'X-Hub-Signature-256: " +
                         signature + "' --data-binary '{\"action\":\"closed\"}' http://127.0.0.1:" + std::to_string(port()) +
                         "/webhooks/github > " + out.string();
    EXPECT_EQ(std::system(command.c_str()), 0);
    auto status = read_file(out);
    std::filesystem::remove(out);
    return status;
  }
};

TEST_F(WithWebhooks, ADeliverySignedWithTheSecretIsNewsAndOthersAreRefused) {
  const auto id = execute(daemon_, followed().task("a", agent()).write());
  wait_until_followed(id, "a");
  wait_for(id, [](const v1::Event& event) { return event.has_pull_request_changed(); });
  merge("feature/a");
  EXPECT_EQ(deliver("sha256=0000000000000000000000000000000000000000000000000000000000000000"), "401");
  EXPECT_EQ(deliver(""), "401");
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_RUNNING) << "nobody looks for an hour";
  // openssl dgst -sha256 -hmac "it is a secret"
  EXPECT_EQ(deliver("sha256=81d3d0b8800782b59ff0e82b69394b2ab9519a3eaf308d1c6e32c5a8d4c26f3f"), "202");
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED);
}

}  // namespace
}  // namespace fanout::test
