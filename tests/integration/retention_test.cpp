// What is kept of runs that have ended is bounded; what runs, and agents' work, is not touched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "fanout/v1/work.grpc.pb.h"
#include "server/domain/run/fold.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using testing::HasSubstr;
using testing::SizeIs;

class RetentionOfRuns : public testing::Test {
 protected:
  RetentionOfRuns() { repository_.commit_file("a.txt", "a\n"); }

  void keep(const std::string& retention) {
    write_file(daemon_.config(), "[retention]\n" + retention);
    daemon_.set_options({"--housekeeping-interval", "200ms"});
    daemon_.stop(SIGKILL);  // what runs goes on
    daemon_.start();
  }

  v1::Run wait_until_compacted(const std::string& id) {
    for (int i = 0; i < 1200; ++i) {
      const auto run = get(daemon_, id);
      if (run.compacted_until() > 0) return run;
      usleep(50'000);
    }
    ADD_FAILURE() << id << " is not compacted\n" << daemon_.log();
    return {};
  }

  v1::Run run_one(const std::string& id, const std::string& agent = {}) {
    PlanBuilder plan(repository_);
    plan.task(id, "echo some words; " + (agent.empty() ? commit_line(id + ".txt") : agent));
    return run_to_end(daemon_, plan.write(id));
  }

  fs::path output_of(const v1::Run& run) const {
    return daemon_.state() / "runs" / run.id() / run.subagents(0).task_id() / "1/agent.stdout";
  }

  v1::CleanUpResponse clean(const std::function<void(v1::CleanUpRequest&)>& change) {
    v1::CleanUpRequest request;
    request.set_repository(repository_.root().string());
    change(request);
    v1::CleanUpResponse response;
    const auto status = v1::WorkService::NewStub(daemon_.channel())->CleanUp(patient().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  GitSandbox repository_;
  Daemon daemon_;
};

TEST_F(RetentionOfRuns, AnOldRunIsCompactedToItsOutcomeAndNeverOneUnderWay) {
  const auto go = repository_.outside() / "go";
  PlanBuilder plan(repository_);
  plan.task("busy", "echo up; until [ -e " + go.string() + " ]; do sleep 0.05; done; " + commit_line("busy.txt"));
  const auto busy = execute(daemon_, plan.write());
  const auto before = run_one("old");
  const auto failed = run_one("bad", "exit 3");
  keep("events_age = \"1s\"\n");
  for (const auto& was : {before, failed}) {
    auto now = wait_until_compacted(was.id());
    const auto events = watch(daemon_, was.id());
    ASSERT_THAT(events, SizeIs(1));
    v1::Run folded;
    domain::apply(folded, events[0]);
    EXPECT_EQ(folded.SerializeAsString(), now.SerializeAsString()) << "the log still folds to the state";
    now.clear_compacted_until();
    EXPECT_EQ(now.SerializeAsString(), was.SerializeAsString()) << "the report and all else are there";
    EXPECT_THAT(watch(daemon_, was.id(), was.last_sequence()), SizeIs(0)) << "who had seen all has nothing to see";
  }
  EXPECT_TRUE(fs::exists(output_of(before)));
  EXPECT_EQ(get(daemon_, busy).compacted_until(), 0u);
  write_file(go, "");
  const auto all = watch(daemon_, busy);
  EXPECT_GT(all.size(), 5u);
}

TEST_F(RetentionOfRuns, ACompactedRunCanBeTriedAgain) {
  const auto file = repository_.outside() / "there";
  const auto run = run_one("t", "test -e " + file.string() + " && " + commit_line("t.txt"));
  ASSERT_EQ(run.state(), v1::RUN_STATE_FAILED);
  keep("events_age = \"1s\"\n");
  wait_until_compacted(run.id());
  write_file(file, "");
  v1::RetryRunRequest request;
  request.set_run_id(run.id());
  v1::RetryRunResponse response;
  ASSERT_TRUE(daemon_.runs().RetryRun(patient().get(), request, &response).ok());
  const auto events = watch(daemon_, run.id(), run.last_sequence());
  EXPECT_EQ(events.front().sequence(), run.last_sequence() + 1) << "numbers go on";
  EXPECT_EQ(get(daemon_, run.id()).state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(RetentionOfRuns, WhatProgramsPrintedGoesWhenItIsTooMuchTheOldestFirst) {
  const auto noise = "head -c 3000000 /dev/zero | tr '\\\\0' x; " + commit_line("x.txt");
  const auto first = run_one("first", noise);
  const auto second = run_one("second", noise);
  keep("output_size = \"4MB\"\n");
  for (int i = 0; i < 1200 && fs::exists(output_of(first)); ++i) usleep(50'000);
  EXPECT_FALSE(fs::exists(output_of(first)));
  EXPECT_TRUE(fs::exists(output_of(second)));
  auto now = get(daemon_, first.id());
  EXPECT_EQ(now.SerializeAsString(), first.SerializeAsString());
  EXPECT_FALSE(repository_.git({"for-each-ref", "refs/fanout/snap/" + first.id()}).empty() &&
               repository_.try_git({"rev-parse", "feature/first"}).status != 0) << "work is no business of this";
}

TEST_F(RetentionOfRuns, CleanupTakesTheArchiveOnlyWhenItIsAskedForAndNothingElseIsLeft) {
  const auto run = run_one("t");
  const auto kept = run_one("kept");
  repository_.git({"merge", "-q", "--no-edit", "feature/t"});
  const auto plan = clean([](auto& request) { request.set_archives(true), request.set_dry_run(true); });
  EXPECT_TRUE(fs::exists(output_of(run)));
  clean([](auto&) {});
  EXPECT_TRUE(fs::exists(output_of(run))) << "nobody asked for it";
  const auto done = clean([](auto& request) { request.set_archives(true); });
  EXPECT_FALSE(fs::exists(output_of(run)));
  EXPECT_TRUE(fs::exists(output_of(kept)));
  bool told = false;
  for (const auto& item : done.items()) {
    if (item.archive().empty() || item.run_id() != kept.id()) continue;
    told = true;
    EXPECT_FALSE(item.removed());
    EXPECT_THAT(item.reason(), HasSubstr("still has a worktree"));
  }
  EXPECT_TRUE(told);
  EXPECT_EQ(get(daemon_, run.id()).SerializeAsString(), run.SerializeAsString()) << "the outcome stays";
}

TEST_F(RetentionOfRuns, CleanupForgetsWorktreesOfOursWhoseFolderIsGoneAndNoOthers) {
  run_one("t");
  repository_.git({"worktree", "add", "-q", "-b", "mine", (repository_.outside() / "mine").string()});
  fs::remove_all(repository_.outside() / "mine");
  fs::remove_all(repository_.root() / "worktrees/t");
  const auto plan = clean([](auto& request) { request.set_dry_run(true); });
  ASSERT_THAT(plan.pruned(), SizeIs(1));
  EXPECT_THAT(repository_.git({"worktree", "list"}), HasSubstr("worktrees/t"));
  clean([](auto&) {});
  const auto left = repository_.git({"worktree", "list"});
  EXPECT_THAT(left, testing::Not(HasSubstr("worktrees/t")));
  EXPECT_THAT(left, HasSubstr("mine"));
  EXPECT_EQ(repository_.try_git({"rev-parse", "feature/t"}).status, 0) << "its commit is nowhere else";
}

}  // namespace
}  // namespace fanout::test
