// Runs whose GitHub, network or daemon fails in the middle.
#include <atomic>
#include <csignal>
#include <fstream>
#include <set>

#include "fanout/v1/admission.grpc.pb.h"
#include "tests/integration/tracker_fixture.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class TrackerFaults : public OnGithub {
 protected:
  /// Until nothing is left to do; its pauses after trouble are longer than the patience here.
  v1::Run sync_all(const std::string& run) {
    v1::SyncRunRequest request;
    request.set_run_id(run);
    v1::SyncRunResponse response;
    do {
      const auto status = daemon_.runs().SyncRun(patient().get(), request, &response);
      if (!status.ok()) throw std::runtime_error(status.error_message());
    } while (response.pending() > 0);
    return get(daemon_, run);
  }

  std::filesystem::path go() const { return repository_.outside() / "go"; }
  /// An agent that works once it may.
  std::string waiting_agent(const std::string& id) const {
    return "while [ ! -e " + go().string() + " ]; do sleep 0.05; done; " + commit_line(id + ".txt");
  }

  void expect_that_the_queue_says_so(const std::string& run);

  void expect_one_of_each(const v1::Run& run) {
    EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
    EXPECT_EQ(run.tracker_pending(), 0u);
    std::vector<std::string> expected, titles;
    for (const auto& issue : server_.issues()) titles.push_back(issue.title);
    for (const auto& agent : run.subagents()) expected.push_back("do " + agent.task_id());
    EXPECT_THAT(titles, testing::UnorderedElementsAreArray(expected));
    for (const auto& issue : server_.issues()) EXPECT_THAT(issue.comments, SizeIs(1)) << issue.title;
    std::set<std::string> branches;
    for (const auto& pull : server_.pulls()) branches.insert(pull.head);
    EXPECT_EQ(server_.pulls().size(), expected.size());
    EXPECT_EQ(branches.size(), expected.size());
    for (const auto& agent : run.subagents()) {
      EXPECT_THAT(agent.tracker_faults(), IsEmpty());
      EXPECT_NE(agent.issue().number(), 0u);
      EXPECT_NE(agent.pull_request().number(), 0u);
    }
    EXPECT_THAT(server_.violations(), IsEmpty());
  }
};

/// Whoever asks what waits just now sees the tracker too.
void TrackerFaults::expect_that_the_queue_says_so(const std::string& run) {
  const auto admission = v1::AdmissionService::NewStub(daemon_.channel());
  v1::GetAdmissionResponse overview;
  ASSERT_TRUE(admission->GetAdmission(patient().get(), {}, &overview).ok());
  ASSERT_EQ(overview.queue_size(), 1);
  EXPECT_EQ(overview.queue(0).kind(), v1::WAIT_KIND_TRACKER);
  EXPECT_EQ(overview.queue(0).run_id(), run);
  v1::ExplainTaskRequest request;
  request.set_run_id(run);
  request.set_task_id("last");
  v1::ExplainTaskResponse answer;
  ASSERT_TRUE(admission->ExplainTask(patient().get(), request, &answer).ok());
  EXPECT_THAT(answer.reasons().rbegin()->text(), HasSubstr("cannot connect"));
}

class KilledAt : public TrackerFaults, public testing::WithParamInterface<const char*> {};

/// The server has done its work, the daemon dies, and the connection with it, before any answer.
TEST_P(KilledAt, TheSameInstantAsTheConnectionNothingIsMadeTwice) {
  std::atomic<bool> happened = false;
  auto fault = lost("POST", GetParam(), true);
  fault.then = [&happened, pid = daemon_.pid()] {
    ::kill(pid, SIGKILL);
    happened = true;
    happened.notify_all();
  };
  server_.fail(fault);
  const auto id = execute(daemon_, plan().task("a", commit_line("a.txt")).task("b", commit_line("b.txt")).write());
  happened.wait(false);
  daemon_.stop(SIGKILL);
  daemon_.start();
  watch(daemon_, id);
  expect_one_of_each(sync_all(id));
}

INSTANTIATE_TEST_SUITE_P(Each, KilledAt, testing::Values("/repos/octo/hello/issues", "/comments", "/pulls"),
                         [](const auto& each) {
                           const std::string path = each.param;
                           return path.substr(path.rfind('/') + 1);
                         });

TEST_F(TrackerFaults, ANetworkThatIsGoneInMidRunFailsNothingAndIsCaughtUpWith) {
  const auto last = repository_.outside() / "last";
  auto all = plan();
  all.task("a", waiting_agent("a")).task("b", waiting_agent("b"));
  all.task("last", "while [ ! -e " + last.string() + " ]; do sleep 0.05; done; " + commit_line("last.txt"));
  const auto id = execute(daemon_, all.write());
  std::set<std::string> issues, ended, opened;
  watch(daemon_, id, 0, [&](const v1::Event& event) {
    if (event.has_issue_opened()) issues.insert(event.task_id());
    return issues.size() == 3;
  });
  server_.go_offline();
  write_file(go(), "");
  bool told = false;
  watch(daemon_, id, 0, [&](const v1::Event& event) {
    if (event.has_phase_changed() && event.phase_changed().to() == v1::PHASE_COMPLETED) ended.insert(event.task_id());
    told = told || event.tracker_waiting().reason().find("cannot connect") != std::string::npos;
    return told && ended.size() == 2;
  });
  EXPECT_THAT(server_.pulls(), IsEmpty());
  expect_that_the_queue_says_so(id);
  server_.come_back();
  watch(daemon_, id, 0, [&](const v1::Event& event) {
    if (event.has_pull_request_opened()) opened.insert(event.task_id());
    return opened.size() == 2;
  });
  write_file(last, "");
  watch(daemon_, id);
  expect_one_of_each(sync_all(id));
}

TEST_F(TrackerFaults, WithoutANetworkTheResultsAreCompleteAndALaterDaemonFinishesTheRest) {
  server_.go_offline();
  const auto run = run_to_end(daemon_, plan().task("a", commit_line("a.txt")).task("b", commit_line("b.txt"), {"a"}).write());
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  for (const auto* branch : {"feature/a", "feature/b"}) {
    EXPECT_EQ(repository_.git({"rev-parse", branch}), git_in(pushes_, {"rev-parse", branch}));
  }
  EXPECT_GT(run.tracker_pending(), 0u);
  EXPECT_THAT(run.tracker_waiting(), HasSubstr("cannot connect"));
  daemon_.stop(SIGTERM);
  server_.come_back();
  daemon_.start();
  expect_one_of_each(sync_all(run.id()));
}

TEST_F(TrackerFaults, ATokenThatIsRevokedInMidRunIsSaidOnceAndHoldsUpNoAgent) {
  const auto id = execute(daemon_, plan().task("a", waiting_agent("a")).task("b", waiting_agent("b")).write());
  std::set<std::string> issues;
  watch(daemon_, id, 0, [&](const v1::Event& event) {
    if (event.has_issue_opened()) issues.insert(event.task_id());
    return issues.size() == 2;
  });
  const auto token = server_.token();
  server_.with([](World& world) { world.token = "ghp_another"; });
  write_file(go(), "");
  const auto events = watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_GT(run.tracker_pending(), 0u);
  EXPECT_THAT(run.tracker_waiting(), HasSubstr("refused the token"));
  const auto says_so = [](const v1::Event& event) {
    return event.notice().text().find("does not accept the token") != std::string::npos;
  };
  EXPECT_EQ(std::count_if(events.begin(), events.end(), says_so), 1);
  server_.with([&](World& world) { world.token = token; });
  expect_one_of_each(sync_all(id));
}

TEST_F(TrackerFaults, WhatIsRefusedForGoodIsSaidAtItsTaskAndTouchesNothingElse) {
  server_.fail(answered("POST", "/pulls", refusal(422, "Validation Failed", {field_error("PullRequest", "base", "invalid")})));
  server_.fail(answered("POST", "/comments", refusal(403, "Unable to create comment because issue is locked.")));
  const auto run = run_to_end(daemon_, plan().task("a", commit_line("a.txt")).write());
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_THAT(server_.issues(), SizeIs(1));
  const auto faults = task(run, "a").tracker_faults();
  const std::vector<std::string> said(faults.begin(), faults.end());
  EXPECT_THAT(said, Contains(AllOf(HasSubstr("branch main"), HasSubstr("is not on GitHub"))));
  EXPECT_THAT(daemon_.log(), Not(HasSubstr(server_.token())));
}

/// At the beginning of each of its files; what is written there is no database any more.
void spoil(const std::filesystem::path& file) {
  for (const char* part : {"", "-wal"}) {
    std::fstream bytes(file.string() + part, std::ios::binary | std::ios::in | std::ios::out);
    if (bytes) bytes << std::string(8192, '\xa5');
  }
}

TEST_F(TrackerFaults, ADamagedOutboxAndADamagedLogMakeNothingTwice) {
  daemon_.stop(SIGTERM);
  daemon_.set_options({"--tracker-looks", "50ms,150ms,400ms"});
  daemon_.start();
  const auto id = execute(daemon_, plan().task("a", waiting_agent("a")).task("b", commit_line("b.txt")).write());
  std::set<std::string> made;
  watch(daemon_, id, 0, [&](const v1::Event& event) {
    if (event.has_issue_opened()) made.insert("issue of " + event.task_id());
    if (event.has_pull_request_opened()) made.insert("pull request of " + event.task_id());
    return made.size() == 3;  // b has both, a its issue
  });
  daemon_.stop(SIGKILL);
  for (const char* name : {"outbox.db", "fanout.db"}) spoil(daemon_.state() / name);
  daemon_.start();
  write_file(go(), "");
  watch(daemon_, id);
  expect_one_of_each(sync_all(id));
  EXPECT_THAT(daemon_.log(), AllOf(HasSubstr("outbox was damaged"), HasSubstr("event log was damaged")));
}

TEST_F(TrackerFaults, ALostOutboxAloneIsMadeGoodByTheRunsEvents) {
  const auto id = execute(daemon_, plan().task("a", waiting_agent("a")).write());
  watch(daemon_, id, 0, [](const v1::Event& event) { return event.has_issue_opened(); });
  daemon_.stop(SIGKILL);
  for (const char* part : {"", "-wal", "-shm"}) std::filesystem::remove((daemon_.state() / "outbox.db").string() + part);
  daemon_.start();
  write_file(go(), "");
  watch(daemon_, id);
  expect_one_of_each(sync_all(id));
}

TEST_F(TrackerFaults, AServerThatFailsNowAndThenIsNotNoticedInTheEnd) {
  const HttpAnswer unicorn{502, {{"Content-Type", "text/html"}}, "<html>Unicorn!</html>"};
  server_.fail(answered("GET", "/repos/octo/hello", unicorn));
  server_.fail(answered("GET", "/labels", {500, {}, ""}));
  server_.fail(answered("POST", "/repos/octo/hello/issues", unicorn, true));
  server_.fail(lost("POST", "/comments", true, Mishap::truncate));
  server_.fail(lost("POST", "/pulls", true, Mishap::close));
  server_.fail(answered("PATCH", "/issues/comments/", {503, {}, "<html>"}));
  const auto id = execute(daemon_, plan().task("a", commit_line("a.txt")).write());
  watch(daemon_, id);
  expect_one_of_each(sync_all(id));
}

}  // namespace
}  // namespace fanout::test
