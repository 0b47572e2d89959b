// Agents that fall silent, attempts that follow failures by themselves, and attempts that start over.
#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include <csignal>

#include "fanout/v1/work.grpc.pb.h"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Policy : public testing::Test {
 protected:
  explicit Policy(const std::string& retry_delay = "20ms") : daemon_(retry_delay) {
    repository_.commit_file("a.txt", "a\n");
  }

  /// A shell line that counts its runs in a file outside the worktree, which `$n` then holds.
  std::string count(const std::string& name) const {
    const auto file = (repository_.outside() / name).string();
    return "echo x >> " + file + "; n=$(wc -l < " + file + "); ";
  }

  std::size_t counted(const std::string& name) const {
    const auto file = repository_.outside() / name;
    return fs::exists(file) ? lines_of(read_file(file)).size() : 0;
  }

  /// The run's events once it has ended.
  std::vector<v1::Event> events_of(const PlanBuilder& plan,
                                   const std::function<void(v1::ExecutePlanRequest&)>& change = {}) {
    run_ = execute(daemon_, plan.write(), change);
    return watch(daemon_, run_);
  }

  v1::Subagent end_of(const std::string& id) { return task(get(daemon_, run_), id); }

  fs::path prompt(const std::string& id, int attempt) const {
    return daemon_.state() / "runs" / run_ / id / std::to_string(attempt) / "prompt.md";
  }

  std::vector<std::string> snapshots(const std::string& id) const {
    return lines_of(repository_.git({"for-each-ref", "--format=%(refname)", "refs/fanout/snap/" + run_ + "/" + id}));
  }

  void retry_fresh(const std::string& id) {
    v1::RetryRunRequest request;
    request.set_run_id(run_);
    request.set_task_id(id);
    request.set_fresh(true);
    v1::RetryRunResponse response;
    const auto status = daemon_.runs().RetryRun(patient().get(), request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  GitSandbox repository_;
  Daemon daemon_;
  std::string run_;
};

std::vector<v1::RetryScheduled> retries_in(const std::vector<v1::Event>& events) {
  std::vector<v1::RetryScheduled> found;
  for (const auto& event : events) {
    if (event.has_retry_scheduled()) found.push_back(event.retry_scheduled());
  }
  return found;
}

std::size_t index_of(const std::vector<v1::Event>& events, const std::function<bool(const v1::Event&)>& fits) {
  return static_cast<std::size_t>(std::find_if(events.begin(), events.end(), fits) - events.begin());
}

TEST_F(Policy, AnAgentThatFallsSilentIsEndedAndTheReasonSaysSo) {
  PlanBuilder plan(repository_);
  plan.task("silent", "echo one; sleep 300 & sleep 300", {}, "    stall_timeout: 1s\n");
  const auto events = events_of(plan);
  EXPECT_EQ(end_of("silent").phase(), v1::PHASE_FAILED);
  EXPECT_EQ(end_of("silent").ended_in(), v1::PHASE_IMPLEMENTING);
  EXPECT_THAT(end_of("silent").reason(), AllOf(HasSubstr("said nothing for 1.0s (stall_timeout)"), HasSubstr("was alive")));
  const auto warned = index_of(events, [](const auto& event) {
    return event.has_notice() && event.notice().severity() == v1::Notice::SEVERITY_WARNING &&
           event.notice().text().find("has said nothing for 0.5s") != std::string::npos;
  });
  const auto stalled = index_of(events, [](const auto& event) { return event.has_agent_stalled(); });
  const auto ended = index_of(events, [](const auto& event) { return event.has_command_ended(); });
  EXPECT_LT(warned, stalled);
  EXPECT_LT(stalled, ended);
  EXPECT_LT(ended, events.size());
  EXPECT_THAT(daemon_.supervisors(), testing::IsEmpty());
}

TEST_F(Policy, AnAgentThatDiesIsNotCalledSilent) {
  PlanBuilder plan(repository_);
  plan.task("dead", "kill -9 $$", {}, "    stall_timeout: 1m\n");
  const auto events = events_of(plan);
  EXPECT_EQ(end_of("dead").reason(), "the agent was ended by signal 9");
  for (const auto& event : events) EXPECT_FALSE(event.has_agent_stalled());
}

TEST_F(Policy, AnAgentThatPrintsDotsNowAndThenIsLeftAlone) {
  PlanBuilder plan(repository_);
  // Without a line end: what counts is bytes. Longer in all than it may be silent.
  plan.task("chatty", "for i in 1 2 3 4 5 6 7 8; do printf . >&2; sleep 0.5; done; " + commit_line("c.txt"), {},
            "    stall_timeout: 3s\n");
  const auto events = events_of(plan);
  EXPECT_EQ(end_of("chatty").phase(), v1::PHASE_COMPLETED) << end_of("chatty").reason();
  for (const auto& event : events) EXPECT_FALSE(event.has_agent_stalled());
}

TEST_F(Policy, SwitchedOffAnAgentMayBeSilentAndAGateAlwaysMay) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\nstall_timeout: 3s\n");
  plan.task("off", "sleep 4; " + commit_line("o.txt"), {}, "    stall_timeout: off\n");
  plan.task("gate", commit_line("g.txt"), {}, "    gates: [sleep 4]\n");
  events_of(plan);
  EXPECT_EQ(end_of("off").phase(), v1::PHASE_COMPLETED) << end_of("off").reason();
  EXPECT_EQ(end_of("gate").phase(), v1::PHASE_COMPLETED) << end_of("gate").reason();
}

TEST_F(Policy, AFlakyAgentThatFailsTwiceCompletesInTheSameWorktree) {
  PlanBuilder plan(repository_);
  plan.task("flaky", count("runs") + "echo $n >> work.txt; echo \"trouble number $n\" >&2; test $n -ge 3", {},
            "    retries: 2\n");
  const auto events = events_of(plan);
  const auto end = end_of("flaky");
  ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason();
  EXPECT_EQ(end.attempt(), 3u);
  EXPECT_EQ(end.branch(), "feature/flaky");
  EXPECT_EQ(repository_.git({"show", "feature/flaky:work.txt"}), "1\n2\n3") << "each went on from the one before";
  const auto retries = retries_in(events);
  ASSERT_EQ(retries.size(), 2u);
  EXPECT_EQ(retries[0].retry(), 1u);
  EXPECT_EQ(retries[1].retries(), 2u);
  EXPECT_EQ(retries[0].failed_in(), v1::PHASE_IMPLEMENTING);
  EXPECT_EQ(retries[0].fingerprint(), retries[1].fingerprint()) << "but the agent changed something";
  EXPECT_NE(retries[0].tree(), retries[1].tree());
  EXPECT_EQ(get(daemon_, run_).state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(Policy, TheNextAttemptIsToldWhatTheGatePrinted) {
  PlanBuilder plan(repository_);
  plan.task("t", count("runs") + "echo $n > t.txt", {},
            "    gates: [{name: unit, run: 'echo \"assertion xyz failed\"; grep -q 2 t.txt'}]\n");
  events_of(plan, [](auto& request) { request.mutable_overrides()->set_retries(1); });
  ASSERT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
  EXPECT_THAT(read_file(prompt("t", 1)), Not(HasSubstr("What failed before")));
  EXPECT_THAT(read_file(prompt("t", 2)), AllOf(HasSubstr("What failed before"), HasSubstr("gate \"unit\" failed"),
                                               HasSubstr("assertion xyz failed")));
  EXPECT_EQ(end_of("t").gates_size(), 1);
}

TEST_F(Policy, TheSameErrorTwiceWithNothingChangedEndsTheRetriesEarly) {
  PlanBuilder plan(repository_);
  plan.task("same", count("runs") + "echo w > w.txt; echo \"no key in /tmp/$$/config at $(date +%s%N)\" >&2; exit 1", {},
            "    retries: 6\n");
  plan.task("idle", count("idle") + "true", {}, "    retries: 6\n");
  const auto events = events_of(plan);
  EXPECT_EQ(end_of("same").phase(), v1::PHASE_FAILED);
  EXPECT_THAT(end_of("same").reason(), AllOf(HasSubstr("exit code 1"), HasSubstr("the same failure as before")));
  EXPECT_EQ(counted("runs"), 2u);
  EXPECT_EQ(counted("idle"), 2u);
  EXPECT_THAT(end_of("idle").reason(), AllOf(HasSubstr("changed nothing"), HasSubstr("the same failure as before")));
}

TEST_F(Policy, AGateThatLeavesFilesOfItsOwnDoesNotHideThatNothingChanged) {
  PlanBuilder plan(repository_);
  plan.task("t", count("runs") + "test -f t.txt || echo t > t.txt", {},
            "    retries: 5\n    gates: ['date +%s%N > report.txt; echo broken; exit 1']\n");
  events_of(plan);
  EXPECT_THAT(end_of("t").reason(), HasSubstr("the same failure as before"));
  EXPECT_EQ(counted("runs"), 2u);
}

TEST_F(Policy, RetriesAreUsedUpOnceAndSaid) {
  PlanBuilder plan(repository_);
  plan.task("t", count("runs") + "echo $n > t.txt; exit 1", {}, "    retries: 2\n");
  plan.task("dependent", commit_line("d.txt"), {"t"});
  events_of(plan);
  EXPECT_THAT(end_of("t").reason(), HasSubstr("all 2 retries are used up"));
  EXPECT_EQ(counted("runs"), 3u);
  EXPECT_EQ(end_of("dependent").phase(), v1::PHASE_BLOCKED);
}

TEST_F(Policy, WithoutRetriesNothingIsTriedAgain) {
  PlanBuilder plan(repository_);
  plan.task("t", count("runs") + "exit 1");
  EXPECT_THAT(retries_in(events_of(plan)), testing::IsEmpty());
  EXPECT_EQ(end_of("t").reason(), "the agent ended with exit code 1");
}

TEST_F(Policy, WorkThatConflictsWithTheRemoteIsGivenAnotherAttempt) {
  repository_.add_bare_remote();
  repository_.git({"checkout", "-q", "-b", "theirs"});
  repository_.commit_file("t.txt", "theirs\n");
  repository_.git({"push", "-q", "origin", "theirs:feature/t"});
  repository_.git({"checkout", "-q", "main"});
  PlanBuilder plan(repository_, "setup: []\nverify: []\npush: true\nretries: 1\n");
  plan.task("t", count("runs") + "if [ $n = 2 ]; then git fetch -q origin feature/t; git reset -q --hard FETCH_HEAD; fi; "
                                 "echo ours >> t.txt");
  const auto retries = retries_in(events_of(plan));
  ASSERT_EQ(retries.size(), 1u) << end_of("t").reason();
  EXPECT_EQ(retries[0].failed_in(), v1::PHASE_PUSHING);
  EXPECT_THAT(retries[0].reason(), HasSubstr("ours conflict with them in t.txt"));
  ASSERT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
  EXPECT_EQ(repository_.git({"show", "refs/remotes/origin/feature/t:t.txt"}), "theirs\nours");
}

TEST_F(Policy, AFreshAttemptStartsOverAndTheEarlierWorkIsASnapshotAndStays) {
  PlanBuilder plan(repository_);
  plan.task("t", count("runs") + "if [ $n = 1 ]; then echo old > old.txt; git add old.txt; git commit -qm old; "
                                 "echo more > untracked.txt; exit 1; fi; echo new > new.txt");
  events_of(plan);
  ASSERT_EQ(end_of("t").phase(), v1::PHASE_FAILED);
  write_file(repository_.root() / "worktrees/t/mine.txt", "by hand\n");
  retry_fresh("t");
  watch(daemon_, run_);
  const auto end = end_of("t");
  ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason();
  EXPECT_EQ(end.branch(), "feature/t-v2");
  EXPECT_EQ(repository_.git({"ls-tree", "--name-only", "feature/t-v2"}), "a.txt\nnew.txt") << "from the base";
  EXPECT_EQ(repository_.git({"show", "feature/t:old.txt"}), "old");
  EXPECT_EQ(read_file(repository_.root() / "worktrees/t/untracked.txt"), "more\n");
  bool kept = false;
  for (const auto& ref : snapshots("t")) {
    const auto files = lines_of(repository_.git({"ls-tree", "--name-only", ref}));
    kept = kept || (std::count(files.begin(), files.end(), "mine.txt") > 0 && std::count(files.begin(), files.end(), "untracked.txt") > 0);
  }
  EXPECT_TRUE(kept) << "the worktree as it was when it was left";
}

TEST_F(Policy, AfterAFreshAttemptTheNextGoesOnInTheNewWorktreeAndCleanupKnowsBoth) {
  PlanBuilder plan(repository_);
  plan.task("t", count("runs") + "echo $n >> t.txt; test $n = 3");
  events_of(plan);
  retry_fresh("t");
  watch(daemon_, run_);
  ASSERT_EQ(end_of("t").branch(), "feature/t-v2");
  v1::RetryRunRequest request;
  request.set_run_id(run_);
  v1::RetryRunResponse response;
  ASSERT_TRUE(daemon_.runs().RetryRun(patient().get(), request, &response).ok());
  watch(daemon_, run_);
  ASSERT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
  EXPECT_EQ(repository_.git({"show", "feature/t-v2:t.txt"}), "2\n3");

  v1::CleanUpRequest cleaning;
  cleaning.set_run_id(run_);
  cleaning.set_force(true);
  v1::CleanUpResponse cleaned;
  const auto work = v1::WorkService::NewStub(daemon_.channel());
  ASSERT_TRUE(work->CleanUp(patient().get(), cleaning, &cleaned).ok());
  ASSERT_EQ(cleaned.items_size(), 2);
  EXPECT_TRUE(cleaned.items(0).removed() && cleaned.items(1).removed()) << cleaned.items(0).reason() << cleaned.items(1).reason();
  EXPECT_FALSE(fs::exists(repository_.root() / "worktrees/t"));
  EXPECT_FALSE(fs::exists(repository_.root() / "worktrees/t-v2"));
  EXPECT_EQ(repository_.git({"branch", "--list", "feature/*"}), "");
}

TEST_F(Policy, WhileTheNextAttemptHasPrintedNothingTheLogIsThatOfTheOneBefore) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\nmax_parallel: 1\n");
  const auto go = (repository_.outside() / "go").string();
  const auto ran = (repository_.outside() / "ran").string();
  plan.task("a", "touch " + ran + "; echo why; exit 1");
  plan.task("b", "until [ -e " + go + " ]; do sleep 0.05; done; " + commit_line("b.txt"), {},
            "    setup: ['until [ -e " + ran + " ]; do sleep 0.05; done']\n");
  run_ = execute(daemon_, plan.write());
  bool failed = false, at_work = false;
  watch(daemon_, run_, 0, [&](const auto& event) {
    failed = failed || event.phase_changed().to() == v1::PHASE_FAILED;
    at_work = at_work || (event.task_id() == "b" && event.command_started().role() == "agent");
    return failed && at_work;
  });
  v1::RetryRunRequest request;
  request.set_run_id(run_);
  request.set_task_id("a");
  v1::RetryRunResponse response;
  ASSERT_TRUE(daemon_.runs().RetryRun(patient().get(), request, &response).ok());
  watch(daemon_, run_, 0, [](const auto& event) { return event.attempt() == 2 && event.has_waiting(); });
  v1::ReadLogRequest asked;
  asked.set_run_id(run_);
  asked.set_task_id("a");
  const auto context = patient();
  auto reader = daemon_.runs().ReadLog(context.get(), asked);
  v1::ReadLogResponse log;
  EXPECT_TRUE(reader->Read(&log));
  EXPECT_EQ(log.data(), "why\n");
  while (reader->Read(&log)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
  write_file(go, "");
  watch(daemon_, run_);
}

/// Long enough that whoever is quick finds the task between two attempts.
class Backoff : public Policy {
 protected:
  Backoff() : Policy("2s") {}

  /// Until the first attempt has failed.
  std::vector<v1::Event> events_up_to_the_retry(const PlanBuilder& plan) {
    run_ = execute(daemon_, plan.write());
    return watch(daemon_, run_, 0, [](const auto& event) { return event.has_retry_scheduled(); });
  }
};

TEST_F(Backoff, ADaemonThatIsKilledMeanwhileIsFollowedByOneThatGoesOn) {
  PlanBuilder plan(repository_);
  plan.task("t", count("runs") + "echo $n >> t.txt; test $n = 2", {}, "    retries: 1\n");
  const auto before = events_up_to_the_retry(plan);
  const auto scheduled = retries_in(before).at(0);
  EXPECT_LE(google::protobuf::util::TimeUtil::DurationToMilliseconds(scheduled.delay()), 2000);
  EXPECT_TRUE(scheduled.has_wake_time());
  daemon_.stop(SIGKILL);
  daemon_.start();
  const auto events = watch(daemon_, run_);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
  EXPECT_EQ(end_of("t").attempt(), 2u);
  EXPECT_EQ(retries_in(events).size(), 1u);
  EXPECT_EQ(counted("runs"), 2u);
  EXPECT_THAT(read_file(prompt("t", 2)), HasSubstr("the agent ended with exit code 1"));
  EXPECT_EQ(repository_.git({"show", "feature/t:t.txt"}), "1\n2");
}

TEST_F(Backoff, TheCountAndTheFailureOutliveTheDaemonToo) {
  PlanBuilder plan(repository_);
  plan.task("same", count("runs") + "echo no >&2; exit 1", {}, "    retries: 5\n");
  events_up_to_the_retry(plan);
  daemon_.stop(SIGKILL);
  daemon_.start();
  EXPECT_EQ(retries_in(watch(daemon_, run_)).size(), 1u);
  EXPECT_THAT(end_of("same").reason(), HasSubstr("the same failure as before"));
}

TEST_F(Backoff, TheWaitCanBeCancelled) {
  PlanBuilder plan(repository_);
  plan.task("t", count("runs") + "test $n -gt 1 && sleep 300; exit 1", {}, "    retries: 1\n");
  events_up_to_the_retry(plan);
  v1::CancelRunRequest request;
  request.set_run_id(run_);
  v1::CancelRunResponse response;
  ASSERT_TRUE(daemon_.runs().CancelRun(patient().get(), request, &response).ok());
  watch(daemon_, run_);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_CANCELLED);
  EXPECT_EQ(end_of("t").waiting_for(), "");
}

TEST_F(Policy, ASilentAgentIsEndedByTheNextDaemonToo) {
  PlanBuilder plan(repository_);
  plan.task("silent", "sleep 300", {}, "    stall_timeout: 2s\n");
  run_ = execute(daemon_, plan.write());
  watch(daemon_, run_, 0, [](const auto& event) { return event.has_command_started(); });
  daemon_.stop(SIGKILL);
  daemon_.start();
  const auto events = watch(daemon_, run_);
  EXPECT_THAT(end_of("silent").reason(), HasSubstr("stall_timeout"));
  EXPECT_EQ(std::count_if(events.begin(), events.end(), [](const auto& event) { return event.has_agent_stalled(); }), 1);
}

}  // namespace
}  // namespace fanout::test
