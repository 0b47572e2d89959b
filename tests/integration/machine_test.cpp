// What the machine may do to the daemon: no descriptors, a read-only disk, clocks that jump, a sleep, clients that lag.
// The list of all cases is tests/faults/cases.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iostream>

#include "common/error.hpp"
#include "server/domain/run/fold.hpp"
#include "server/store/database.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using testing::AnyOf;
using testing::HasSubstr;

class Machine : public testing::Test {
 protected:
  Machine() { repository_.commit_file("a.txt", "a\n"); }

  std::string wait_for(const std::string& name) const {
    return "until [ -e " + (repository_.outside() / name).string() + " ]; do sleep 0.05; done";
  }
  void let(const std::string& name) { write_file(repository_.outside() / name, ""); }

  void wait_until_said(const std::string& run, const std::string& text) {
    watch(daemon_, run, 0, [&](const v1::Event& event) {
      for (const auto& line : event.output().lines()) {
        if (line.text() == text) return true;
      }
      return false;
    });
  }

  v1::GetInfoResponse info() {
    v1::GetInfoResponse response;
    const auto status = daemon_.daemon().GetInfo(patient().get(), {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  v1::Run run_one(const std::string& name) {
    PlanBuilder plan(repository_);
    plan.task(name, commit_line(name + ".txt"));
    return run_to_end(daemon_, plan.write(name));
  }

  GitSandbox repository_;
  Daemon daemon_;
};

rlim_t count_descriptors(pid_t pid) {
  rlim_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) ++count;
  return count;
}

TEST_F(Machine, WithoutFileDescriptorsTasksFailAndSaySoAndAgentsAtWorkGoOn) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan needs a descriptor to look at a vtable, and without takes every object for a wrong one";
#endif
  PlanBuilder busy(repository_);
  busy.task("busy", "echo up; " + wait_for("go") + "; " + commit_line("busy.txt"));
  const auto going = execute(daemon_, busy.write("busy"));
  wait_until_said(going, "up");
  rlimit before{};
  const auto used = count_descriptors(daemon_.pid());
  ASSERT_EQ(prlimit(daemon_.pid(), RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit few{used + 2, before.rlim_max};
  ASSERT_EQ(prlimit(daemon_.pid(), RLIMIT_NOFILE, &few, nullptr), 0);

  PlanBuilder plan(repository_);
  for (int i = 0; i < 8; ++i) plan.task("t" + std::to_string(i), commit_line("t" + std::to_string(i) + ".txt"));
  std::string refusal;
  std::string id;
  try {
    id = execute(daemon_, plan.write("many"));
  } catch (const std::exception& error) {
    refusal = error.what();
  }
  if (!id.empty()) {
    watch(daemon_, id);
    const auto run = get(daemon_, id);
    EXPECT_EQ(run.state(), v1::RUN_STATE_FAILED) << "with two descriptors";
    for (const auto& agent : run.subagents()) refusal += agent.reason() + "\n";
  }
  EXPECT_THAT(refusal, HasSubstr("open files")) << "it says why: " << refusal;
  EXPECT_EQ(info().pid(), daemon_.pid()) << "who is connected is answered";

  ASSERT_EQ(prlimit(daemon_.pid(), RLIMIT_NOFILE, &before, nullptr), 0);
  EXPECT_EQ(run_one("after").state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  let("go");
  watch(daemon_, going);
  EXPECT_EQ(get(daemon_, going).state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
}

class ReadOnlyState : public Machine {
 protected:
  void SetUp() override {
    const auto folder = daemon_.state();
    const bool mounted = mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) == 0;
    mounted_ = mounted;
    if (mounted && mount(nullptr, folder.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0) return;
    GTEST_SKIP() << "a folder cannot be made read-only for us here: " << errno_text(errno);
  }
  void TearDown() override { make_writable(); }
  void make_writable() {
    if (std::exchange(mounted_, false)) umount2(daemon_.state().c_str(), MNT_DETACH);
  }
  bool mounted_ = false;
};

TEST_F(ReadOnlyState, TheDaemonThatRunsSaysSoAndRecovers) {
  PlanBuilder plan(repository_);
  plan.task("t", commit_line("t.txt"));
  std::string refusal;
  try {
    refusal = run_to_end(daemon_, plan.write()).subagents(0).reason();
  } catch (const std::exception& error) {
    refusal = error.what();
  }
  EXPECT_THAT(refusal, AnyOf(HasSubstr("Read-only file system"), HasSubstr("permissions")));
  EXPECT_EQ(info().pid(), daemon_.pid());
  make_writable();
  EXPECT_EQ(run_one("after").state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
}

TEST_F(ReadOnlyState, ADaemonThatIsStartedThereSaysSoInOneLine) {
  daemon_.stop(SIGTERM);
  const auto line = daemon_.start_second();
  EXPECT_THAT(line, testing::StartsWith("error: "));
  EXPECT_THAT(line, HasSubstr("Read-only file system"));
  EXPECT_THAT(line, HasSubstr(daemon_.state().string()));
  make_writable();
  daemon_.start();
}

/// Its wall clock is the test's.
class WallClock : public Machine {
 protected:
  WallClock() : offset_(repository_.outside() / "offset") {
    jump(0);
    // In a build with AddressSanitizer: what is preloaded comes before its runtime, and does it no harm.
    const char* options = std::getenv("ASAN_OPTIONS");
    setenv("ASAN_OPTIONS", ((options ? options + std::string(":") : "") + "verify_asan_link_order=0").c_str(), 1);
    daemon_.stop(SIGTERM);
    daemon_.start(environment());
  }

  std::vector<std::string> environment() const {
    return {"LD_PRELOAD=" FANOUT_WALL_CLOCK, "FANOUT_TEST_WALL_CLOCK=" + offset_.string()};
  }

  void jump(long seconds) {
    std::fstream file(offset_, std::ios::binary | std::ios::in | std::ios::out);
    if (!file) file.open(offset_, std::ios::binary | std::ios::out);
    file.write(reinterpret_cast<const char*>(&seconds), sizeof seconds);
  }

  fs::path offset_;
};

constexpr long kDay = 24 * 3600;

TEST_F(WallClock, JumpingByADayBothWaysEndsNobodyAndChangesNoDuration) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\ntimeout: 1h\nstall_timeout: 1h\n");
  plan.task("t", "echo up; " + wait_for("ahead") + "; echo ahead; " + wait_for("behind") + "; echo behind; " + wait_for("go") +
                     "; " + commit_line("t.txt"));
  const auto id = execute(daemon_, plan.write());
  const auto began = get(daemon_, id).started_at().seconds();
  wait_until_said(id, "up");
  jump(kDay);
  let("ahead");
  wait_until_said(id, "ahead");
  EXPECT_GT(watch(daemon_, id, 0, [](const v1::Event& event) { return event.output().lines_size() > 0 && event.output().lines(0).text() == "ahead"; }).back().time().seconds(),
            began + kDay - 600) << "else the clock did not jump";
  jump(-kDay);
  let("behind");
  wait_until_said(id, "behind");
  daemon_.stop(SIGKILL);  // the next one takes it up in what is, for it, the past
  daemon_.start(environment());
  let("go");
  const auto events = watch(daemon_, id);
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence(), i + 1);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  for (const auto& event : events) {
    EXPECT_LT(event.elapsed().seconds(), kDay / 2);
    if (event.has_command_ended()) EXPECT_LT(event.command_ended().duration().seconds(), kDay / 2);
  }
}

TEST_F(WallClock, ARetryThatWaitsIsDueInItsTimeWhateverTheClockSays) {
  const auto flag = (repository_.outside() / "flag").string();
  PlanBuilder plan(repository_, "setup: []\nverify: []\nretries: 1\n");
  plan.task("t", "[ -e " + flag + " ] || { touch " + flag + "; exit 1; }; " + commit_line("t.txt"));
  jump(kDay);
  const auto id = execute(daemon_, plan.write());
  watch(daemon_, id, 0, [](const v1::Event& event) { return event.has_retry_scheduled(); });
  jump(-kDay);
  daemon_.stop(SIGKILL);
  daemon_.start(environment());
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(Machine, StoppedForAWhileAndContinuedItTakesNobodyForSilent) {
  // The agent speaks all the time; to the daemon, which sleeps for longer than that, it was silent.
  PlanBuilder plan(repository_, "setup: []\nverify: []\nstall_timeout: 6s\n");
  plan.task("t", "echo up; until [ -e " + (repository_.outside() / "go").string() + " ]; do echo .; sleep 0.2; done; " +
                     commit_line("t.txt"));
  const auto id = execute(daemon_, plan.write());
  wait_until_said(id, "up");
  kill(daemon_.pid(), SIGSTOP);
  usleep(15'000'000);
  kill(daemon_.pid(), SIGCONT);
  EXPECT_EQ(info().pid(), daemon_.pid());
  let("go");
  for (const auto& event : watch(daemon_, id)) EXPECT_FALSE(event.has_agent_stalled());
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
}

TEST_F(Machine, AClientTenThousandEventsBehindGetsThemAllAndDelaysNobody) {
  constexpr std::uint64_t kEvents = 12'000;
  daemon_.stop(SIGTERM);
  {
    store::Database database(daemon_.state() / "fanout.db");
    fanout::internal::v1::RunSpec spec;
    spec.set_run_id("long-run");
    std::vector<v1::Event> events(kEvents);
    std::vector<const v1::Event*> pointers;
    v1::Run run;
    for (std::uint64_t i = 0; i < kEvents; ++i) {
      auto& event = events[i];
      event.set_run_id("long-run");
      event.set_sequence(i + 1);
      if (i == 0) event.mutable_run_started()->mutable_run()->set_id("long-run");
      else if (i + 1 == kEvents) event.mutable_run_ended()->set_state(v1::RUN_STATE_COMPLETED);
      else event.mutable_notice()->set_text("note " + std::to_string(i) + std::string(200, '.'));
      domain::apply(run, event);
      pointers.push_back(&event);
    }
    database.put_run(spec, pointers, run);
  }
  daemon_.start();
  v1::WatchRunRequest request;
  request.set_run_id("long-run");
  const auto context = patient();
  const auto lagging = daemon_.runs().WatchRun(context.get(), request);  // and does not read yet
  EXPECT_EQ(run_one("meanwhile").state(), v1::RUN_STATE_COMPLETED);
  std::uint64_t seen = 0;
  for (v1::WatchRunResponse response; lagging->Read(&response);) {
    for (const auto& event : response.events()) ASSERT_EQ(event.sequence(), ++seen);
  }
  EXPECT_TRUE(lagging->Finish().ok());
  EXPECT_EQ(seen, kEvents);
}

TEST_F(Machine, ALockOfAProcessThatIsGoneIsNoObstacle) {
  daemon_.stop(SIGKILL);
  write_file(daemon_.state() / "fanoutd.lock", "1\n");  // some process has that number, and does not hold it
  daemon_.start();
  EXPECT_EQ(info().pid(), daemon_.pid());
}

TEST_F(Machine, OfAnAgentThatForksWithoutMeasureAndLeavesItsSessionNothingIsLeft) {
  PlanBuilder plan(repository_);
  // Bounded: two hundred, each in a session of its own, deaf to SIGTERM, and orphaned at once.
  plan.task("t", "for i in $(seq 200); do (setsid sh -c 'trap \"\" TERM HUP INT; sleep 1000 & wait; sleep 1000' &) ; done; echo up; sleep 1000");
  const auto id = execute(daemon_, plan.write());
  wait_until_said(id, "up");
  EXPECT_GT(daemon_.programs().size(), 50u);
  v1::CancelRunRequest request;
  request.set_run_id(id);
  v1::CancelRunResponse response;
  ASSERT_TRUE(daemon_.runs().CancelRun(patient().get(), request, &response).ok());
  watch(daemon_, id);
  EXPECT_EQ(task(get(daemon_, id), "t").phase(), v1::PHASE_CANCELLED);
  EXPECT_EQ(daemon_.programs().size(), 0u);
}

TEST_F(Machine, ABranchThatSomebodyMovesByHandKeepsTheirCommitAndTheAgentsWork) {
  PlanBuilder plan(repository_);
  plan.task("t", "echo up; " + wait_for("go") + "; echo work > work.txt");
  const auto id = execute(daemon_, plan.write());
  wait_until_said(id, "up");
  const auto tree = repository_.git({"write-tree"});
  const auto theirs = repository_.git({"commit-tree", tree, "-p", "main", "-m", "by hand"});
  repository_.git({"update-ref", "refs/heads/feature/t", theirs});
  let("go");
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_EQ(repository_.git({"show", "feature/t:work.txt"}), "work");
  EXPECT_EQ(repository_.try_git({"merge-base", "--is-ancestor", theirs, "feature/t"}).status, 0);
  EXPECT_EQ(repository_.git({"fsck", "--no-dangling"}), "");
}

TEST_F(Machine, TwentyAgentsAreTakenUpAgainAndHowLongThatTakesIsPrinted) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\nmax_parallel: 20\n");
  for (int i = 0; i < 20; ++i) {
    plan.task("t" + std::to_string(i), "echo up; " + wait_for("go") + "; " + commit_line("t" + std::to_string(i) + ".txt"));
  }
  const auto id = execute(daemon_, plan.write());
  int up = 0;
  watch(daemon_, id, 0, [&](const v1::Event& event) { return event.has_output() && ++up == 20; });
  daemon_.stop(SIGKILL);
  const auto began = std::chrono::steady_clock::now();
  daemon_.start();
  const auto ready = std::chrono::steady_clock::now();
  // Each supervisor serves a connection of the new daemon.
  const auto is_followed = [&](const shim::Identity& supervisor) {
    std::size_t sockets = 0;
    for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(supervisor.pid) + "/fd")) {
      std::error_code gone;
      sockets += fs::read_symlink(entry, gone).string().starts_with("socket:") ? 1 : 0;
    }
    return sockets >= 2;
  };
  const auto supervisors = daemon_.supervisors();
  ASSERT_EQ(supervisors.size(), 20u);
  for (int tries = 0; tries < 60'000 && !std::all_of(supervisors.begin(), supervisors.end(), is_followed); ++tries) usleep(1000);
  const auto taken_up = std::chrono::steady_clock::now();
  const auto ms = [](auto span) { return std::chrono::duration_cast<std::chrono::milliseconds>(span).count(); };
  std::cout << "20 agents: the daemon serves after " << ms(ready - began) << " ms, all are followed again after "
            << ms(taken_up - began) << " ms" << std::endl;
  EXPECT_TRUE(std::all_of(supervisors.begin(), supervisors.end(), is_followed));
  let("go");
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED);
}

}  // namespace
}  // namespace fanout::test
