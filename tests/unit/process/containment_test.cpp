// Each way to keep a program and all it starts together, tried for real: nothing outlives the end, nor a supervisor that
// is killed; and limits hold.
#include "server/process/containment.hpp"

#include <dirent.h>

#include "server/process/launch.hpp"
#include "server/shim/identity.hpp"
#include "tests/unit/process/process_fixture.hpp"
#include "tests/unit/process/service_manager.hpp"

namespace fanout::process {
namespace {

using testing::HasSubstr;

class ContainmentTest : public ProcessTest, public testing::WithParamInterface<TreeKill> {
 protected:
  void SetUp() override {
    const auto kind = GetParam();
    if (kind == TreeKill::scope) {
      if (const auto reason = ServiceManager::why_not(); !reason.empty()) GTEST_SKIP() << "NOT TESTED HERE: scopes: " << reason;
      manager_ = std::make_unique<ServiceManager>();
    }
    containment_ = find_containment(FANOUT_SHIM, {kind == TreeKill::scope, kind == TreeKill::cgroup, kind == TreeKill::pid_namespace});
    if (containment_.kind != kind) {
      GTEST_SKIP() << "NOT TESTED HERE: " << to_string(kind) << ": " << containment_.no_scope << "; "
                   << containment_.no_cgroup << "; " << containment_.no_namespace;
    }
  }

  Seen run_contained(Command command) {
    Seen seen;
    run_coroutine([&](asio::io_context& io) { return drive_contained(io, std::move(command), seen); });
    return seen;
  }

  awaitable<void> drive_contained(asio::io_context&, Command command, Seen& seen) {
    async::WorkerPool pool(2);
    Listener listener;
    listener.output = [&](Stream, std::vector<Line> lines) -> awaitable<bool> {
      for (auto& line : lines) seen.out.push_back(line.text);
      return yes();
    };
    const Runner runner{pool, FANOUT_SHIM, &containment_};
    seen.exit = co_await run(runner, std::move(command), listener);
  }

  /// A program's argument that nobody else has, by which it is found from outside whatever it is numbered inside.
  std::string mark() const { return "31" + std::to_string(getpid()) + "." + std::to_string(programs_); }

  static int count(const std::string& argument) {
    int found = 0;
    const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), &closedir);
    while (const auto* entry = readdir(proc.get())) {
      const int pid = std::atoi(entry->d_name);
      if (pid <= 0 || !shim::find_process(pid)) continue;
      found += shim::read_proc("/proc/" + std::to_string(pid) + "/cmdline").find(argument + '\0') != std::string::npos;
    }
    return found;
  }
  static bool becomes(int wanted, const std::string& argument) {
    for (int looks = 0; looks < 6000; ++looks) {
      if (count(argument) == wanted) return true;
      usleep(10'000);
    }
    return false;
  }

  std::unique_ptr<ServiceManager> manager_;
  Containment containment_;
};

TEST_P(ContainmentTest, WhoeverForksTwiceAndTakesAnotherSessionEndsWithTheProgram) {
  auto command = shell("");
  const auto sleeping = mark();
  command.argv = shell_command("(setsid sh -c 'trap \"\" TERM; sleep " + sleeping + " & sleep " + sleeping +
                               "' >/dev/null 2>&1 &); until [ $(grep -lz " + sleeping + " /proc/[0-9]*/cmdline 2>/dev/null | wc -l) -ge 2 ]; do sleep 0.05; done; echo up");
  const auto seen = run_contained(command);
  EXPECT_EQ(seen.exit.code, 0);
  EXPECT_EQ(count(sleeping), 0);
}

TEST_P(ContainmentTest, TheProgramsEndIsToldAsItIs) {
  EXPECT_EQ(run_contained(shell("exit 7")).exit.code, 7);
  EXPECT_EQ(run_contained(shell("kill -9 $$")).exit.signal, 9);
  EXPECT_THROW(run_contained([&] {
                 auto command = shell("");
                 test::write_file(folder_ / "script", "#!/no/such/interpreter\n");
                 std::filesystem::permissions(folder_ / "script", std::filesystem::perms::owner_all);
                 command.argv = {(folder_ / "script").string()};
                 return command;
               }()),
               Error);
}

TEST_P(ContainmentTest, AProgramThatEndsAtOnceIsNotWaitedFor) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run_contained(shell("true")).exit.code, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 60s) << "it must not be found by some deadline";
}

TEST_P(ContainmentTest, ASupervisorThatIsKilledIsLostAndLeavesNobody) {
  auto command = shell("");
  const auto sleeping = mark();
  command.argv = shell_command("setsid sleep " + sleeping + " & sleep " + sleeping + " & wait");
  command.mark = "FANOUT_PROGRAM=" + sleeping;
  command.environment.push_back(command.mark);
  async::WorkerPool pool(1);
  const auto launched = launch(Runner{pool, FANOUT_SHIM, &containment_}, command);
  ASSERT_TRUE(becomes(2, sleeping));
  kill(launched.pid, SIGKILL);
  waitpid(launched.pid, nullptr, 0);
  // In a namespace the kernel ends them; otherwise whoever finds out.
  if (GetParam() == TreeKill::pid_namespace) EXPECT_TRUE(becomes(0, sleeping));
  EXPECT_THROW(run_contained(command), Lost);
  EXPECT_TRUE(becomes(0, sleeping));
}

TEST_P(ContainmentTest, TooMuchMemoryIsTheEndAndIsTold) {
  auto command = shell("(head -c 300000000 /dev/zero; sleep 1000) | tail");
  command.limits.memory = 64 << 20;
  const auto exit = run_contained(command).exit;
  EXPECT_FALSE(exit.success());
  EXPECT_EQ(exit.limit, shim::Limit::memory);
  EXPECT_GT(exit.peak_memory, 50u << 20);
}

TEST_P(ContainmentTest, TooManyProcessesAreTheEndOrAreRefusedAndAreTold) {
  auto command = shell("for i in $(seq 60); do sleep 1000 & done; wait");
  command.limits.processes = 20;
  const auto exit = run_contained(command).exit;
  EXPECT_FALSE(exit.success());
  EXPECT_EQ(exit.limit, shim::Limit::processes);
}

TEST_P(ContainmentTest, AShareOfTheProcessorIsGiven) {
  auto command = shell("nice");
  command.limits.cpu_weight = 10;
  const auto seen = run_contained(command);
  ASSERT_EQ(seen.out.size(), 1u);
  EXPECT_EQ(seen.out[0], containment_.kept.cpu_weight ? "0" : "10");
}

TEST_P(ContainmentTest, NoGroupIsLeftBehind) {
  if (GetParam() != TreeKill::cgroup) return;
  const auto command = shell("true");
  std::ostringstream ours;  // other tests have groups there at the same time
  ours << std::hex << std::hash<std::string>()(command.folder.string());
  run_contained(command);
  for (const auto& entry : std::filesystem::directory_iterator(containment_.group)) {
    EXPECT_THAT(entry.path().filename().string(), testing::Not(HasSubstr(ours.str()))) << entry.path();
  }
}

TEST_P(ContainmentTest, AScopeIsMadeForEachProgram) {
  if (GetParam() != TreeKill::scope) return;
  const auto seen = run_contained(shell("grep ^0:: /proc/self/cgroup"));
  ASSERT_EQ(seen.out.size(), 1u);
  EXPECT_THAT(seen.out[0], HasSubstr("fanout-run1-"));
  EXPECT_THAT(seen.out[0], testing::EndsWith(".scope/program")) << "beside its supervisor, in a group of its own";
  EXPECT_EQ(manager_->units().size(), 2u) << "the probe's, and the program's";
}

INSTANTIATE_TEST_SUITE_P(Kinds, ContainmentTest,
                         testing::Values(TreeKill::scope, TreeKill::cgroup, TreeKill::pid_namespace, TreeKill::supervisor),
                         [](const auto& info) {
                           std::string name = to_string(info.param);
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

TEST(Containment, WithNothingAllowedTheSupervisorIsAloneAndSaysWhy) {
  const auto found = find_containment(FANOUT_SHIM, {false, false, false});
  EXPECT_EQ(found.kind, TreeKill::supervisor);
  EXPECT_FALSE(found.no_scope.empty() || found.no_cgroup.empty() || found.no_namespace.empty());
  EXPECT_FALSE(found.kept.memory || found.kept.processes || found.kept.cpu_weight) << "never claimed";
}

TEST(Containment, AFolderThatIsNoHierarchyIsRefused) {
  const TempDir folder;
  const auto found = find_containment(FANOUT_SHIM, {false, true, false}, folder.path().string());
  EXPECT_EQ(found.kind, TreeKill::supervisor);
  EXPECT_FALSE(found.no_cgroup.empty());
}

}  // namespace
}  // namespace fanout::process
