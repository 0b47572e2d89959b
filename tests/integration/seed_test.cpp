// The seed's own tests, as behaviour: that things happen at once is shown by events that overlap, never by
// the clock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using Events = std::vector<v1::Event>;

/// The sequence of the first event of a task that fits.
std::map<std::string, std::uint64_t> first_of(const Events& events, bool (*fits)(const v1::Event&)) {
  std::map<std::string, std::uint64_t> found;
  for (const auto& event : events) {
    if (!event.task_id().empty() && fits(event)) found.try_emplace(event.task_id(), event.sequence());
  }
  return found;
}

bool enters(const v1::Event& event, v1::Phase phase) {
  return event.has_phase_changed() && event.phase_changed().to() == phase;
}

std::uint64_t latest(const std::map<std::string, std::uint64_t>& found) {
  std::uint64_t last = 0;
  for (const auto& [task, sequence] : found) last = std::max(last, sequence);
  return last;
}

std::uint64_t earliest(const std::map<std::string, std::uint64_t>& found) {
  std::uint64_t first = UINT64_MAX;
  for (const auto& [task, sequence] : found) first = std::min(first, sequence);
  return first;
}

/// An agent that goes on only once `count` agents have begun: a run of them ends only if all are in flight
/// at the same time.
std::string meeting(const GitSandbox& repository, const std::string& id, int count) {
  const auto folder = (repository.outside() / "met").string();
  return "mkdir -p " + folder + "; touch " + folder + "/" + id + "; until [ $(ls " + folder +
         " | wc -l) -ge " + std::to_string(count) + " ]; do sleep 0.05; done; " + commit_line(id + ".txt", id);
}

class Seed : public testing::Test {
 protected:
  Seed() { repository_.commit_file("a.txt", "a\n"); }

  Events run_tasks(int count, const std::string& settings = "") {
    PlanBuilder plan(repository_, "setup: []\nverify: []\nmax_parallel: " + std::to_string(count) + "\n" + settings);
    for (int i = 0; i < count; ++i) {
      const auto id = "task-" + std::to_string(i);
      plan.task(id, meeting(repository_, id, count));
    }
    run_ = execute(daemon_, plan.write());
    return watch(daemon_, run_);
  }

  GitSandbox repository_;
  Daemon daemon_;
  std::string run_;
};

TEST_F(Seed, ParallelSetupPerformance) {
  // Setup does not grow with the number of tasks because no task's setup waits for another task:
  // every subagent is setting up before the first has finished doing so.
  for (const int count : {5, 10}) {
    const auto events = run_tasks(count, "worktree: worktrees/" + std::to_string(count) + "-{task_id}\nbranch: b" +
                                             std::to_string(count) + "/{task_id}\n");
    const auto began = first_of(events, [](const auto& e) { return enters(e, v1::PHASE_SETTING_UP); });
    const auto ended = first_of(events, [](const auto& e) { return enters(e, v1::PHASE_IMPLEMENTING); });
    EXPECT_EQ(began.size(), static_cast<std::size_t>(count));
    EXPECT_LT(latest(began), earliest(ended)) << "the last began before the first was ready";
    std::filesystem::remove_all(repository_.outside() / "met");
  }
}

TEST_F(Seed, ConcurrentWorktreeCreation) {
  const auto events = run_tasks(20);
  const auto began = first_of(events, [](const auto& e) { return enters(e, v1::PHASE_SETTING_UP); });
  const auto ready = first_of(events, [](const auto& e) { return e.has_worktree_ready(); });
  EXPECT_EQ(ready.size(), 20u);
  EXPECT_LT(latest(began), earliest(ready)) << "all were asked for before the first was there";
  EXPECT_EQ(lines_of(repository_.git({"worktree", "list"})).size(), 21u);
}

TEST_F(Seed, AutonomousSubagents) {
  const auto events = run_tasks(3);
  // Each makes its own worktree, in its own attempt, between its own start and its own agent.
  for (int i = 0; i < 3; ++i) {
    const auto id = "task-" + std::to_string(i);
    std::vector<v1::Event::PayloadCase> life;
    for (const auto& event : events) {
      if (event.task_id() == id && !event.has_output()) life.push_back(event.payload_case());
    }
    EXPECT_THAT(life, testing::ElementsAre(v1::Event::kPhaseChanged,      // setting_up
                                           v1::Event::kPortsReserved,     //
                                           v1::Event::kWorktreeReady,     //
                                           v1::Event::kSandboxChosen,     //
                                           v1::Event::kEnvironmentReady,  //
                                           v1::Event::kPhaseChanged,      // implementing
                                           v1::Event::kAgentLaunched,     //
                                           v1::Event::kCommandStarted, v1::Event::kCommandEnded,
                                           v1::Event::kSnapshotTaken, v1::Event::kAgentVerdict,
                                           v1::Event::kWorkCommitted,  //
                                           v1::Event::kPhaseChanged,   // testing
                                           v1::Event::kPhaseChanged,   // reporting
                                           v1::Event::kReported,       //
                                           v1::Event::kPhaseChanged)); // completed
    EXPECT_EQ(repository_.git({"show", "feature/" + id + ":" + id + ".txt"}), id);
  }
}

TEST_F(Seed, FiftyAgentsAreInFlightAtOnce) {
  const auto events = run_tasks(50);
  const auto started = first_of(events, [](const auto& e) { return e.has_command_started(); });
  const auto ended = first_of(events, [](const auto& e) { return e.has_command_ended(); });
  ASSERT_EQ(started.size(), 50u);
  EXPECT_LT(latest(started), earliest(ended));
  const auto run = get(daemon_, run_);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  for (int i = 0; i < 50; ++i) {
    const auto id = "task-" + std::to_string(i);
    EXPECT_EQ(repository_.git({"rev-list", "--count", "main..feature/" + id}), "1");
    EXPECT_EQ(repository_.git({"show", "feature/" + id + ":" + id + ".txt"}), id);
  }
  EXPECT_EQ(repository_.git({"fsck", "--strict", "--no-dangling"}), "");
  EXPECT_EQ(repository_.git({"status", "--porcelain"}), "");
}

TEST_F(Seed, OneFailureTouchesNobodyElse) {
  PlanBuilder plan(repository_);
  plan.task("good", commit_line("good.txt")).task("bad", "exit 3").task("also-good", commit_line("also.txt"));
  const auto run = run_to_end(daemon_, plan.write());
  EXPECT_EQ(task(run, "good").phase(), v1::PHASE_COMPLETED);
  EXPECT_EQ(task(run, "also-good").phase(), v1::PHASE_COMPLETED);
  EXPECT_EQ(task(run, "bad").phase(), v1::PHASE_FAILED);
  EXPECT_EQ(task(run, "bad").ended_in(), v1::PHASE_IMPLEMENTING);
  EXPECT_EQ(task(run, "bad").reason(), "the agent ended with exit code 3");
  EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED);
}

}  // namespace
}  // namespace fanout::test
