// Agents without a sandbox that write where they should not, and those whose commits are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fanout/v1/agents.grpc.pb.h"
#include "fanout/v1/merging.grpc.pb.h"
#include "fanout/v1/work.grpc.pb.h"
#include "server/sandbox/probe.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Escape = v1::EscapeNoticed;

class Escapes : public testing::Test {
 protected:
  Escapes() { repository_.commit_file("a.txt", "a\n"); }

  std::vector<v1::Event> run(const PlanBuilder& plan) {
    run_ = execute(daemon_, plan.write());
    return watch(daemon_, run_);
  }
  v1::Subagent end_of(const std::string& id) { return task(get(daemon_, run_), id); }
  std::string root() const { return repository_.root().string(); }
  std::string worktree(const std::string& id) const { return root() + "/worktrees/" + id; }
  void let_go_on(const std::string& id) {
    v1::ContinueAgentRequest request;
    request.set_run_id(run_);
    request.set_task_id(id);
    v1::ContinueAgentResponse response;
    const auto agents = v1::AgentService::NewStub(daemon_.channel());
    const auto status = agents->ContinueAgent(patient().get(), request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  /// By the second snapshot from now on its agent was looked after.
  void await_a_look(const std::string& id) {
    int snapshots = 0;
    const auto is_second = [&](const v1::Event& event) { return event.task_id() == id && event.has_snapshot_taken() && ++snapshots == 2; };
    watch(daemon_, run_, get(daemon_, run_).last_sequence(), is_second);
  }

  GitSandbox repository_;
  Daemon daemon_{"20ms", {}, {"--sandbox", "off", "--snapshot-interval", "1"}};
  std::string run_;
};

std::vector<Escape> escapes_in(const std::vector<v1::Event>& events, Escape::Kind kind) {
  std::vector<Escape> found;
  for (const auto& event : events) {
    if (event.escape_noticed().kind() == kind && event.has_escape_noticed()) found.push_back(event.escape_noticed());
  }
  return found;
}

TEST_F(Escapes, WhatChangesInTheMainCheckoutIsToldByItsName) {
  PlanBuilder plan(repository_);
  plan.task("t", "echo x >> " + root() + "/a.txt; echo x > " + root() + "/new.txt; git -C " + root() + " tag evil; git -C " + root() + " branch -f backup; " + commit_line("x.txt"));
  const auto events = run(plan);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
  const auto files = escapes_in(events, Escape::KIND_CHECKOUT), references = escapes_in(events, Escape::KIND_REFERENCES);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_THAT(files[0].changes(), ElementsAre("a.txt", "new.txt"));
  EXPECT_EQ(files[0].folder(), root());
  EXPECT_FALSE(files[0].frozen());
  ASSERT_EQ(references.size(), 1u);
  EXPECT_THAT(references[0].changes(), ElementsAre("refs/heads/backup", "refs/tags/evil"));
  EXPECT_THAT(end_of("t").escapes(), Contains(HasSubstr("the main checkout changed while its agent was at work without a sandbox")));
}

TEST_F(Escapes, WorkInItsOwnWorktreeIsNoEscapeNorIsWhatFanoutDoes) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\n");
  plan.task("first", commit_line("one.txt") + "; git config branch.feature/first.remote origin");
  plan.task("second", "true; " + commit_line("two.txt")).task("third", commit_line("three.txt"), {"first"});
  const auto events = run(plan);
  for (const auto* id : {"first", "second", "third"}) EXPECT_EQ(end_of(id).phase(), v1::PHASE_COMPLETED) << id << end_of(id).reason();
  for (const auto& event : events) EXPECT_FALSE(event.has_escape_noticed()) << event.ShortDebugString();
}

TEST_F(Escapes, WhatGitWouldRunIsPutAway) {
  write_file(repository_.root() / ".git/hooks/pre-push", "#!/bin/sh\nexit 0\n");
  const auto config = read_file(repository_.root() / ".git/config");
  const auto pwned = (repository_.outside() / "pwned").string();
  PlanBuilder plan(repository_);
  plan.task("t", "git config core.fsmonitor 'touch " + pwned + "; false'; printf '#!/bin/sh\\ntouch " + pwned + "\\n' > " + root() + "/.git/hooks/post-checkout; chmod +x " + root() +
                     "/.git/hooks/post-checkout; rm " + root() + "/.git/hooks/pre-push; git -c core.fsmonitor=false commit -q --allow-empty -m x; rm -f " + pwned);
  const auto events = run(plan);
  const auto found = escapes_in(events, Escape::KIND_GIT_SETTINGS);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].changes(), ElementsAre("config", "hooks/post-checkout", "hooks/pre-push"));
  EXPECT_EQ(read_file(repository_.root() / ".git/config"), config);
  EXPECT_EQ(read_file(repository_.root() / ".git/hooks/pre-push"), "#!/bin/sh\nexit 0\n");
  EXPECT_FALSE(std::filesystem::exists(repository_.root() / ".git/hooks/post-checkout"));
  const std::filesystem::path quarantine = found[0].quarantine();
  EXPECT_THAT(read_file(quarantine / "config"), HasSubstr("fsmonitor"));
  EXPECT_THAT(read_file(quarantine / "hooks/post-checkout"), HasSubstr("touch"));
  repository_.git({"status"});
  repository_.git({"checkout", "-q", "-b", "after"});
  EXPECT_FALSE(std::filesystem::exists(pwned));
}

TEST_F(Escapes, OneThatIsToBeFrozenStandsStillUntilItIsLetGoOn) {
  PlanBuilder plan(repository_);
  plan.task("t", "echo x >> " + root() + "/a.txt; while [ ! -e go ]; do sleep 0.05; done; rm go; " + commit_line("x.txt"), {}, "    escape: freeze\n");
  run_ = execute(daemon_, plan.write());
  const auto events = watch(daemon_, run_, 0, [](const v1::Event& event) { return event.has_escape_noticed(); });
  ASSERT_TRUE(events.back().has_escape_noticed());
  EXPECT_TRUE(events.back().escape_noticed().frozen());
  EXPECT_TRUE(end_of("t").paused());
  write_file(repository_.root() / "worktrees/t/go", "");
  let_go_on("t");
  watch(daemon_, run_);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
}

TEST_F(Escapes, AFileThatToolsObeyIsSeenThoughItIsIgnored) {
  repository_.commit_file(".gitignore", ".env\nnode_modules\n");
  write_file(repository_.root() / ".env", "KEY=1\n");
  PlanBuilder plan(repository_);
  plan.task("t", "echo KEY=2 > " + root() + "/.env; mkdir " + root() + "/node_modules; echo x > " + root() + "/node_modules/x; " + commit_line("x.txt"));
  const auto files = escapes_in(run(plan), Escape::KIND_CHECKOUT);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_THAT(files[0].changes(), ElementsAre(".env"));
}

TEST_F(Escapes, WhatChangesInAWorktreeThatNobodyIsAtWorkInIsToldByItsName) {
  const auto mine = (repository_.outside() / "mine").string();
  repository_.git({"worktree", "add", "-q", "-b", "mine", mine});
  PlanBuilder plan(repository_);
  plan.task("files", commit_line("f.txt")).task("branch", commit_line("b.txt")).task("gone", commit_line("g.txt")).task("left", commit_line("l.txt"));
  plan.task("t", "echo evil >> " + worktree("files") + "/f.txt; echo evil > " + worktree("files") + "/new.txt; git branch -qf feature/other; " +
                     "git update-ref refs/heads/feature/branch HEAD~1; rm -rf " + worktree("gone") + "; echo evil > " + mine + "/a.txt; " + commit_line("x.txt"),
            {"files", "branch", "gone", "left"});
  const auto events = run(plan);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
  std::map<std::string, std::vector<std::string>> changed;
  for (const auto& found : escapes_in(events, Escape::KIND_WORKTREE)) changed[found.folder()].assign(found.changes().begin(), found.changes().end());
  EXPECT_EQ(changed.size(), 4u);
  EXPECT_THAT(changed[worktree("files")], ElementsAre("f.txt", "new.txt"));
  EXPECT_THAT(changed[worktree("branch")], ElementsAre("HEAD"));
  EXPECT_THAT(changed[worktree("gone")], ElementsAre("."));
  EXPECT_THAT(changed[mine], ElementsAre("a.txt"));
  EXPECT_THAT(end_of("t").escapes(), Contains(HasSubstr("another worktree changed while its agent was at work without a sandbox")));
}

TEST_F(Escapes, OneThatWritesWhereAnAgentIsStillToBeginIsNoticed) {
  const auto go = (repository_.outside() / "go").string();
  const auto writes_to = [&](const std::string& other) { return "until [ -e " + worktree(other) + "/a.txt ]; do sleep 0.05; done; while [ ! -e " + go + " ]; do echo x >> " + worktree(other) + "/evil.txt; sleep 0.05; done; " + commit_line("x.txt"); };
  PlanBuilder plan(repository_, "setup: []\nverify: []\nmax_parallel: 1\n");
  plan.task("one", writes_to("other")).task("other", writes_to("one"));
  run_ = execute(daemon_, plan.write());
  const auto events = watch(daemon_, run_, 0, [](const v1::Event& event) { return event.has_escape_noticed(); });
  write_file(go, "");
  const auto& found = events.back();
  ASSERT_TRUE(found.has_escape_noticed());
  EXPECT_EQ(found.escape_noticed().kind(), Escape::KIND_WORKTREE);
  EXPECT_EQ(found.escape_noticed().folder(), worktree(found.task_id() == "one" ? "other" : "one"));
  EXPECT_THAT(found.escape_noticed().changes(), ElementsAre("evil.txt"));
  watch(daemon_, run_);
}

TEST_F(Escapes, OneThatWritesToAnotherWorktreeIsFrozenWhereThatIsWanted) {
  PlanBuilder plan(repository_);
  plan.task("first", commit_line("f.txt"));
  plan.task("t", "echo evil >> " + worktree("first") + "/f.txt; while [ ! -e go ]; do sleep 0.05; done; rm go; " + commit_line("x.txt"), {"first"}, "    escape: freeze\n");
  run_ = execute(daemon_, plan.write());
  const auto events = watch(daemon_, run_, 0, [](const v1::Event& event) { return event.has_escape_noticed(); });
  ASSERT_TRUE(events.back().has_escape_noticed());
  EXPECT_EQ(events.back().escape_noticed().kind(), Escape::KIND_WORKTREE);
  EXPECT_TRUE(events.back().escape_noticed().frozen());
  EXPECT_TRUE(end_of("t").paused());
  write_file(worktree("t") + "/go", "");
  let_go_on("t");
  watch(daemon_, run_);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
}

TEST_F(Escapes, AFileThatItHasOpenInAnothersWorktreeIsToldWithTheProcess) {
  const auto go = (repository_.outside() / "go").string();
  const auto waits = "while [ ! -e " + go + " ]; do sleep 0.05; done; ";
  PlanBuilder plan(repository_);
  plan.task("busy", waits + commit_line("x.txt"));
  plan.task("t", "until [ -e " + worktree("busy") + "/a.txt ]; do sleep 0.05; done; exec 7>> " + worktree("busy") + "/evil.txt; exec 8< " + root() + "/a.txt; " + waits + commit_line("x.txt"));
  run_ = execute(daemon_, plan.write());
  const auto events = watch(daemon_, run_, 0, [](const v1::Event& event) { return event.has_escape_noticed(); });
  write_file(go, "");
  const auto& found = events.back();
  ASSERT_TRUE(found.has_escape_noticed());
  EXPECT_EQ(found.task_id(), "t");
  EXPECT_EQ(found.escape_noticed().folder(), worktree("busy"));
  EXPECT_EQ(found.escape_noticed().kind(), Escape::KIND_WORKTREE);
  EXPECT_THAT(found.escape_noticed().changes(), ElementsAre(testing::MatchesRegex("evil.txt, which process [0-9]+ \\(sh\\) of its agent has open for writing")));
  EXPECT_EQ(escapes_in(watch(daemon_, run_), Escape::KIND_WORKTREE).size(), 1u);
}

/// One agent is at work all the time, and is looked after each second.
TEST_F(Escapes, WhatFanoutDoesInOtherWorktreesIsNoEscape) {
  const auto go = (repository_.outside() / "go").string(), flaky = (repository_.outside() / "flaky").string();
  PlanBuilder plan(repository_, "setup:\n  - echo built > built.txt\nverify:\n  - test -e built.txt\n");
  plan.task("watched", "while [ ! -e " + go + " ]; do date +%N >> mine.txt; sleep 0.2; done; " + commit_line("x.txt"));
  plan.task("first", commit_line("first.txt"), {}, "    gates:\n      - {name: writes, run: 'sleep 1.2; echo x > gate.txt'}\n");
  plan.task("second", "sleep 1.2; " + commit_line("second.txt"), {"first"});
  plan.task("flaky", "echo x >> try.txt; " + commit_line("flaky.txt") + "; test -e " + flaky + " || { touch " + flaky + "; exit 3; }", {}, "    retries: 2\n");
  plan.task("again", commit_line("again.txt") + "; exit 3");
  run_ = execute(daemon_, plan.write());
  std::set<std::string> ended;
  const auto all_have = [&](const v1::Event& event) {
    if (event.phase_changed().to() == v1::PHASE_COMPLETED || event.phase_changed().to() == v1::PHASE_FAILED) ended.insert(event.task_id());
    return ended.size() == 4;
  };
  watch(daemon_, run_, 0, all_have);
  for (const auto* id : {"first", "second", "flaky"}) EXPECT_EQ(end_of(id).phase(), v1::PHASE_COMPLETED) << id << end_of(id).reason();
  await_a_look("watched");
  const auto work = v1::WorkService::NewStub(daemon_.channel());
  v1::RestoreSnapshotRequest undo;
  undo.set_run_id(run_);
  undo.set_task_id("flaky");
  undo.set_number(1);
  v1::RestoreSnapshotResponse undone;
  auto status = work->RestoreSnapshot(patient().get(), undo, &undone);
  EXPECT_TRUE(status.ok()) << status.error_message();
  v1::RetryRunRequest retry;
  retry.set_run_id(run_);
  retry.set_task_id("again");
  v1::RetryRunResponse retried;
  status = daemon_.runs().RetryRun(patient().get(), retry, &retried);
  EXPECT_TRUE(status.ok()) << status.error_message();
  await_a_look("watched");
  v1::MergeRequest merge;
  merge.set_run_id(run_);
  merge.add_task_ids("first");
  const auto context = patient();
  const auto merging = v1::MergingService::NewStub(daemon_.channel())->Merge(context.get(), merge);
  bool landed = false;
  for (v1::MergeResponse step; merging->Read(&step);) landed = landed || step.has_landed();
  status = merging->Finish();
  EXPECT_TRUE(status.ok() && landed) << status.error_message();
  await_a_look("watched");
  v1::CleanUpRequest clean;
  clean.set_run_id(run_);
  clean.set_force(true);
  v1::CleanUpResponse cleaned;
  status = work->CleanUp(patient().get(), clean, &cleaned);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(std::filesystem::exists(worktree("first")));
  await_a_look("watched");
  write_file(go, "");
  for (const auto& event : watch(daemon_, run_)) EXPECT_FALSE(event.has_escape_noticed()) << event.ShortDebugString();
  EXPECT_EQ(end_of("watched").phase(), v1::PHASE_COMPLETED) << end_of("watched").reason();
}

TEST_F(Escapes, OfAFailedAgentWhoseCommitsAreRefusedTheUserIsTold) {
  const char* path = std::getenv("PATH");
  if (const auto why = sandbox::probe(path ? path : "/usr/bin:/bin").why_not; !why.empty()) GTEST_SKIP() << why;
  PlanBuilder plan(repository_);
  const std::string boxed = "    sandbox: workspace\n";
  plan.task("orphan", "git checkout -q --orphan x && git commit -qm alone && git branch -f feature/orphan x && git checkout -q feature/orphan; exit 3", {}, boxed);
  plan.task("objects", commit_line("f.txt") + "; rm -rf " + root() + "/.git/objects; exit 3", {}, boxed);
  plan.task("fine", commit_line("f.txt") + "; exit 3", {}, boxed);
  const auto events = run(plan);
  std::map<std::string, std::vector<v1::CommitsRefused>> refused;
  for (const auto& event : events) {
    if (event.has_commits_refused()) refused[event.task_id()].push_back(event.commits_refused());
  }
  for (const auto* id : {"orphan", "objects", "fine"}) EXPECT_THAT(end_of(id).reason(), HasSubstr("exit code 3")) << id;
  ASSERT_EQ(refused["orphan"].size(), 1u);
  EXPECT_THAT(refused["orphan"][0].reason(), HasSubstr("does not hold"));
  EXPECT_EQ(repository_.git({"log", "-1", "--format=%s", refused["orphan"][0].kept_as()}), "alone");
  EXPECT_EQ(repository_.git({"rev-parse", refused["orphan"][0].kept_as()}), refused["orphan"][0].head_commit());
  ASSERT_EQ(refused["objects"].size(), 1u);
  EXPECT_THAT(refused["objects"][0].reason(), HasSubstr("cannot be read"));
  EXPECT_EQ(refused["objects"][0].kept_as(), "");
  EXPECT_THAT(refused["fine"], IsEmpty());
  EXPECT_EQ(repository_.git({"show", "feature/fine:f.txt"}), "x");
}

}  // namespace
}  // namespace fanout::test
