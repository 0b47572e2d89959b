// What agents leave is never lost: snapshots, undo, cleanup.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fanout/v1/work.grpc.pb.h"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;

class Work : public testing::Test {
 protected:
  Work() { repository_.commit_file("a.txt", "a\n"); }

  std::vector<v1::Snapshot> snapshots(const std::string& run, const std::string& task) {
    v1::ListSnapshotsRequest request;
    request.set_run_id(run);
    request.set_task_id(task);
    v1::ListSnapshotsResponse response;
    const auto status = work()->ListSnapshots(patient().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return {response.snapshots().begin(), response.snapshots().end()};
  }

  grpc::Status restore(const std::string& run, const std::string& task, unsigned number, v1::RestoreSnapshotResponse& response) {
    v1::RestoreSnapshotRequest request;
    request.set_run_id(run);
    request.set_task_id(task);
    request.set_number(number);
    return work()->RestoreSnapshot(patient().get(), request, &response);
  }

  std::map<std::string, v1::CleanUpResponse::Item> clean(const std::string& run, const std::function<void(v1::CleanUpRequest&)>& change = {}) {
    v1::CleanUpRequest request;
    request.set_run_id(run);
    if (change) change(request);
    v1::CleanUpResponse response;
    const auto status = work()->CleanUp(patient().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::map<std::string, v1::CleanUpResponse::Item> items;
    for (const auto& item : response.items()) items[item.task_id()] = item;
    return items;
  }

  std::unique_ptr<v1::WorkService::Stub> work() { return v1::WorkService::NewStub(daemon_.channel()); }
  bool exists(const std::string& path) const { return std::filesystem::exists(repository_.root() / path); }

  GitSandbox repository_;
  Daemon daemon_;
};

TEST_F(Work, WhatAFailedAgentLeftUncommittedIsASnapshot) {
  PlanBuilder plan(repository_);
  plan.task("t", "echo half > half.txt; mkdir d; echo more > d/more.txt; exit 3");
  const auto run = run_to_end(daemon_, plan.write());
  const auto taken = snapshots(run.id(), "t");
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(repository_.git({"show", taken[0].commit() + ":half.txt"}), "half");
  EXPECT_EQ(repository_.git({"show", "refs/fanout/snap/" + run.id() + "/t/1:d/more.txt"}), "more");
  EXPECT_THAT(taken[0].reason(), HasSubstr("agent has ended"));
}

TEST_F(Work, ACancelledAgentsWorkIsASnapshotToo) {
  PlanBuilder plan(repository_);
  plan.task("t", "echo half > half.txt; echo up; sleep 1000");
  const auto id = execute(daemon_, plan.write());
  watch(daemon_, id, 0, [](const auto& event) { return event.has_output(); });
  v1::CancelRunRequest request;
  request.set_run_id(id);
  v1::CancelRunResponse response;
  ASSERT_TRUE(daemon_.runs().CancelRun(patient().get(), request, &response).ok());
  watch(daemon_, id);
  const auto taken = snapshots(id, "t");
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(repository_.git({"show", taken[0].commit() + ":half.txt"}), "half");
}

TEST_F(Work, AnAgentWhoseTimeIsOverHasASnapshotFromBeforeItWasEnded) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\ntimeout: 6s\n");
  plan.task("t", "trap 'rm -f half.txt; exit 1' TERM; echo half > half.txt; echo up; sleep 1000 & wait");
  const auto run = run_to_end(daemon_, plan.write());
  EXPECT_EQ(task(run, "t").phase(), v1::PHASE_FAILED);
  const auto taken = snapshots(run.id(), "t");
  ASSERT_FALSE(taken.empty());
  EXPECT_EQ(repository_.git({"show", taken[0].commit() + ":half.txt"}), "half");
}

TEST_F(Work, UndoGoesBackAndCanItselfBeUndone) {
  PlanBuilder plan(repository_);
  plan.task("t", "echo agent > t.txt");
  const auto run = run_to_end(daemon_, plan.write());
  const std::filesystem::path file = std::filesystem::path(task(run, "t").worktree()) / "t.txt";
  write_file(file, "mine, and wrong\n");
  v1::RestoreSnapshotResponse response;
  auto status = restore(run.id(), "t", 0, response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(read_file(file), "agent\n");
  EXPECT_EQ(repository_.git({"show", "refs/fanout/snap/" + run.id() + "/t/" + std::to_string(snapshots(run.id(), "t").back().number()) + ":t.txt"}),
            "mine, and wrong");
  status = restore(run.id(), "t", snapshots(run.id(), "t").back().number(), response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(read_file(file), "mine, and wrong\n");
}

TEST_F(Work, ATaskUnderWayIsNotTouched) {
  PlanBuilder plan(repository_);
  plan.task("t", "echo up; sleep 1000");
  const auto id = execute(daemon_, plan.write());
  watch(daemon_, id, 0, [](const auto& event) { return event.has_output(); });
  v1::RestoreSnapshotResponse response;
  const auto status = restore(id, "t", 1, response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("under way"));
  EXPECT_TRUE(clean(id, [](auto& request) { request.set_force(true); }).empty());
}

TEST_F(Work, CleanupRemovesWhatIsMergedOrSquashedAndKeepsTheRestWithItsReason) {
  PlanBuilder plan(repository_);
  plan.task("merged", commit_line("merged.txt"));
  plan.task("squashed", commit_line("one.txt") + "; " + commit_line("two.txt"));
  plan.task("open", commit_line("open.txt"));
  plan.task("dirty", commit_line("dirty.txt"));
  const auto run = run_to_end(daemon_, plan.write());
  repository_.git({"merge", "-q", "--no-edit", "feature/merged"});
  repository_.git({"merge", "-q", "--squash", "feature/squashed"});
  repository_.git({"commit", "-qm", "squashed"});
  repository_.git({"merge", "-q", "--no-edit", "feature/dirty"});
  repository_.git({"-C", "worktrees/merged", "merge", "-q", "--ff-only", "main"});
  write_file(repository_.root() / "worktrees/dirty/new.txt", "not committed\n");

  const auto planned = clean(run.id(), [](auto& request) { request.set_dry_run(true); });
  EXPECT_TRUE(planned.at("merged").removed()) << planned.at("merged").reason();
  EXPECT_TRUE(exists("worktrees/merged")) << "a dry run changes nothing";

  const auto done = clean(run.id());
  EXPECT_TRUE(done.at("merged").removed());
  EXPECT_TRUE(done.at("squashed").removed()) << done.at("squashed").reason();
  EXPECT_FALSE(done.at("open").removed());
  EXPECT_FALSE(done.at("open").reason().empty());
  EXPECT_FALSE(done.at("dirty").removed());
  EXPECT_FALSE(exists("worktrees/merged"));
  EXPECT_FALSE(exists("worktrees/squashed"));
  EXPECT_TRUE(exists("worktrees/open/open.txt"));
  EXPECT_TRUE(exists("worktrees/dirty/new.txt"));
  EXPECT_EQ(repository_.git({"branch", "--list", "feature/merged", "feature/squashed"}), "");
  EXPECT_THAT(repository_.git({"worktree", "list"}), testing::Not(HasSubstr("merged")));
  EXPECT_EQ(clean(run.id()).count("merged"), 0u) << "again: there is nothing left of it";
  const auto last = snapshots(run.id(), "merged").back();
  EXPECT_EQ(last.reason(), "before it was cleaned up") << "somebody had changed it since its agent's end";
  EXPECT_EQ(repository_.git({"show", last.commit() + ":one.txt"}), "x");
}

TEST_F(Work, ForceRemovesTheRestAfterASnapshotOfIt) {
  PlanBuilder plan(repository_);
  plan.task("t", commit_line("t.txt"));
  const auto run = run_to_end(daemon_, plan.write());
  write_file(repository_.root() / "worktrees/t/new.txt", "precious\n");
  const auto items = clean(run.id(), [](auto& request) { request.set_force(true); });
  EXPECT_TRUE(items.at("t").removed()) << items.at("t").reason();
  EXPECT_FALSE(exists("worktrees/t"));
  const auto last = snapshots(run.id(), "t").back();
  EXPECT_EQ(repository_.git({"show", last.commit() + ":new.txt"}), "precious");
  EXPECT_EQ(repository_.git({"show", last.commit() + ":t.txt"}), "x");
}

TEST_F(Work, AWorktreeThatSomebodyElsePutThereIsNotTouched) {
  PlanBuilder plan(repository_);
  plan.task("t", commit_line("t.txt"));
  const auto run = run_to_end(daemon_, plan.write());
  repository_.git({"merge", "-q", "--no-edit", "feature/t"});
  repository_.git({"worktree", "remove", "--force", "worktrees/t"});
  repository_.git({"worktree", "add", "-q", "worktrees/t", "feature/t"});
  const auto items = clean(run.id(), [](auto& request) { request.set_force(true); });
  EXPECT_FALSE(items.at("t").removed());
  EXPECT_THAT(items.at("t").reason(), HasSubstr("not the one that Fanout made"));
  EXPECT_TRUE(exists("worktrees/t/t.txt"));
}

TEST_F(Work, ARetryAfterCleanupBeginsAnew) {
  PlanBuilder plan(repository_);
  plan.task("t", "test -e ../../go || exit 1; " + commit_line("t.txt"));
  const auto run = run_to_end(daemon_, plan.write());
  ASSERT_TRUE(clean(run.id(), [](auto& request) { request.set_force(true); }).at("t").removed());
  write_file(repository_.root() / "go", "");
  v1::RetryRunRequest request;
  request.set_run_id(run.id());
  v1::RetryRunResponse response;
  ASSERT_TRUE(daemon_.runs().RetryRun(patient().get(), request, &response).ok());
  watch(daemon_, run.id());
  EXPECT_EQ(get(daemon_, run.id()).state(), v1::RUN_STATE_COMPLETED) << get(daemon_, run.id()).DebugString();
}

}  // namespace
}  // namespace fanout::test
