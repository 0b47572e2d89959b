// Several agents at one task: who wins, what becomes of the others, and that a daemon's death changes nothing of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "fanout/v1/admission.grpc.pb.h"
#include "server/sandbox/probe.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RaceLife : public testing::Test {
 protected:
  explicit RaceLife(std::vector<std::string> options = {}) : daemon_("20ms", {}, std::move(options)) {
    repository_.commit_file("a.txt", "a\n");
  }

  /// A shell line in which each contender does its own.
  static std::string each(const std::vector<std::string>& lines) {
    std::string text = "case $FANOUT_TASK_ID in ";
    for (std::size_t i = 0; i < lines.size(); ++i) text += "*@" + std::to_string(i + 1) + ") " + lines[i] + " ;; ";
    return text + "*) " + commit_line("alone.txt") + " ;; esac";
  }

  std::string wait_for(const std::string& name) const {
    return "until [ -e " + (repository_.outside() / name).string() + " ]; do sleep 0.02; done";
  }
  void let(const std::string& name) { write_file(repository_.outside() / name, ""); }

  std::vector<v1::Event> run(const PlanBuilder& plan, const std::function<void(v1::ExecutePlanRequest&)>& change = {}) {
    run_ = execute(daemon_, plan.write(), change);
    return watch(daemon_, run_);
  }
  v1::Subagent end_of(const std::string& id) { return task(get(daemon_, run_), id); }

  void retry(const std::string& id, bool fresh = false) {
    v1::RetryRunRequest request;
    request.set_run_id(run_);
    request.set_task_id(id);
    request.set_fresh(fresh);
    v1::RetryRunResponse response;
    const auto status = daemon_.runs().RetryRun(patient().get(), request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  std::vector<std::string> branches() const {
    return lines_of(repository_.git({"for-each-ref", "--format=%(refname:short)", "refs/heads"}));
  }
  std::vector<std::string> folders() const {
    std::vector<std::string> names;
    for (const auto& one : fs::directory_iterator(repository_.root() / "worktrees")) names.push_back(one.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string snapshot_of(const std::string& id, const std::string& file) const {
    const auto all = lines_of(repository_.git({"for-each-ref", "--sort=-creatordate", "--format=%(refname)", "refs/fanout/snap/" + run_ + "/" + id}));
    for (const auto& one : all) {
      const auto shown = repository_.try_git({"show", one + ":" + file});
      if (shown.status == 0) return shown.text;
    }
    return "";
  }
  std::string said_why(const std::string& id) {
    v1::ExplainTaskRequest request;
    request.set_run_id(run_);
    request.set_task_id(id);
    v1::ExplainTaskResponse response;
    const auto status = v1::AdmissionService::NewStub(daemon_.channel())->ExplainTask(patient().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    auto text = response.summary();
    for (const auto& reason : response.reasons()) text += "\n" + reason.text();
    return text;
  }

  GitSandbox repository_;
  Daemon daemon_;
  std::string run_;
};

const v1::RaceDecided* decision_in(const std::vector<v1::Event>& events) {
  for (const auto& event : events) {
    if (event.has_race_decided()) return &event.race_decided();
  }
  return nullptr;
}

TEST_F(RaceLife, TheFirstWhoseGatesPassIsKeptAndTheOtherIsASnapshot) {
  PlanBuilder plan(repository_);
  plan.task("t", each({"echo half > slow.txt; echo up; sleep 1000", wait_for("go") + "; " + commit_line("fast.txt")}), {},
            "    race: 2\n    gates: [test -e fast.txt]\n");
  plan.task("after", commit_line("after.txt"), {"t"});
  run_ = execute(daemon_, plan.write());
  watch(daemon_, run_, 0, [](const auto& event) { return event.has_output() && event.task_id() == "t@1"; });
  EXPECT_THAT(said_why("t"), AllOf(HasSubstr("its race: t@1"), HasSubstr("t@2"), HasSubstr("is at work")));
  let("go");
  const auto events = watch(daemon_, run_);

  const auto run = get(daemon_, run_);
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  const auto* decided = decision_in(events);
  ASSERT_NE(decided, nullptr);
  EXPECT_EQ(decided->winner(), "t@2");
  EXPECT_THAT(decided->losers(), ElementsAre("t@1"));
  const auto end = end_of("t");
  EXPECT_EQ(end.race_winner(), "t@2");
  EXPECT_EQ(end.branch(), "feature/t");
  EXPECT_EQ(end.commit_count(), 1u);
  ASSERT_EQ(end.gates_size(), 1);
  EXPECT_TRUE(end.gates(0).passed());
  EXPECT_EQ(end.report().commits(0).summary(), "feat: fast.txt");
  EXPECT_EQ(end.report().head_commit(), repository_.git({"rev-parse", "feature/t"}));
  EXPECT_EQ(repository_.git({"show", "feature/after:fast.txt"}), "x") << "the dependent starts from the winner's work";

  EXPECT_EQ(end_of("t@1").phase(), v1::PHASE_CANCELLED);
  EXPECT_THAT(end_of("t@1").reason(), HasSubstr("lost the race"));
  EXPECT_EQ(snapshot_of("t@1", "slow.txt"), "half\n");
  EXPECT_THAT(branches(), ElementsAre("feature/after", "feature/t", "main"));
  EXPECT_THAT(folders(), ElementsAre("after", "t"));
  EXPECT_EQ(git_in(repository_.root() / "worktrees/t", {"status", "--porcelain"}), "");
  EXPECT_THAT(daemon_.supervisors(), IsEmpty());
  EXPECT_THAT(daemon_.programs(), IsEmpty());
  EXPECT_THAT(said_why("t"), HasSubstr("t@2 won the race"));
  EXPECT_THAT(said_why("t@1"), HasSubstr("It lost the race."));
}

TEST_F(RaceLife, OneThatFailsIsNotTheEndWhileAnotherIsAtWork) {
  PlanBuilder plan(repository_);
  plan.task("t", each({"exit 3", commit_line("bad.txt"), wait_for("go") + "; " + commit_line("good.txt")}), {},
            "    race: 3\n    gates: [test -e good.txt]\n");
  run_ = execute(daemon_, plan.write());
  std::size_t failed = 0;
  watch(daemon_, run_, 0, [&](const auto& event) { return (failed += event.phase_changed().to() == v1::PHASE_FAILED) == 2; });
  EXPECT_FALSE(end_of("t").has_ended_at());
  let("go");
  watch(daemon_, run_);
  EXPECT_EQ(get(daemon_, run_).state(), v1::RUN_STATE_COMPLETED) << "how a contender ends decides nothing";
  EXPECT_EQ(end_of("t").race_winner(), "t@3");
  EXPECT_THAT(end_of("t@2").reason(), HasSubstr("gate"));
  EXPECT_THAT(folders(), ElementsAre("t"));
  EXPECT_EQ(snapshot_of("t@2", "bad.txt"), "x\n");
}

TEST_F(RaceLife, WhenNoneMakesItTheTaskFailsWithEachReasonAndARetryRacesAgain) {
  PlanBuilder plan(repository_);
  plan.task("t", each({"[ -e " + (repository_.outside() / "mended").string() + " ] || exit 3; " + commit_line("one.txt"), "exit 4"}), {},
            "    race: 2\n");
  plan.task("after", "true", {"t"});
  run(plan);
  EXPECT_EQ(get(daemon_, run_).state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_FAILED);
  EXPECT_THAT(end_of("t").reason(), AllOf(HasSubstr("t@1"), HasSubstr("exit code 3"), HasSubstr("t@2"), HasSubstr("exit code 4")));
  EXPECT_EQ(end_of("after").phase(), v1::PHASE_BLOCKED);
  EXPECT_THAT(folders(), ElementsAre("t", "t@1", "t@2")) << "nobody has won: all of it is there to be looked at";

  let("mended");
  retry("t@2");  // who raced goes with the task
  watch(daemon_, run_);
  EXPECT_EQ(end_of("t").race_winner(), "t@1");
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED);
  EXPECT_EQ(end_of("t@1").attempt(), 2u);
  EXPECT_EQ(end_of("t@2").attempt(), 2u);
  EXPECT_THAT(folders(), testing::Contains("t"));
}

TEST_F(RaceLife, AJudgeChoosesAmongAllWhoseGatesPassed) {
  PlanBuilder plan(repository_);
  plan.task("t", each({commit_line("size.txt", "111"), commit_line("size.txt", "1"), "exit 3"}), {},
            "    race: 3\n"
            "    judge: |\n"
            "      while IFS=\"$(printf '\\t')\" read -r id agent branch folder base head; do\n"
            "        echo \"$(wc -c < \"$folder/size.txt\") $(git diff --name-only \"$base\" \"$head\") $id\"\n"
            "      done | sort -n > ranks.txt; cat ranks.txt >&2; echo thinking; head -n 1 ranks.txt | cut -d' ' -f3; rm ranks.txt\n");
  const auto events = run(plan);
  ASSERT_NE(decision_in(events), nullptr) << end_of("t").reason();
  EXPECT_EQ(decision_in(events)->winner(), "t@2");
  EXPECT_THAT(decision_in(events)->reason(), HasSubstr("judge"));
  EXPECT_EQ(repository_.git({"show", "feature/t:size.txt"}), "1");
  EXPECT_EQ(read_file(daemon_.state() / "runs" / run_ / "t/1/judge.stderr"), "2 size.txt t@2\n4 size.txt t@1\n");
  EXPECT_THAT(folders(), ElementsAre("t"));
}

TEST_F(RaceLife, AJudgeThatNamesNobodyFailsTheTaskAndAllWorkStays) {
  PlanBuilder plan(repository_);
  plan.task("t", each({commit_line("one.txt"), commit_line("two.txt")}), {}, "    race: 2\n    judge: echo neither\n");
  run(plan);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_FAILED);
  EXPECT_THAT(end_of("t").reason(), AllOf(HasSubstr("names none of"), HasSubstr("judge.log")));
  EXPECT_EQ(repository_.git({"show", "feature/t@1:one.txt"}), "x");
  EXPECT_EQ(repository_.git({"show", "feature/t@2:two.txt"}), "x");
}

TEST_F(RaceLife, CancellingTheTaskEndsAllThatRaceForIt) {
  PlanBuilder plan(repository_);
  plan.task("t", "echo up; sleep 1000", {}, "    race: 2\n");
  run_ = execute(daemon_, plan.write());
  watch(daemon_, run_, 0, [](const auto& event) { return event.has_output(); });
  v1::CancelRunRequest request;
  request.set_run_id(run_);
  request.set_task_id("t");
  v1::CancelRunResponse response;
  ASSERT_TRUE(daemon_.runs().CancelRun(patient().get(), request, &response).ok());
  watch(daemon_, run_);
  EXPECT_EQ(get(daemon_, run_).state(), v1::RUN_STATE_CANCELLED);
  for (const auto* id : {"t", "t@1", "t@2"}) EXPECT_EQ(end_of(id).phase(), v1::PHASE_CANCELLED) << id;
  EXPECT_THAT(daemon_.programs(), IsEmpty());
}

TEST_F(RaceLife, WhatFollowsTheRaceIsDoneByTheWinnersAgentInTheTasksWorktree) {
  const auto remote = repository_.add_bare_remote();
  repository_.git({"remote", "set-url", "origin", (repository_.outside() / "gone").string()});
  PlanBuilder plan(repository_);
  plan.task("t", each({"exit 3", commit_line("won.txt")}), {}, "    race: 2\n");
  run(plan, [](auto& request) { request.mutable_overrides()->set_push(true); });
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_FAILED);
  EXPECT_EQ(end_of("t").ended_in(), v1::PHASE_PUSHING);
  EXPECT_EQ(end_of("t").race_winner(), "t@2");

  retry("t", true);
  watch(daemon_, run_);
  EXPECT_EQ(end_of("t").branch(), "feature/t-v2") << "a fresh attempt races anew";
  EXPECT_EQ(end_of("t@1").attempt(), 2u);
  EXPECT_EQ(end_of("t").race_winner(), "t@2");

  repository_.git({"remote", "set-url", "origin", remote.string()});
  retry("t");
  watch(daemon_, run_);
  ASSERT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
  EXPECT_EQ(end_of("t@1").attempt(), 2u) << "the race was decided";
  EXPECT_EQ(repository_.git({"show", "feature/t-v2:won.txt"}), "x");
  EXPECT_EQ(repository_.git({"show", "feature/t-v2:alone.txt"}), "x");
  const auto there = repository_.git({"ls-remote", "--heads", "origin"});
  EXPECT_THAT(there, HasSubstr("refs/heads/feature/t-v2"));
  EXPECT_THAT(there, testing::Not(HasSubstr("@"))) << "of those that raced nothing is pushed";
}

/// The daemon is killed at each of these moments, and the race ends as it would have.
class KilledRace : public RaceLife, public testing::WithParamInterface<const char*> {};

TEST_P(KilledRace, ADaemonThatDiesGoesOnWithTheRaceAndEndsItOnce) {
  const std::string moment = GetParam();
  PlanBuilder plan(repository_);
  plan.task("t", each({"echo up; " + wait_for("never"), "echo up; " + wait_for("go") + "; " + commit_line("won.txt")}), {},
            "    race: 2\n    gates: [test -e won.txt]\n");
  run_ = execute(daemon_, plan.write());
  std::size_t up = 0;
  watch(daemon_, run_, 0, [&](const auto& event) { return (up += event.has_output()) == 2; });
  if (moment != "at work") let("go");
  if (moment == "decided") watch(daemon_, run_, 0, [](const auto& event) { return event.has_race_decided(); });
  if (moment == "passed")
    watch(daemon_, run_, 0, [](const auto& event) { return event.task_id() == "t@2" && event.phase() == v1::PHASE_COMPLETED; });
  daemon_.stop(SIGKILL);
  let("go");
  daemon_.start();
  const auto events = watch(daemon_, run_);
  const auto run = get(daemon_, run_);
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  EXPECT_EQ(std::count_if(events.begin(), events.end(), [](const auto& event) { return event.has_race_decided(); }), 1);
  EXPECT_EQ(end_of("t").race_winner(), "t@2");
  EXPECT_EQ(repository_.git({"show", "feature/t:won.txt"}), "x");
  EXPECT_THAT(folders(), ElementsAre("t"));
  EXPECT_THAT(daemon_.programs(), IsEmpty());
  EXPECT_EQ(repository_.git({"fsck", "--no-dangling"}), "");
}

INSTANTIATE_TEST_SUITE_P(At, KilledRace, testing::Values("at work", "passed", "decided"), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
});

class SandboxedRace : public RaceLife {
 protected:
  SandboxedRace() : RaceLife({"--sandbox", "workspace"}) {}
  void SetUp() override {
    const char* path = std::getenv("PATH");
    if (const auto why = sandbox::probe(path ? path : "/usr/bin:/bin").why_not; !why.empty()) GTEST_SKIP() << why;
  }
};

TEST_F(SandboxedRace, TheJudgeSeesTheCandidatesWorktreesAndCommits) {
  PlanBuilder plan(repository_);
  plan.task("t", each({commit_line("one.txt"), commit_line("two.txt")}), {},
            "    race: 2\n    gates: [git log -1]\n"
            "    judge: |\n"
            "      while IFS=\"$(printf '\\t')\" read -r id agent branch folder base head; do\n"
            "        git cat-file -e \"$head\" && [ -e \"$folder/two.txt\" ] && echo \"$id\" || true\n"
            "      done\n");
  const auto events = run(plan);
  ASSERT_NE(decision_in(events), nullptr) << end_of("t").reason();
  EXPECT_EQ(decision_in(events)->winner(), "t@2");
  EXPECT_EQ(repository_.git({"show", "feature/t:two.txt"}), "x");
  EXPECT_THAT(folders(), ElementsAre("t"));
}

}  // namespace
}  // namespace fanout::test
