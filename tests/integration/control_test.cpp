// Cancelling, retrying, slots, and watching.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;

bool is_output_of(const v1::Event& event, const std::string& task) {
  return event.task_id() == task && event.has_output();
}

class Control : public testing::Test {
 protected:
  Control() { repository_.commit_file("a.txt", "a\n"); }

  grpc::Status cancel(const std::string& run, const std::string& id = "") {
    v1::CancelRunRequest request;
    request.set_run_id(run);
    request.set_task_id(id);
    v1::CancelRunResponse response;
    return daemon_.runs().CancelRun(patient().get(), request, &response);
  }

  grpc::Status retry(const std::string& run, const std::string& id = "") {
    v1::RetryRunRequest request;
    request.set_run_id(run);
    request.set_task_id(id);
    retried_.Clear();
    return daemon_.runs().RetryRun(patient().get(), request, &retried_);
  }

  GitSandbox repository_;
  Daemon daemon_;
  v1::RetryRunResponse retried_;
};

TEST_F(Control, CancellingOneTaskLeavesTheOthersAlone) {
  PlanBuilder plan(repository_);
  const auto go = (repository_.outside() / "go").string();
  plan.task("long", "echo here; sleep 1000");
  plan.task("other", "until [ -e " + go + " ]; do sleep 0.05; done; " + commit_line("o.txt"));
  const auto id = execute(daemon_, plan.write());
  watch(daemon_, id, 0, [](const auto& event) { return is_output_of(event, "long"); });
  EXPECT_TRUE(cancel(id, "long").ok());
  watch(daemon_, id, 0, [](const auto& event) {
    return event.task_id() == "long" && event.phase() == v1::PHASE_CANCELLED;
  });
  write_file(go, "");
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(task(run, "long").reason(), "cancelled on request");
  EXPECT_EQ(task(run, "other").phase(), v1::PHASE_COMPLETED);
  EXPECT_EQ(cancel(id).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(cancel(id, "nobody").error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(Control, CancellingARunEndsAllThatIsUnderWayOrWaiting) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\nmax_parallel: 1\n");
  // One of the two has the slot, the other waits for it.
  plan.task("a", "echo here; sleep 1000").task("b", "echo here; sleep 1000").task("c", "true", {"a"});
  const auto id = execute(daemon_, plan.write());
  watch(daemon_, id, 0, [](const auto& event) { return event.has_output(); });
  EXPECT_TRUE(cancel(id).ok());
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_CANCELLED);
  for (const auto& agent : run.subagents()) EXPECT_EQ(agent.phase(), v1::PHASE_CANCELLED) << agent.task_id();
}

TEST_F(Control, ARetryGoesOnInTheSameWorktreeAndFreesWhatWasBlocked) {
  PlanBuilder plan(repository_);
  plan.task("a", "echo try >> tries; git add tries; git commit -qm try; [ $(wc -l < tries) = 2 ]");
  plan.task("b", commit_line("b.txt"), {"a"}).task("fine", commit_line("f.txt"));
  const auto id = execute(daemon_, plan.write());
  watch(daemon_, id);
  ASSERT_EQ(task(get(daemon_, id), "b").phase(), v1::PHASE_BLOCKED);
  ASSERT_TRUE(retry(id).ok());
  EXPECT_THAT(retried_.task_ids(), testing::ElementsAre("a", "b"));
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_EQ(task(run, "a").attempt(), 2u);
  EXPECT_EQ(task(run, "a").branch(), "feature/a");
  EXPECT_EQ(task(run, "fine").attempt(), 1u);
  EXPECT_EQ(retry(id).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(Control, ATaskCanBeRetriedWhileOthersStillRun) {
  PlanBuilder plan(repository_);
  const auto go = (repository_.outside() / "go").string();
  plan.task("a", "echo try >> tries; git add tries; git commit -qm try; [ $(wc -l < tries) = 2 ]");
  plan.task("long", "until [ -e " + go + " ]; do sleep 0.05; done; " + commit_line("l.txt"));
  const auto id = execute(daemon_, plan.write());
  watch(daemon_, id, 0, [](const auto& e) { return e.task_id() == "a" && e.phase() == v1::PHASE_FAILED; });
  ASSERT_TRUE(retry(id, "a").ok());
  watch(daemon_, id, 0, [](const auto& e) { return e.task_id() == "a" && e.phase() == v1::PHASE_COMPLETED; });
  EXPECT_EQ(task(get(daemon_, id), "long").phase(), v1::PHASE_IMPLEMENTING);
  write_file(go, "");
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(Control, SlotsGoToTheMostUrgentWhileSetupOfTheOthersGoesOn) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\nmax_parallel: 1\n");
  const auto go = (repository_.outside() / "go").string();
  const auto order = (repository_.outside() / "order").string();
  const auto began = (repository_.outside() / "began").string();
  plan.task("first", "touch " + began + "; until [ -e " + go + " ]; do sleep 0.05; done; touch x", {}, "    priority: blocker\n");
  for (const std::string priority : {"low", "high", "medium"}) {
    plan.task(priority, "echo " + priority + " >> " + order + "; touch x", {},
              "    priority: " + priority + "\n    setup: ['until [ -e " + began + " ]; do sleep 0.05; done']\n");
  }
  const auto id = execute(daemon_, plan.write());
  // All others are set up, and wait for the one slot, while the first agent runs.
  std::set<std::string> waiting;
  watch(daemon_, id, 0, [&](const auto& event) {
    if (event.has_waiting()) waiting.insert(event.task_id());
    return waiting.size() == 3;
  });
  write_file(go, "");
  watch(daemon_, id);
  EXPECT_EQ(read_file(order), "high\nmedium\nlow\n");
}

TEST_F(Control, WatchersResumeAnywhereWithoutGapOrRepeat) {
  PlanBuilder plan(repository_);
  plan.task("t", "seq 1 3000; touch x");
  const auto id = execute(daemon_, plan.write());
  const auto live = watch(daemon_, id);
  for (std::size_t i = 0; i < live.size(); ++i) ASSERT_EQ(live[i].sequence(), i + 1);
  for (const std::uint64_t after : {std::uint64_t{1}, live.size() / 2, live.size() - 1, live.size()}) {
    const auto rest = watch(daemon_, id, after);
    ASSERT_EQ(rest.size(), live.size() - after);
    for (std::size_t i = 0; i < rest.size(); ++i) {
      ASSERT_EQ(rest[i].SerializeAsString(), live[after + i].SerializeAsString());
    }
  }
}

TEST_F(Control, AClientThatNeverReadsDelaysNobody) {
  PlanBuilder plan(repository_);
  const auto go = (repository_.outside() / "go").string();
  plan.task("t", "until [ -e " + go + " ]; do sleep 0.05; done; seq 1 200000; touch x");
  const auto id = execute(daemon_, plan.write());
  v1::WatchRunRequest request;
  request.set_run_id(id);
  const auto context = patient();
  auto stuck = daemon_.runs().WatchRun(context.get(), request);
  v1::WatchRunResponse response;
  ASSERT_TRUE(stuck->Read(&response));
  write_file(go, "");
  std::size_t lines = 0;
  for (const auto& event : watch(daemon_, id)) lines += static_cast<std::size_t>(event.output().lines_size());
  EXPECT_EQ(lines, 200'000u);
  // And once it reads, it has missed nothing.
  std::uint64_t last = response.events(response.events_size() - 1).sequence();
  while (stuck->Read(&response)) {
    for (const auto& event : response.events()) ASSERT_EQ(event.sequence(), ++last);
  }
  EXPECT_TRUE(stuck->Finish().ok());
  EXPECT_EQ(last, get(daemon_, id).last_sequence());
}

TEST_F(Control, TheSameRequestStartsOneRun) {
  PlanBuilder plan(repository_);
  plan.task("t", commit_line("t.txt"));
  const auto file = plan.write();
  const auto with_id = [](v1::ExecutePlanRequest& request) { request.set_request_id("r-1"); };
  const auto first = execute(daemon_, file, with_id);
  EXPECT_EQ(execute(daemon_, file, with_id), first);
  watch(daemon_, first);
  EXPECT_EQ(execute(daemon_, file, with_id), first);
}

TEST_F(Control, RunsAreFoundByTheBeginningOfTheirId) {
  PlanBuilder plan(repository_);
  plan.task("t", commit_line("t.txt"));
  const auto id = execute(daemon_, plan.write("alpha"));
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, "alph").id(), id);
  EXPECT_EQ(get(daemon_, "").id(), id);
  EXPECT_THROW(get(daemon_, "beta"), std::runtime_error);
  const auto other = execute(daemon_, plan.write("alpha"));
  watch(daemon_, other);
  try {
    get(daemon_, "alph");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(std::string(error.what()), HasSubstr("several runs begin with \"alph\""));
  }
}

TEST_F(Control, ALogIsFollowedToTheEndOfTheTask) {
  PlanBuilder plan(repository_);
  const auto go = (repository_.outside() / "go").string();
  plan.task("t", "echo one; until [ -e " + go + " ]; do sleep 0.05; done; echo two; touch x");
  const auto id = execute(daemon_, plan.write());
  watch(daemon_, id, 0, [](const auto& event) { return event.has_output(); });
  v1::ReadLogRequest request;
  request.set_run_id(id);
  request.set_task_id("t");
  request.set_follow(true);
  const auto context = patient();
  auto reader = daemon_.runs().ReadLog(context.get(), request);
  v1::ReadLogResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.data(), "one\n");
  write_file(go, "");
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.data(), "two\n");
  EXPECT_EQ(response.offset(), 4u);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
}

}  // namespace
}  // namespace fanout::test
