// After the run: looking at branches, merging them, and what hinders it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "fanout/v1/merging.grpc.pb.h"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

std::vector<std::string> strings(const google::protobuf::RepeatedPtrField<std::string>& field) { return {field.begin(), field.end()}; }

class Merging : public testing::Test {
 protected:
  Merging() { base_ = repository_.commit_file("shared.txt", "one\ntwo\nthree\n"); }

  std::unique_ptr<v1::MergingService::Stub> merging() { return v1::MergingService::NewStub(daemon_.channel()); }

  /// All steps of a train, which may end in an error.
  std::vector<v1::MergeResponse> merge(const std::string& run, const std::function<void(v1::MergeRequest&)>& change = {}) {
    v1::MergeRequest request;
    request.set_run_id(run);
    if (change) change(request);
    const auto context = patient();
    const auto reader = merging()->Merge(context.get(), request);
    std::vector<v1::MergeResponse> steps;
    for (v1::MergeResponse step; reader->Read(&step);) steps.push_back(step);
    status_ = reader->Finish();
    return steps;
  }

  v1::ReviewRunResponse review(const std::string& run) {
    v1::ReviewRunRequest request;
    request.set_run_id(run);
    v1::ReviewRunResponse response;
    status_ = merging()->ReviewRun(patient().get(), request, &response);
    EXPECT_TRUE(status_.ok()) << status_.error_message();
    return response;
  }

  std::map<std::string, v1::BranchState> states(const std::string& run) {
    std::map<std::string, v1::BranchState> all;
    const auto answer = review(run);
    for (const auto& state : answer.tasks()) all[state.task_id()] = state;
    return all;
  }

  static std::map<std::string, v1::MergeLeftOut> left_out(const std::vector<v1::MergeResponse>& steps) {
    std::map<std::string, v1::MergeLeftOut> all;
    for (const auto& step : steps) {
      if (step.has_left_out()) all[step.left_out().task_id()] = step.left_out();
    }
    return all;
  }

  std::string tip(const std::string& ref = "main") { return repository_.git({"rev-parse", ref}); }
  std::string show(const std::string& what) { return repository_.git({"show", what}); }
  bool exists(const std::string& path) { return std::filesystem::exists(repository_.root() / path); }
  void expect_nothing_left() {
    EXPECT_THAT(repository_.git({"worktree", "list"}), Not(HasSubstr("merge-train")));
    EXPECT_THAT(repository_.git({"branch", "--list", "*merge-train*"}), "");
    EXPECT_FALSE(exists("worktrees/merge-train"));
  }

  GitSandbox repository_;
  std::string base_;
  Daemon daemon_;
  grpc::Status status_;
};

/// Four tasks: one lands, one fails its gate only in the merged result, one conflicts with what is there, and one is
/// built upon the first.
TEST_F(Merging, ATrainLandsWhatPassesAndLeavesOutConflictAndCulprit) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\ngates: [{name: quiet, run: '! test -e bad.txt || ! test -e good.txt'}]\n");
  plan.task("good", commit_line("good.txt"), {}, "    priority: blocker\n");
  plan.task("above", commit_line("above.txt"), {"good"});
  plan.task("culprit", commit_line("bad.txt"));
  plan.task("clash", "printf 'one\\nclash\\nthree\\n' > shared.txt && git commit -qam clash");
  const auto run = run_to_end(daemon_, plan.write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  const auto before = repository_.commit_file("shared.txt", "one\nmine\nthree\n");

  const auto steps = merge(run.id());
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_THAT(strings(steps.front().planned().task_ids()), ElementsAre("good", "above", "culprit", "clash"));
  EXPECT_THAT(strings(steps.front().planned().gates()), ElementsAre("quiet"));
  const auto& end = steps.back().ended();
  EXPECT_THAT(strings(end.landed()), ElementsAre("good", "above"));
  EXPECT_THAT(strings(end.left_out()), UnorderedElementsAre("culprit", "clash"));
  const auto out = left_out(steps);
  EXPECT_EQ(out.at("culprit").cause(), v1::MergeLeftOut::CAUSE_GATE);
  EXPECT_THAT(out.at("culprit").reason(), HasSubstr("\"quiet\" fails with exit code 1"));
  EXPECT_EQ(out.at("clash").cause(), v1::MergeLeftOut::CAUSE_CONFLICT);
  EXPECT_EQ(out.at("clash").conflicts_with(), "main");
  ASSERT_EQ(out.at("clash").conflicts_size(), 1);
  EXPECT_EQ(out.at("clash").conflicts(0).path(), "shared.txt");
  EXPECT_EQ(out.at("clash").conflicts(0).hunks(0).theirs(), "clash\n");

  EXPECT_EQ(tip(), end.commit());
  EXPECT_EQ(repository_.git({"merge-base", "main", before}), before) << "what was there stays";
  EXPECT_EQ(repository_.git({"status", "--porcelain"}), "") << "the main checkout went along";
  EXPECT_TRUE(exists("good.txt"));
  EXPECT_TRUE(exists("above.txt"));
  EXPECT_FALSE(exists("bad.txt"));
  expect_nothing_left();
}

TEST_F(Merging, AllAtOnceIsTriedOnceAndMovesTheBranchOnce) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\ngates: [{name: count, run: echo tried >> $COUNT}]\nenv: {COUNT: " +
                                    (repository_.outside() / "count").string() + "}\n");
  for (const std::string id : {"a", "b", "c"}) plan.task(id, commit_line(id + ".txt"));
  const auto run = run_to_end(daemon_, plan.write());
  const auto gates_before = lines_of(read_file(repository_.outside() / "count")).size();
  const auto steps = merge(run.id(), [](auto& request) { request.set_method(v1::MERGE_METHOD_SQUASH); });
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_EQ(lines_of(read_file(repository_.outside() / "count")).size(), gates_before + 1) << "one gate of the same kind, run once";
  EXPECT_EQ(std::count_if(steps.begin(), steps.end(), [](const auto& step) { return step.has_landed(); }), 1);
  EXPECT_EQ(repository_.git({"log", "--format=%s", base_ + "..main"}), "do c\ndo b\ndo a");
  EXPECT_THAT(repository_.git({"log", "-1", "--format=%b"}), AllOf(HasSubstr("* feat: c.txt"), HasSubstr("Fanout-Run: " + run.id())));
  for (const auto& [id, state] : states(run.id())) EXPECT_EQ(state.readiness(), v1::BranchState::READINESS_MERGED) << id;
  const auto again = merge(run.id());
  EXPECT_THAT(strings(again.front().planned().merged_before()), UnorderedElementsAre("a", "b", "c"));
  EXPECT_TRUE(again.front().planned().task_ids().empty());
}

TEST_F(Merging, AnotherBranchMovesWithoutTouchingAnyFile) {
  PlanBuilder plan(repository_);
  plan.task("a", commit_line("one.txt") + "; " + commit_line("shared.txt", "theirs"));
  const auto run = run_to_end(daemon_, plan.write());
  repository_.git({"branch", "release"});
  write_file(repository_.root() / "shared.txt", "my change\n");
  merge(run.id());
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status_.error_message(), AllOf(HasSubstr("uncommitted"), HasSubstr("--into")));
  const auto steps = merge(run.id(), [](auto& request) {
    request.set_into("release");
    request.set_method(v1::MERGE_METHOD_REBASE);
  });
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_EQ(repository_.git({"log", "--format=%s", "main..release"}), "feat: shared.txt\nfeat: one.txt");
  EXPECT_EQ(tip("main"), base_);
  EXPECT_EQ(read_file(repository_.root() / "shared.txt"), "my change\n");
}

/// A run keeps the status lines of its task files current, which are changes of the main checkout.
TEST_F(Merging, TheStatusLinesThatTheRunWroteAreNoHindrance) {
  repository_.commit_file("plans/a.md", "---\nid: a\nstatus: pending\n---\n# Objective\nMake it.\n");
  const auto plan = repository_.root() / "plans/plan.yaml";
  repository_.commit_file("plans/plan.yaml", "metadata: {name: p}\nsetup: []\nverify: []\ntasks:\n  - {id: a, name: a, file: a.md}\n");
  const auto run = run_to_end(daemon_, plan, [](auto& request) {
    request.mutable_overrides()->set_agent("sh -c 'echo a > a.txt'");
  });
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  ASSERT_EQ(repository_.git({"status", "--porcelain"}), " M plans/a.md");
  merge(run.id());
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_EQ(read_file(repository_.root() / "a.txt"), "a\n");
  EXPECT_EQ(repository_.git({"status", "--porcelain"}), " M plans/a.md");
  EXPECT_THAT(read_file(repository_.root() / "plans/a.md"), HasSubstr("status: completed"));
}

TEST_F(Merging, ADryRunTellsOrderAndConflictsAndChangesNothing) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\ngates: [{name: never, run: 'test ! -e worktrees && true'}]\n");
  plan.task("a", "echo a > same.txt");
  plan.task("b", "echo b > same.txt");
  const auto run = run_to_end(daemon_, plan.write());
  const auto steps = merge(run.id(), [](auto& request) { request.set_dry_run(true); });
  EXPECT_THAT(strings(steps.back().ended().landed()), ElementsAre("a"));
  EXPECT_EQ(left_out(steps).at("b").conflicts_with(), "a");
  EXPECT_EQ(tip(), base_);
}

TEST_F(Merging, WhatIsAskedForMustHaveCompletedAndBeThere) {
  PlanBuilder plan(repository_);
  plan.task("ok", commit_line("ok.txt"));
  plan.task("bad", "exit 3");
  const auto run = run_to_end(daemon_, plan.write());
  merge(run.id(), [](auto& request) { request.add_task_ids("bad"); });
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  merge(run.id(), [](auto& request) { request.add_task_ids("okk"); });
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::NOT_FOUND);
  merge(run.id(), [](auto& request) { request.set_into("nowhere"); });
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(tip(), base_);
}

TEST_F(Merging, AReviewTellsWhereEveryBranchStands) {
  repository_.add_bare_remote();
  PlanBuilder plan(repository_, "setup: []\nverify: []\npush: true\n");
  plan.task("ready", commit_line("ready.txt"));
  plan.task("clash", "printf 'one\\nclash\\nthree\\n' > shared.txt && git commit -qam clash");
  plan.task("failed", "echo half > half.txt; exit 3");
  const auto run = run_to_end(daemon_, plan.write());
  repository_.commit_file("shared.txt", "one\nmine\nthree\n");
  write_file(repository_.root() / "worktrees/ready/extra.txt", "not committed\n");
  auto all = states(run.id());
  EXPECT_EQ(all["ready"].readiness(), v1::BranchState::READINESS_READY) << all["ready"].reason();
  EXPECT_EQ(all["ready"].commit_count(), 1u);
  EXPECT_EQ(all["ready"].push(), v1::BranchState::PUSH_STATE_PUSHED);
  EXPECT_EQ(all["ready"].files(0).path(), "ready.txt");
  EXPECT_EQ(all["ready"].added(), 1u);
  ASSERT_EQ(all["ready"].uncommitted_count(), 1u);
  EXPECT_EQ(all["ready"].uncommitted(0).path(), "extra.txt");
  EXPECT_EQ(all["clash"].readiness(), v1::BranchState::READINESS_CONFLICT);
  EXPECT_THAT(all["clash"].reason(), AllOf(HasSubstr("main"), HasSubstr("shared.txt")));
  EXPECT_EQ(all["failed"].readiness(), v1::BranchState::READINESS_NOT_READY);
  EXPECT_EQ(all["failed"].reason(), "it failed");
}

TEST_F(Merging, CollisionsAndDifferencesShowWhileAgentsAreAtWork) {
  PlanBuilder plan(repository_);
  const auto go = (repository_.outside() / "go").string();
  const auto wait = "; echo up; until [ -e " + go + " ]; do sleep 0.05; done";
  plan.task("a", "printf 'one\\na\\nthree\\n' > shared.txt" + wait);
  plan.task("b", "printf 'one\\nb\\nthree\\n' > shared.txt" + wait);
  plan.task("c", "echo c > c.txt" + wait);
  const auto id = execute(daemon_, plan.write());
  std::set<std::string> up;
  watch(daemon_, id, 0, [&](const auto& event) {
    if (event.has_output()) up.insert(event.task_id());
    return up.size() == 3;
  });
  v1::ListCollisionsRequest request;
  request.set_run_id(id);
  v1::ListCollisionsResponse found;
  ASSERT_TRUE(merging()->ListCollisions(patient().get(), request, &found).ok());
  EXPECT_THAT(strings(found.compared()), ElementsAre("a", "b", "c"));
  ASSERT_EQ(found.collisions_size(), 1) << found.DebugString();
  EXPECT_EQ(found.collisions(0).first(), "a");
  EXPECT_EQ(found.collisions(0).second(), "b");
  EXPECT_EQ(found.collisions(0).files(0).hunks(0).ours(), "a\n");

  v1::DiffTaskRequest asked;
  asked.set_run_id(id);
  asked.set_task_id("c");
  const auto context = patient();
  const auto reader = merging()->DiffTask(context.get(), asked);
  std::string patch;
  v1::DiffTaskResponse::Header header;
  for (v1::DiffTaskResponse part; reader->Read(&part);) {
    if (part.has_header()) header = part.header();
    patch += part.patch();
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_TRUE(header.uncommitted());
  EXPECT_THAT(patch, AllOf(HasSubstr("+++ b/c.txt"), HasSubstr("+c\n")));
  write_file(go, "");
  watch(daemon_, id);
}

/// The agent finds the conflict in its prompt, merges the branch, and the work lands.
TEST_F(Merging, AnAgentSolvesTheConflictThatItIsGiven) {
  PlanBuilder plan(repository_);
  plan.task("t",
            "if [ \"$(git rev-list --count HEAD)\" -gt 1 ]; then grep -q 'shared.txt' $FANOUT_PROMPT_FILE && "
            "git merge -q $(grep -oE 'git merge [0-9a-f]{40}' $FANOUT_PROMPT_FILE | cut -d' ' -f3); "
            "printf 'one\\nboth\\nthree\\n' > shared.txt; git commit -qam solved; else "
            "printf 'one\\nagent\\nthree\\n' > shared.txt; git commit -qam agent; fi");
  const auto run = run_to_end(daemon_, plan.write());
  v1::SolveConflictRequest request;
  request.set_run_id(run.id());
  request.set_task_id("t");
  v1::SolveConflictResponse response;
  EXPECT_EQ(merging()->SolveConflict(patient().get(), request, &response).error_code(), grpc::StatusCode::FAILED_PRECONDITION)
      << "there is nothing to solve yet";
  repository_.commit_file("shared.txt", "one\nmine\nthree\n");
  const auto status = merging()->SolveConflict(patient().get(), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.conflicts(0).path(), "shared.txt");
  watch(daemon_, run.id(), run.last_sequence());
  const auto after = get(daemon_, run.id());
  ASSERT_EQ(after.state(), v1::RUN_STATE_COMPLETED) << after.DebugString();
  EXPECT_EQ(task(after, "t").attempt(), 2u);
  const auto steps = merge(run.id());
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_THAT(strings(steps.back().ended().landed()), ElementsAre("t"));
  EXPECT_EQ(read_file(repository_.root() / "shared.txt"), "one\nboth\nthree\n");
}

TEST_F(Merging, AnAgentThatLeavesTheConflictHasNotDoneWhatItWasAskedFor) {
  PlanBuilder plan(repository_);
  plan.task("t", "printf 'one\\nagent\\nthree\\n' > shared.txt; git commit -qam agent; echo more >> more.txt");
  const auto run = run_to_end(daemon_, plan.write());
  repository_.commit_file("shared.txt", "one\nmine\nthree\n");
  v1::SolveConflictRequest request;
  request.set_run_id(run.id());
  request.set_task_id("t");
  v1::SolveConflictResponse response;
  ASSERT_TRUE(merging()->SolveConflict(patient().get(), request, &response).ok());
  watch(daemon_, run.id(), run.last_sequence());
  const auto after = get(daemon_, run.id());
  EXPECT_EQ(task(after, "t").phase(), v1::PHASE_FAILED);
  EXPECT_EQ(task(after, "t").reason(), "the agent has not solved the conflict in shared.txt");
}

TEST_F(Merging, AClientThatGoesAwayEndsTheTrainAndNothingIsLeft) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\ngates: [{name: slow, run: 'case $FANOUT_WORKTREE in *merge-train*) sleep 1000;; esac'}]\n");
  plan.task("a", commit_line("a.txt"));
  const auto run = run_to_end(daemon_, plan.write());
  v1::MergeRequest request;
  request.set_run_id(run.id());
  const auto context = patient();
  const auto reader = merging()->Merge(context.get(), request);
  v1::MergeResponse step;
  while (reader->Read(&step) && !step.has_command()) {
  }
  const auto second = merge(run.id());
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  context->TryCancel();
  reader->Finish();
  // It is free again once all is cleared away.
  do {
    merge(run.id(), [](auto& request) { request.set_dry_run(true); });
  } while (status_.error_code() == grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(tip(), base_);
  expect_nothing_left();
  EXPECT_TRUE(daemon_.programs().empty());
}

TEST_F(Merging, WhatADaemonThatWasKilledLeftIsClearedAwayByTheNext) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\ngates: [{name: slow, run: 'case $FANOUT_WORKTREE in *merge-train*) sleep 1000;; esac'}]\n");
  plan.task("a", commit_line("a.txt"));
  const auto run = run_to_end(daemon_, plan.write());
  v1::MergeRequest request;
  request.set_run_id(run.id());
  const auto context = patient();
  const auto reader = merging()->Merge(context.get(), request);
  v1::MergeResponse step;
  while (reader->Read(&step) && !step.has_command()) {
  }
  EXPECT_TRUE(exists("worktrees/merge-train/a.txt"));
  daemon_.stop(SIGKILL);
  reader->Finish();
  daemon_.start();
  do {
    merge(run.id(), [](auto& request) { request.set_dry_run(true); });
  } while (status_.error_code() == grpc::StatusCode::ALREADY_EXISTS);
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_EQ(tip(), base_);
  expect_nothing_left();
  EXPECT_TRUE(daemon_.programs().empty());
}

TEST_F(Merging, ATargetThatMovesWhileGatesRunIsCaughtUpWith) {
  const auto repository = repository_.root().string();
  PlanBuilder plan(repository_, "setup: []\nverify: []\ngates: [{name: moves, run: 'case $FANOUT_WORKTREE in *merge-train*) test -e " +
                                    (repository_.outside() / "moved").string() + " || { touch " + (repository_.outside() / "moved").string() +
                                    "; git -C " + repository + " commit -q --allow-empty -m meanwhile; };; esac'}]\n");
  plan.task("a", commit_line("a.txt"));
  const auto run = run_to_end(daemon_, plan.write());
  const auto steps = merge(run.id());
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_THAT(strings(steps.back().ended().landed()), ElementsAre("a"));
  EXPECT_EQ(steps.back().ended().tries(), 2u);
  EXPECT_EQ(repository_.git({"log", "-1", "--format=%s", "main^1"}), "meanwhile");
  EXPECT_EQ(repository_.git({"status", "--porcelain"}), "");
}

}  // namespace
}  // namespace fanout::test
