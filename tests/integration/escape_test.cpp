// Agents without a sandbox that write where they should not, and those whose commits are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fanout/v1/agents.grpc.pb.h"
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
  v1::ContinueAgentRequest request;
  request.set_run_id(run_);
  request.set_task_id("t");
  v1::ContinueAgentResponse response;
  const auto agents = v1::AgentService::NewStub(daemon_.channel());
  const auto status = agents->ContinueAgent(patient().get(), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  watch(daemon_, run_);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
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
