// What may start, with a real daemon: slots, memory, gates and disks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fanout/v1/admission.grpc.pb.h"
#include "fanout/v1/doctor.grpc.pb.h"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using testing::HasSubstr;

class AdmissionTest : public testing::Test {
 protected:
  AdmissionTest() {
    set_memory("60000000");
    repository_.commit_file("a.txt", "a\n");
  }

  void set_memory(const std::string& available_kib) {
    write_file(memory_ / "meminfo", "MemTotal: 64000000 kB\nMemAvailable: " + available_kib + " kB\n");
  }
  void configure(const std::string& admission) { write_file(daemon_.config(), "[admission]\n" + admission); }

  std::string go() const { return (repository_.outside() / "go").string(); }
  /// A shell line that goes on once release() was called.
  std::string until_released() const { return "until [ -e " + go() + " ]; do sleep 0.05; done; "; }
  void release() { write_file(go(), ""); }

  v1::Event wait_for(const std::string& run, v1::WaitKind kind) {
    const auto events = watch(daemon_, run, 0, [&](const auto& event) { return is_wait(event, kind); });
    EXPECT_TRUE(is_wait(events.back(), kind)) << "the run has ended without it";
    return events.back();
  }
  static bool is_wait(const v1::Event& event, v1::WaitKind kind) {
    return event.has_waiting() && event.waiting().kind() == kind;
  }

  v1::ExplainTaskResponse why(const std::string& run, const std::string& task) {
    v1::ExplainTaskRequest request;
    request.set_run_id(run);
    request.set_task_id(task);
    v1::ExplainTaskResponse response;
    const auto status = v1::AdmissionService::NewStub(daemon_.channel())->ExplainTask(patient().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  TempDir memory_;
  GitSandbox repository_;
  Daemon daemon_{"20ms", {}, {"--memory-info", memory_.path().string()}};
};

TEST_F(AdmissionTest, WithOneTestSlotTheGatesOfTwoTasksNeverOverlap) {
  configure("tests = 1\n");
  const auto taken = (repository_.outside() / "taken").string();
  const auto gate = "    gates: [\"mkdir " + taken + " || exit 9; " + until_released() + "rmdir " + taken + "\"]\n";
  PlanBuilder plan(repository_);
  plan.task("a", commit_line("x.txt"), {}, gate).task("b", commit_line("y.txt"), {}, gate);
  const auto run = execute(daemon_, plan.write());
  const auto waiting = wait_for(run, v1::WAIT_KIND_TEST_SLOT);
  EXPECT_EQ(waiting.phase(), v1::PHASE_TESTING);
  const auto explained = why(run, waiting.task_id());
  EXPECT_EQ(explained.summary(), "It waits for a test slot.");
  ASSERT_EQ(explained.reasons_size(), 1);
  EXPECT_THAT(explained.reasons(0).text(), HasSubstr("it is next in the queue"));
  EXPECT_THAT(explained.reasons(0).release(), HasSubstr("the end of a gate"));
  EXPECT_TRUE(explained.reasons(0).has_since());
  release();
  watch(daemon_, run);
  const auto end = get(daemon_, run);
  EXPECT_EQ(end.state(), v1::RUN_STATE_COMPLETED) << task(end, "a").reason() << task(end, "b").reason();
  EXPECT_EQ(task(end, waiting.task_id()).waiting_for(), "");
}

TEST_F(AdmissionTest, ARunThatWouldNotLeaveTheFreeSpaceIsQueuedAndBeginsWhenTheSettingChanges) {
  configure("disk_reserve = \"900TiB\"\n");
  PlanBuilder plan(repository_);
  plan.task("a", commit_line("x.txt"));
  const auto run = execute(daemon_, plan.write());
  const auto waiting = wait_for(run, v1::WAIT_KIND_DISK);
  EXPECT_EQ(waiting.task_id(), "");
  const auto queued = get(daemon_, run);
  EXPECT_THAT(queued.waiting_for(), HasSubstr("900 TiB stay free"));
  EXPECT_EQ(task(queued, "a").phase(), v1::PHASE_PENDING);
  EXPECT_FALSE(fs::exists(repository_.root() / "worktrees"));
  EXPECT_EQ(why(run, "a").summary(), "Its run has not begun.");
  configure("disk_reserve = 0\ndisk_reserve_percent = 0\n");
  watch(daemon_, run);
  const auto end = get(daemon_, run);
  EXPECT_EQ(end.state(), v1::RUN_STATE_COMPLETED) << task(end, "a").reason();
  EXPECT_EQ(end.waiting_for(), "");
}

TEST_F(AdmissionTest, ARunThatIsQueuedCanBeCancelledAndSurvivesTheDaemonsDeath) {
  configure("disk_reserve = \"900TiB\"\n");
  PlanBuilder plan(repository_);
  plan.task("a", commit_line("x.txt")).task("b", commit_line("y.txt"), {"a"});
  const auto run = execute(daemon_, plan.write());
  wait_for(run, v1::WAIT_KIND_DISK);
  daemon_.stop(SIGKILL);
  daemon_.start();
  watch(daemon_, run, 0, [](const auto& event) { return event.has_run_taken_up(); });
  EXPECT_EQ(task(get(daemon_, run), "a").phase(), v1::PHASE_PENDING);
  v1::CancelRunRequest request;
  request.set_run_id(run);
  v1::CancelRunResponse response;
  const auto status = daemon_.runs().CancelRun(patient().get(), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  watch(daemon_, run);
  EXPECT_EQ(get(daemon_, run).state(), v1::RUN_STATE_CANCELLED);
}

TEST_F(AdmissionTest, AnAgentWaitsForMemoryUntilThereIsSome) {
  PlanBuilder plan(repository_);
  plan.task("a", until_released() + commit_line("x.txt")).task("b", until_released() + commit_line("y.txt"));
  set_memory("1000");
  const auto run = execute(daemon_, plan.write());
  const auto waiting = wait_for(run, v1::WAIT_KIND_MEMORY);
  EXPECT_THAT(waiting.waiting().for_(), HasSubstr("memory for another agent (about 128 MiB"));
  EXPECT_EQ(why(run, waiting.task_id()).summary(), "It waits for memory for another agent.");
  set_memory("60000000");
  const auto begins = [&](const v1::Event& event) {
    return event.task_id() == waiting.task_id() && event.has_command_started();
  };
  EXPECT_TRUE(begins(watch(daemon_, run, waiting.sequence(), begins).back()));
  release();
  watch(daemon_, run);
  EXPECT_EQ(get(daemon_, run).state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(AdmissionTest, WithoutMemoryARunGoesOnOneAgentAtATime) {
  set_memory("0");
  PlanBuilder plan(repository_);
  const auto alone = (repository_.outside() / "alone").string();
  for (const char* id : {"a", "b", "c"}) {
    plan.task(id, "mkdir " + alone + " && " + commit_line(std::string(id) + ".txt") + " && rmdir " + alone);
  }
  const auto end = run_to_end(daemon_, plan.write());
  EXPECT_EQ(end.state(), v1::RUN_STATE_COMPLETED) << task(end, "a").reason() << task(end, "b").reason() << task(end, "c").reason();
}

TEST_F(AdmissionTest, ThePlaceInTheQueueIsTold) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\nmax_parallel: 1\n");
  for (const char* id : {"a", "b", "c"}) plan.task(id, until_released() + commit_line(std::string(id) + ".txt"));
  const auto run = execute(daemon_, plan.write());
  std::set<std::string> waiting;
  watch(daemon_, run, 0, [&](const auto& event) {
    if (is_wait(event, v1::WAIT_KIND_AGENT_SLOT)) waiting.insert(event.task_id());
    return waiting.size() == 2;
  });
  std::multiset<unsigned> places;
  const auto seen = get(daemon_, run);
  for (const auto& agent : seen.subagents()) places.insert(agent.queue_position());
  EXPECT_EQ(places, (std::multiset<unsigned>{0, 1, 2}));
  v1::GetAdmissionResponse now;
  ASSERT_TRUE(v1::AdmissionService::NewStub(daemon_.channel())->GetAdmission(patient().get(), {}, &now).ok());
  EXPECT_EQ(now.agents().used(), 1u);
  EXPECT_EQ(now.queue_size(), 2);
  EXPECT_EQ(now.memory_available(), 60000000ull * 1024);
  release();
  watch(daemon_, run);
  EXPECT_EQ(get(daemon_, run).state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(AdmissionTest, TheDaemonsAgentsAreCountedOverAllRuns) {
  configure("agents = 1\n");
  PlanBuilder first(repository_, "setup: []\nverify: []\nworktree: w/one/{task_id}\nbranch: one/{task_id}\n");
  PlanBuilder second(repository_, "setup: []\nverify: []\nworktree: w/two/{task_id}\nbranch: two/{task_id}\n");
  first.task("a", until_released() + commit_line("x.txt"));
  second.task("a", commit_line("y.txt"));
  const auto one = execute(daemon_, first.write("one"));
  watch(daemon_, one, 0, [](const auto& event) { return event.has_command_started(); });
  const auto two = execute(daemon_, second.write("two"));
  EXPECT_THAT(wait_for(two, v1::WAIT_KIND_AGENT_SLOT).waiting().for_(), HasSubstr("over all runs"));
  release();
  watch(daemon_, two);
  EXPECT_EQ(get(daemon_, two).state(), v1::RUN_STATE_COMPLETED);
  watch(daemon_, one);
}

TEST_F(AdmissionTest, TheDoctorSaysWhatIsRightAndWhatIsNotWithItsFix) {
  const auto stub = v1::DoctorService::NewStub(daemon_.channel());
  const auto examine = [&] {
    v1::ExamineRequest request;
    request.set_repository(repository_.root().string());
    request.set_offline(true);
    v1::ExamineResponse response;
    const auto status = stub->Examine(patient().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::map<std::string, v1::Check> checks;
    for (const auto& check : response.checks()) {
      EXPECT_TRUE(checks.emplace(check.id(), check).second) << check.id() << " is told twice";
      EXPECT_FALSE(check.found().empty()) << check.id();
      const bool wrong = check.verdict() == v1::Check::VERDICT_BROKEN || check.verdict() == v1::Check::VERDICT_WARNING;
      if (wrong) EXPECT_FALSE(check.fix().empty()) << check.id() << ": " << check.found();
    }
    return checks;
  };
  auto checks = examine();
  for (const char* id : {"daemon", "socket", "state", "supervisor", "libgit2", "git", "repository", "memory", "disk.1"}) {
    EXPECT_EQ(checks[id].verdict(), v1::Check::VERDICT_GOOD) << id << ": " << checks[id].found();
  }
  EXPECT_EQ(checks["config"].verdict(), v1::Check::VERDICT_ABSENT);
  EXPECT_TRUE(checks.contains("tree-kill") && checks.contains("limits.memory") && checks.contains("clock"));
  write_file(daemon_.config(), "[admission]\ntests = \"many\"\n");
  fs::permissions(daemon_.state(), fs::perms::owner_all | fs::perms::others_read);
  checks = examine();
  EXPECT_EQ(checks["config"].verdict(), v1::Check::VERDICT_BROKEN);
  EXPECT_THAT(checks["config"].found(), HasSubstr("config.toml:2: "));
  EXPECT_EQ(checks["state"].verdict(), v1::Check::VERDICT_BROKEN);
  EXPECT_THAT(checks["state"].fix(), HasSubstr("chmod 700"));
  configure("disk_reserve = \"900TiB\"\n");
  EXPECT_EQ(examine()["disk.1"].verdict(), v1::Check::VERDICT_BROKEN);
}

}  // namespace
}  // namespace fanout::test
