// Control groups: what we write, on a folder of plain files; and what the kernel does, where it lets us.
#include "server/shim/cgroup.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "server/shim/identity.hpp"
#include "server/shim/usage.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::shim {
namespace {

using test::read_file;
using test::TempDir;
using test::write_file;

class PlainFiles : public testing::Test {
 protected:
  PlainFiles() {
    for (const char* name : {"cgroup.procs", "cgroup.kill", "memory.max", "memory.swap.max", "memory.oom.group", "pids.max"}) {
      write_file(folder_ / "group" / name, "");
    }
  }
  TempDir folder_;
  std::string group_ = (folder_ / "group").string();
};

TEST_F(PlainFiles, LimitsAreWrittenAndWhatIsNotThereIsNotClaimed) {
  const Cgroup group(group_);
  ASSERT_TRUE(group.ok());
  const auto kept = group.limit({1 << 20, 50, 30});
  EXPECT_TRUE(kept.memory && kept.processes);
  EXPECT_FALSE(kept.cpu_weight) << "there is no cpu.weight";
  EXPECT_EQ(read_file(group_ + "/memory.max"), "1048576");
  EXPECT_EQ(read_file(group_ + "/memory.swap.max"), "0");
  EXPECT_EQ(read_file(group_ + "/memory.oom.group"), "1");
  EXPECT_EQ(read_file(group_ + "/pids.max"), "50");
}

TEST_F(PlainFiles, NoLimitIsNotWritten) {
  const Cgroup group(group_);
  const auto kept = group.limit({});
  EXPECT_FALSE(kept.memory || kept.processes || kept.cpu_weight);
  EXPECT_EQ(read_file(group_ + "/memory.max"), "");
}

TEST_F(PlainFiles, WhatTheKernelCountsIsRead) {
  write_file(group_ + "/memory.events", "low 0\nhigh 4\nmax 12\noom 2\noom_kill 3\n");
  write_file(group_ + "/pids.events", "max 7\n");
  write_file(group_ + "/memory.peak", "123456\n");
  const Cgroup group(group_);
  EXPECT_EQ(group.memory_hits(), 3u);
  EXPECT_EQ(group.process_hits(), 7u);
  EXPECT_EQ(group.peak_memory(), 123456u);
  group.kill();
  EXPECT_EQ(read_file(group_ + "/cgroup.kill"), "1");
  EXPECT_TRUE(group.enter());
  EXPECT_EQ(read_file(group_ + "/cgroup.procs"), "0");
}

TEST(Cgroup, ThatCannotBeMadeDoesNothing) {
  const Cgroup group("/nowhere/at/all");
  EXPECT_FALSE(group.ok());
  EXPECT_FALSE(group.enter());
  EXPECT_FALSE(group.limit({1, 1, 1}).memory);
  EXPECT_EQ(group.peak_memory(), 0u);
}

TEST(Cgroup, OurOwnIsTheOneOfTheUnifiedHierarchy) {
  EXPECT_EQ(own_cgroup("12:pids:/x\n0::/user.slice/user-1000.slice\n"), "/user.slice/user-1000.slice");
  EXPECT_EQ(own_cgroup("0::/\n"), "/");
  EXPECT_EQ(own_cgroup("12:pids:/x\n"), "");
}

TEST(UsageTest, CountsTasksAndMemoryBelowAProcess) {
  const pid_t child = fork();
  if (child == 0) {
    if (fork() == 0) {
      std::vector<char> held(40 << 20, 'x');
      pause();
      _exit(held[7] == 'y');
    }
    pause();
    _exit(0);
  }
  Usage usage;
  for (int looks = 0; looks < 3000 && (usage.tasks < 2 || usage.memory < (40u << 20)); ++looks) {
    usage = usage_below(getpid());
    usleep(10'000);
  }
#ifdef FANOUT_THREAD_SANITIZER  // which has a thread of its own in each process
  EXPECT_GE(usage.tasks, 2u);
#else
  EXPECT_EQ(usage.tasks, 2u);
#endif
  EXPECT_GE(usage.memory, 40u << 20);
  EXPECT_LT(usage.memory, 200u << 20);
  const auto grandchild = std::stoi(read_proc("/proc/" + std::to_string(child) + "/task/" + std::to_string(child) + "/children"));
  kill(grandchild, SIGKILL);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace fanout::shim
