// What a subagent does, from its worktree to its report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Lifecycle : public testing::Test {
 protected:
  Lifecycle() { repository_.commit_file("a.txt", "a\n"); }

  v1::Run run(const PlanBuilder& plan) { return run_to_end(daemon_, plan.write()); }

  std::string log(const std::string& run, const std::string& id, const std::string& name) {
    v1::ReadLogRequest request;
    request.set_run_id(run);
    request.set_task_id(id);
    request.set_log(name);
    const auto context = patient();
    auto reader = daemon_.runs().ReadLog(context.get(), request);
    std::string text;
    v1::ReadLogResponse response;
    while (reader->Read(&response)) text += response.data();
    const auto status = reader->Finish();
    return status.ok() ? text : status.error_message();
  }

  GitSandbox repository_;
  Daemon daemon_;
};

TEST_F(Lifecycle, TheReportSaysWhatWasDone) {
  PlanBuilder plan(repository_);
  plan.task("one", commit_line("new.txt") + " && echo changed >> a.txt && echo 'All done.'", {},
            "    gates: [{name: tests, run: 'echo fine; test -f new.txt'}]\n");
  const auto done = run(plan);
  const auto& report = task(done, "one").report();
  EXPECT_EQ(task(done, "one").phase(), v1::PHASE_COMPLETED);
  EXPECT_EQ(report.branch(), "feature/one");
  EXPECT_EQ(report.worktree(), (repository_.root() / "worktrees/one").string());
  ASSERT_EQ(report.commits_size(), 2);
  EXPECT_EQ(report.commits(0).summary(), "feat: new.txt");
  EXPECT_EQ(report.commits(1).summary(), "feat: do one") << "what the agent left, committed by Fanout";
  ASSERT_EQ(report.files_size(), 2);
  EXPECT_EQ(report.files(0).path(), "a.txt");
  EXPECT_EQ(report.files(1).kind(), v1::FileChange::KIND_ADDED);
  ASSERT_EQ(report.gates_size(), 1);
  EXPECT_TRUE(report.gates(0).passed());
  EXPECT_EQ(report.gates(0).output_tail(), "fine\n");
  EXPECT_EQ(report.summary(), "All done.\n");
  EXPECT_THAT(repository_.git({"log", "-1", "--format=%B", "feature/one"}),
              AllOf(HasSubstr("Implements: one"), HasSubstr("Fanout-Run: " + done.id())));
}

TEST_F(Lifecycle, AFailingGateEndsTheTaskAndNothingIsPushed) {
  repository_.add_bare_remote();
  PlanBuilder plan(repository_, "setup: []\nverify: []\npush: true\n");
  plan.task("bad", commit_line("b.txt"), {},
            "    gates: [{name: first, run: 'true'}, {name: tests, run: 'echo broken; exit 4'}, {name: last, run: 'true'}]\n");
  plan.task("good", commit_line("g.txt"));
  const auto done = run(plan);
  const auto& bad = task(done, "bad");
  EXPECT_EQ(bad.ended_in(), v1::PHASE_TESTING);
  EXPECT_THAT(bad.reason(), HasSubstr("gate \"tests\" failed with exit code 4"));
  ASSERT_EQ(bad.gates_size(), 2) << "the gates after it do not run";
  EXPECT_EQ(log(done.id(), "bad", "gate-2-tests.log"), "broken\n");
  EXPECT_EQ(repository_.git({"ls-remote", "origin", "feature/bad"}), "");
  EXPECT_THAT(repository_.git({"ls-remote", "origin", "feature/good"}), HasSubstr("refs/heads/feature/good"));
  EXPECT_EQ(task(done, "good").report().pushed_to(), "origin");
}

TEST_F(Lifecycle, ARemoteThatMovedOnIsRebasedOntoAndTestedAgain) {
  repository_.add_bare_remote();
  const auto gates = (repository_.outside() / "gates").string();
  // The agent itself plays the colleague who pushes to the same branch meanwhile.
  PlanBuilder plan(repository_, "setup: []\nverify: []\npush: true\n");
  plan.task("t", "git clone -q \"$(git remote get-url origin)\" ../../../other && cd ../../../other && git checkout -qb feature/t "
                 + std::string("$(git -C \"$FANOUT_WORKTREE\" rev-parse HEAD) 2>/dev/null || git checkout -q --orphan feature/t; ") +
                 "git fetch -q \"$FANOUT_WORKTREE\" HEAD && git reset -q --hard FETCH_HEAD && echo theirs > theirs.txt && "
                 "git add theirs.txt && git -c user.name=o -c user.email=o@o commit -qm theirs && git push -q origin HEAD:feature/t && "
                 "cd \"$FANOUT_WORKTREE\" && " + commit_line("ours.txt"),
            {}, "    gates: [{name: tests, run: 'echo ran >> " + gates + "'}]\n");
  const auto done = run(plan);
  ASSERT_EQ(task(done, "t").phase(), v1::PHASE_COMPLETED) << task(done, "t").reason() << log(done.id(), "t", "agent.stderr");
  EXPECT_EQ(read_file(gates), "ran\nran\n");
  EXPECT_EQ(repository_.git({"rev-parse", "feature/t"}),
            repository_.git({"ls-remote", "origin", "feature/t"}).substr(0, 40));
  EXPECT_EQ(repository_.git({"show", "feature/t:theirs.txt"}), "theirs");
}

TEST_F(Lifecycle, AnAgentThatChangesNothingFailsUnlessThatIsAllowed) {
  PlanBuilder plan(repository_);
  plan.task("idle", "true").task("allowed", "true", {}, "    allow_empty: true\n");
  const auto done = run(plan);
  EXPECT_EQ(task(done, "idle").phase(), v1::PHASE_FAILED);
  EXPECT_THAT(task(done, "idle").reason(), HasSubstr("the agent changed nothing"));
  EXPECT_EQ(task(done, "allowed").phase(), v1::PHASE_COMPLETED);
}

TEST_F(Lifecycle, ADependentStartsFromTheMergeOfWhatItNeeds) {
  PlanBuilder plan(repository_);
  plan.task("a", commit_line("one.txt")).task("b", commit_line("two.txt"));
  plan.task("c", "test -f one.txt && test -f two.txt && " + commit_line("three.txt"), {"a", "b"});
  plan.task("d", "test -f one.txt && " + commit_line("four.txt"), {"a"});
  const auto done = run(plan);
  ASSERT_EQ(done.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_EQ(repository_.git({"rev-parse", "feature/d~1"}), repository_.git({"rev-parse", "feature/a"}))
      << "one dependency: its tip";
  EXPECT_EQ(repository_.git({"merge-base", "--is-ancestor", "feature/b", "feature/c"}), "");
}

TEST_F(Lifecycle, DependenciesThatConflictBlockTheDependentAndNameTheFiles) {
  PlanBuilder plan(repository_);
  plan.task("a", commit_line("same.txt", "a")).task("b", commit_line("same.txt", "b"));
  plan.task("c", commit_line("c.txt"), {"a", "b"});
  const auto done = run(plan);
  EXPECT_EQ(task(done, "c").phase(), v1::PHASE_BLOCKED);
  EXPECT_THAT(task(done, "c").reason(), AllOf(HasSubstr("does not merge"), HasSubstr("same.txt")));
}

TEST_F(Lifecycle, AFailedDependencyBlocksExactlyItsDependents) {
  PlanBuilder plan(repository_);
  plan.task("a", "exit 1").task("b", commit_line("b.txt"), {"a"}).task("c", commit_line("c.txt"), {"b"});
  plan.task("free", commit_line("f.txt"));
  const auto done = run(plan);
  EXPECT_EQ(task(done, "b").phase(), v1::PHASE_BLOCKED);
  EXPECT_EQ(task(done, "b").reason(), "it needs a, which did not complete");
  EXPECT_EQ(task(done, "c").reason(), "it needs b, which did not complete");
  EXPECT_EQ(task(done, "free").phase(), v1::PHASE_COMPLETED);
}

TEST_F(Lifecycle, ABranchOrFolderThatExistsIsLeftAloneAndTheNextFreeNameTaken) {
  repository_.git({"branch", "feature/t"});
  const auto before = repository_.git({"rev-parse", "feature/t"});
  write_file(repository_.root() / "worktrees/t-v2/mine", "mine");
  PlanBuilder plan(repository_);
  plan.task("t", commit_line("t.txt"));
  const auto id = execute(daemon_, plan.write());
  const auto events = watch(daemon_, id);
  EXPECT_EQ(task(get(daemon_, id), "t").branch(), "feature/t-v3");
  EXPECT_EQ(repository_.git({"rev-parse", "feature/t"}), before);
  EXPECT_EQ(read_file(repository_.root() / "worktrees/t-v2/mine"), "mine");
  EXPECT_TRUE(std::any_of(events.begin(), events.end(), [](const auto& event) {
    return event.has_notice() && event.notice().text().find("left alone") != std::string::npos;
  }));
}

TEST_F(Lifecycle, TheEnvironmentIsPreparedBeforeTheAgentStarts) {
  write_file(repository_.root() / ".env", "SECRET=1\n");
  repository_.commit_file(".gitignore", ".env\n");
  PlanBuilder plan(repository_, "setup: ['echo set > setup.done; echo setting up']\nverify: ['test -f setup.done']\n");
  plan.task("t", "test -f .env && rm setup.done && " + commit_line("t.txt"));
  const auto done = run(plan);
  EXPECT_EQ(task(done, "t").phase(), v1::PHASE_COMPLETED) << task(done, "t").reason();
  EXPECT_EQ(log(done.id(), "t", "setup.log"), "setting up\n");
  EXPECT_EQ(repository_.git({"ls-tree", "--name-only", "feature/t"}), ".gitignore\na.txt\nt.txt");
}

TEST_F(Lifecycle, ACopiedFileThatGitDoesNotIgnoreGetsIntoNobodysCommit) {
  write_file(repository_.root() / ".env", "SECRET=1\n");
  PlanBuilder plan(repository_);
  plan.task("agent-commits", "test -f .env && touch a && git add -A && git commit -qm a");
  plan.task("fanout-commits", "test -f .env && touch b");
  const auto done = run(plan);
  EXPECT_EQ(done.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_EQ(repository_.git({"ls-tree", "--name-only", "feature/agent-commits"}), "a\na.txt");
  EXPECT_EQ(repository_.git({"ls-tree", "--name-only", "feature/fanout-commits"}), "a.txt\nb");
}

TEST_F(Lifecycle, WhatTheDetectedSetupBuiltGetsIntoNobodysCommit) {
  repository_.commit_file("CMakeLists.txt", "cmake_minimum_required(VERSION 3.20)\nproject(sample NONE)\n");
  PlanBuilder plan(repository_, "");
  plan.task("agent-commits", "test -f build/CMakeCache.txt && touch a && git add -A && git commit -qm a");
  plan.task("fanout-commits", "test -f build/CMakeCache.txt && touch b");
  const auto done = run(plan);
  EXPECT_EQ(done.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_EQ(repository_.git({"ls-tree", "--name-only", "feature/agent-commits"}), "CMakeLists.txt\na\na.txt");
  EXPECT_EQ(repository_.git({"ls-tree", "--name-only", "feature/fanout-commits"}), "CMakeLists.txt\na.txt\nb");
}

TEST_F(Lifecycle, ASetupThatFailsEndsTheTaskBeforeAnyAgent) {
  PlanBuilder plan(repository_, "setup: ['exit 9']\nverify: []\n");
  plan.task("t", "touch /nowhere");
  const auto done = run(plan);
  EXPECT_EQ(task(done, "t").ended_in(), v1::PHASE_SETTING_UP);
  EXPECT_THAT(task(done, "t").reason(), HasSubstr("setup command \"exit 9\" ended with exit code 9"));
}

TEST_F(Lifecycle, TheAgentGetsItsPromptAndItsNamesAndNoToken) {
  setenv("GH_TOKEN", "ghp_secret", 1);
  Daemon with_token;
  unsetenv("GH_TOKEN");
  PlanBuilder plan(repository_);
  plan.task("t", "{ cat; echo; env; } > got.txt; cmp -s \"$FANOUT_PROMPT_FILE\" - < \"$FANOUT_PROMPT_FILE\"; git add got.txt; git commit -qm got");
  const auto done = run_to_end(with_token, plan.write());
  ASSERT_EQ(task(done, "t").phase(), v1::PHASE_COMPLETED) << task(done, "t").reason();
  const auto got = repository_.git({"show", "feature/t:got.txt"});
  EXPECT_THAT(got, AllOf(HasSubstr("# do t"), HasSubstr("FANOUT_TASK_ID=t"), HasSubstr("FANOUT_RUN_ID=" + done.id()),
                         HasSubstr("FANOUT_BRANCH=feature/t"), HasSubstr("FANOUT_WORKTREE=")));
  EXPECT_THAT(got, testing::Not(HasSubstr("ghp_secret")));
}

TEST_F(Lifecycle, TheRepositorysOwnPromptTemplateIsUsed) {
  write_file(repository_.root() / ".parallel/templates/subagent-instructions.md", "Task {task.id} on {branch}: {task.description}\n");
  PlanBuilder plan(repository_);
  plan.task("t", "cat > got.txt");
  run(plan);
  EXPECT_EQ(repository_.git({"show", "feature/t:got.txt"}), "Task t on feature/t: do it");
}

TEST_F(Lifecycle, TheStatusLineOfEachTaskFileIsKeptCurrentAndNothingElse) {
  const auto folder = repository_.outside() / "plans";
  const std::string file = "---\nid: {}\nstatus: pending # as planned\npriority: high\n---\n# Title\n\ntext\n";
  std::string tasks;
  for (const std::string id : {"good", "bad", "done"}) {
    auto text = file;
    text.replace(text.find("{}"), 2, id);
    if (id == "done") text.replace(text.find("pending"), 7, "completed");
    write_file(folder / (id + ".md"), text);
    tasks += "  - {id: " + id + ", file: " + id + ".md, priority: high, agent: \"" +
             (id == "good" ? "grep -q in_progress " + (folder / "good.md").string() + " && touch x" : "exit 1") + "\"}\n";
  }
  write_file(folder / "plan.yaml", "repo: " + repository_.root().string() + "\nsetup: []\nverify: []\ntasks:\n" + tasks);
  const auto done = run_to_end(daemon_, folder / "plan.yaml");
  EXPECT_EQ(task(done, "good").phase(), v1::PHASE_COMPLETED) << task(done, "good").reason();
  EXPECT_EQ(task(done, "done").phase(), v1::PHASE_SKIPPED);
  EXPECT_EQ(read_file(folder / "good.md"),
            "---\nid: good\nstatus: completed # as planned\npriority: high\n---\n# Title\n\ntext\n");
  EXPECT_THAT(read_file(folder / "bad.md"), HasSubstr("\nstatus: blocked # as planned\n"));
}

TEST_F(Lifecycle, OutputIsWholeInTheLogAndCleanInTheEvents) {
  PlanBuilder plan(repository_);
  plan.task("t", "printf 'one\\r\\ncaf\\351\\n\\033[31mred\\n'; head -c 20000000 /dev/zero | tr '\\0' x; printf '\\nlast'; touch x");
  const auto id = execute(daemon_, plan.write());
  std::vector<std::string> lines;
  bool truncated = false, partial = false;
  for (const auto& event : watch(daemon_, id)) {
    for (const auto& line : event.output().lines()) {
      lines.push_back(line.text().substr(0, 20));
      truncated = truncated || line.truncated();
      partial = partial || line.partial();
    }
  }
  EXPECT_THAT(lines, ElementsAre("one", "caf\xEF\xBF\xBD", "\x1b[31mred", std::string(20, 'x'), "last"));
  EXPECT_TRUE(truncated && partial);
  EXPECT_EQ(log(id, "t", "agent.stdout").size(), 3u + 2 + 4 + 1 + 8 + 1 + 20'000'000 + 1 + 4);
}

TEST_F(Lifecycle, AnAgentOverItsTimeIsEnded) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\ntimeout: 300ms\n");
  plan.task("t", "sleep 1000");
  const auto done = run(plan);
  EXPECT_EQ(task(done, "t").reason(), "the agent took longer than 0.3s and was ended");
}

TEST_F(Lifecycle, AnAgentThatLeavesItsBranchIsToldOnAndNothingIsChanged) {
  PlanBuilder plan(repository_);
  plan.task("t", "git checkout -q --detach && touch x");
  const auto done = run(plan);
  EXPECT_THAT(task(done, "t").reason(), HasSubstr("the agent left its branch feature/t"));
}

}  // namespace
}  // namespace fanout::test
