#include "common/process_end.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fanout {
namespace {

using namespace std::chrono_literals;

TEST(ProcessEnd, IsSeenWhenItComesAndLeavesTheChildToBeReaped) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  ASSERT_GT(child, 0);
  EXPECT_FALSE(child_ends_within(child, 1ms));
  ::kill(child, SIGKILL);
  EXPECT_TRUE(child_ends_within(child, 60s));
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, WNOHANG), child);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_EQ(watch_process(child), -1) << "it is no more";
  EXPECT_FALSE(readable_within(-1, 60s));
}

}  // namespace
}  // namespace fanout
