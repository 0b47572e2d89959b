// kill -9 the daemon at any moment: no agent, no event, no byte of output and no work is lost or doubled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "server/domain/run/fold.hpp"
#include "server/shim/record.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;

class Survival : public testing::Test {
 protected:
  Survival() { repository_.commit_file("a.txt", "a\n"); }

  std::string wait_for(const std::string& name) const {
    return "until [ -e " + (repository_.outside() / name).string() + " ]; do sleep 0.05; done";
  }
  void let(const std::string& name) { write_file(repository_.outside() / name, ""); }

  void die_and_start_again() {
    daemon_.stop(SIGKILL);
    daemon_.start();
  }

  void restart_in_order() {
    v1::ShutdownRequest request;
    request.set_leave_agents(true);
    v1::ShutdownResponse response;
    ASSERT_TRUE(daemon_.daemon().Shutdown(patient().get(), request, &response).ok());
    EXPECT_GT(response.left_subagents(), 0u);
    EXPECT_EQ(response.interrupted_subagents(), 0u);
    const auto status = daemon_.stop(0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << daemon_.log();
    daemon_.start();
  }

  /// Until an agent has said `text`.
  void wait_until_said(const std::string& run, const std::string& text) {
    watch(daemon_, run, 0, [&](const v1::Event& event) {
      for (const auto& line : event.output().lines()) {
        if (line.text() == text) return true;
      }
      return false;
    });
  }

  /// Sequence numbers without gap or repeat, and what each task's agent said.
  std::map<std::string, std::vector<std::string>> said(const std::vector<v1::Event>& events) {
    std::map<std::string, std::vector<std::string>> lines;
    for (std::size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(events[i].sequence(), i + 1);
      for (const auto& line : events[i].output().lines()) lines[events[i].task_id()].push_back(line.text());
    }
    return lines;
  }

  /// Of programs whose end is on record.
  std::ptrdiff_t count_results() const {
    const std::filesystem::recursive_directory_iterator all(daemon_.state() / "runs");
    return std::count_if(begin(all), end(all), [](const auto& entry) { return entry.path().filename() == shim::kEndFile; });
  }

  std::size_t count_starts(const std::vector<v1::Event>& events, const std::string& role) {
    return static_cast<std::size_t>(std::count_if(events.begin(), events.end(), [&](const v1::Event& event) {
      return event.command_started().role() == role;
    }));
  }

  GitSandbox repository_;
  Daemon daemon_;
};

TEST_F(Survival, AnAgentOutlivesTheDaemonAndItsRunGoesOn) {
  PlanBuilder plan(repository_);
  plan.task("t", "echo before; " + wait_for("go") + "; echo after; " + commit_line("t.txt"));
  plan.task("w", commit_line("w.txt"), {"t"});
  const auto id = execute(daemon_, plan.write());
  wait_until_said(id, "before");
  die_and_start_again();
  let("go");
  const auto events = watch(daemon_, id);
  EXPECT_THAT(said(events)["t"], testing::ElementsAre("before", "after"));
  EXPECT_EQ(count_starts(events, "agent"), 2u) << "one for each task";
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  EXPECT_EQ(task(run, "w").phase(), v1::PHASE_COMPLETED) << "the dependent began under the second daemon";
  EXPECT_EQ(repository_.git({"fsck", "--no-dangling"}), "");
}

TEST_F(Survival, ARestartInOrderLeavesTheAgentsAtWork) {
  PlanBuilder plan(repository_);
  plan.task("t", "echo $$; echo before; " + wait_for("go") + "; " + commit_line("t.txt"));
  const auto id = execute(daemon_, plan.write());
  wait_until_said(id, "before");
  const auto pid = get(daemon_, id).subagents(0).pid();
  restart_in_order();
  EXPECT_EQ(get(daemon_, id).subagents(0).pid(), pid);
  EXPECT_EQ(kill(pid, 0), 0);
  let("go");
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(Survival, WhatEndedWhileThereWasNoDaemonIsCollected) {
  PlanBuilder plan(repository_);
  plan.task("well", "echo up; " + wait_for("go") + "; echo done; " + commit_line("a.txt"));
  plan.task("badly", "echo up; " + wait_for("go") + "; exit 3");
  const auto id = execute(daemon_, plan.write());
  while (daemon_.supervisors().size() < 2) usleep(10'000);
  daemon_.stop(SIGKILL);
  let("go");
  while (count_results() < 2) usleep(10'000);
  EXPECT_EQ(daemon_.supervisors().size(), 2u) << "they stay for whoever comes";
  daemon_.start();
  auto lines = said(watch(daemon_, id));
  EXPECT_THAT(lines["well"], testing::ElementsAre("up", "done"));
  const auto run = get(daemon_, id);
  EXPECT_EQ(task(run, "well").phase(), v1::PHASE_COMPLETED);
  EXPECT_EQ(task(run, "badly").reason(), "the agent ended with exit code 3");
  EXPECT_TRUE(daemon_.supervisors().empty());
}

TEST_F(Survival, TwentyAgentsSurviveTenKillsAndEveryLineArrivesOnceAndInOrder) {
  constexpr int kAgents = 20, kLines = 200, kKills = 10;
  PlanBuilder plan(repository_, "setup: []\nverify: []\nmax_parallel: 20\n");
  for (int i = 0; i < kAgents; ++i) {
    plan.task("t" + std::to_string(i), "for i in $(seq " + std::to_string(kLines) + "); do echo line $i; sleep 0.02; done; " +
                                           commit_line("t" + std::to_string(i) + ".txt"));
  }
  const auto id = execute(daemon_, plan.write());
  // A client that resumes by sequence, across all the deaths.
  std::vector<v1::Event> events;
  for (int kill = 0; kill < kKills; ++kill) {
    const auto more = watch(daemon_, id, events.size(), [count = 0](const v1::Event& event) mutable {
      return event.has_output() && ++count == 20;
    });
    events.insert(events.end(), more.begin(), more.end());
    die_and_start_again();
  }
  const auto rest = watch(daemon_, id, events.size());
  events.insert(events.end(), rest.begin(), rest.end());
  auto lines = said(events);
  for (int i = 0; i < kAgents; ++i) {
    const auto& of_one = lines["t" + std::to_string(i)];
    ASSERT_EQ(of_one.size(), static_cast<std::size_t>(kLines)) << i;
    for (int line = 0; line < kLines; ++line) {
      EXPECT_EQ(of_one[static_cast<std::size_t>(line)], "line " + std::to_string(line + 1));
    }
  }
  EXPECT_EQ(count_starts(events, "agent"), static_cast<std::size_t>(kAgents));
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED);
  while (!daemon_.supervisors().empty()) usleep(10'000);  // nobody waits for those that another daemon has started
}

TEST_F(Survival, AKilledSupervisorIsAFailureWithItsReasonAndLeavesNobody) {
  PlanBuilder plan(repository_);
  plan.task("t", "echo work > work.txt; setsid sh -c 'echo $$; exec sleep 1000' & wait");
  const auto id = execute(daemon_, plan.write());
  int left = 0;
  watch(daemon_, id, 0, [&](const v1::Event& event) {
    if (event.has_output()) left = std::stoi(event.output().lines(0).text());
    return event.has_output();
  });
  const auto supervisors = daemon_.supervisors();
  ASSERT_EQ(supervisors.size(), 1u);
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, left, 0));
  ASSERT_GE(pidfd, 0);
  kill(supervisors[0].pid, SIGKILL);
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(task(run, "t").phase(), v1::PHASE_FAILED);
  EXPECT_THAT(task(run, "t").reason(), HasSubstr("supervisor was killed"));
  EXPECT_EQ(repository_.git({"show", "refs/fanout/snap/" + id + "/t/1:work.txt"}), "work");
  pollfd ended{pidfd, POLLIN, 0};
  EXPECT_EQ(poll(&ended, 1, 30'000), 1) << "what it had started is gone";
  close(pidfd);
}

TEST_F(Survival, ACancellationThatWasAskedForGoesOnUnderTheNextDaemon) {
  PlanBuilder plan(repository_);
  plan.task("t", "trap '' TERM; echo up; while :; do sleep 0.05; done");
  const auto id = execute(daemon_, plan.write());
  wait_until_said(id, "up");
  v1::CancelRunRequest request;
  request.set_run_id(id);
  v1::CancelRunResponse response;
  ASSERT_TRUE(daemon_.runs().CancelRun(patient().get(), request, &response).ok());
  die_and_start_again();  // within the grace that the agent has
  watch(daemon_, id);
  EXPECT_EQ(task(get(daemon_, id), "t").phase(), v1::PHASE_CANCELLED);
  while (!daemon_.supervisors().empty()) usleep(10'000);  // nobody waits for one that another daemon has started
}

TEST_F(Survival, AfterARestartOfTheMachineWhatRanIsInterruptedAndResumeGoesOn) {
  PlanBuilder plan(repository_);
  plan.task("t", "echo up; echo work >> work.txt; " + wait_for("go") + "; " + commit_line("t.txt"));
  plan.task("w", commit_line("w.txt"), {"t"});
  const auto id = execute(daemon_, plan.write());
  wait_until_said(id, "up");
  const auto supervisors = daemon_.supervisors();
  daemon_.stop(SIGKILL);
  for (const auto& supervisor : supervisors) kill(supervisor.pid, SIGKILL);
  const auto note = "sqlite3 " + (daemon_.state() / "fanout.db").string() + " \"UPDATE note SET value='other' WHERE name='boot'\"";
  ASSERT_EQ(std::system(note.c_str()), 0);
  daemon_.start();
  auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_INTERRUPTED);
  EXPECT_EQ(task(run, "t").reason(), "the machine was restarted while it was under way");
  let("go");
  v1::RetryRunRequest request;
  request.set_run_id(id);
  request.set_only_interrupted(true);
  v1::RetryRunResponse response;
  ASSERT_TRUE(daemon_.runs().RetryRun(patient().get(), request, &response).ok());
  watch(daemon_, id);
  run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  EXPECT_EQ(repository_.git({"show", "feature/t:work.txt"}), "work\nwork") << "the second attempt found the first one's work";
}

TEST_F(Survival, ResumeTakesOnlyWhatWasInterrupted) {
  PlanBuilder plan(repository_);
  plan.task("t", "exit 1");
  const auto run = run_to_end(daemon_, plan.write());
  v1::RetryRunRequest request;
  request.set_run_id(run.id());
  request.set_only_interrupted(true);
  v1::RetryRunResponse response;
  const auto status = daemon_.runs().RetryRun(patient().get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("nothing to resume"));
}

TEST_F(Survival, TheLogFoldsToTheLiveState) {
  PlanBuilder plan(repository_);
  plan.task("a", "echo up; " + wait_for("go") + "; " + commit_line("a.txt"));
  plan.task("b", "exit 4");
  plan.task("c", commit_line("c.txt"), {"b"});
  const auto id = execute(daemon_, plan.write());
  wait_until_said(id, "up");
  die_and_start_again();
  let("go");
  v1::Run folded;
  for (const auto& event : watch(daemon_, id)) domain::apply(folded, event);
  EXPECT_EQ(folded.SerializeAsString(), get(daemon_, id).SerializeAsString());
}

}  // namespace
}  // namespace fanout::test
