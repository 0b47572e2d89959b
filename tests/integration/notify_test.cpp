// Whoever looks elsewhere is told: by a command of their own, and on the desktop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <unistd.h>

#include <filesystem>

#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Notify : public testing::Test {
 protected:
  Notify() { repository_.commit_file("a.txt", "a\n"); }

  /// What was told so far, once it is `count` lines.
  std::vector<std::string> told(std::size_t count) const {
    for (int tries = 0; tries < 1200; ++tries) {
      const auto lines = fs::exists(notes()) ? lines_of(read_file(notes())) : std::vector<std::string>();
      if (lines.size() >= count) return lines;
      ::usleep(50'000);
    }
    throw std::runtime_error("nobody was told");
  }
  fs::path notes() const { return folder_ / "notes"; }

  void configure(const Daemon& daemon, const std::string& on, const std::string& more) const {
    write_file(daemon.config(), "[notify]\non = " + on + "\n" + more);
  }
  v1::Run run(Daemon& daemon, const std::string& name, const std::string& agent) const {
    return run_to_end(daemon, PlanBuilder(repository_).task("a", agent).write(name));
  }

  GitSandbox repository_;
  TempDir folder_;
};

TEST_F(Notify, ACommandIsToldWhatHappenedAndNoSecret) {
  Daemon daemon("20ms", {"GH_TOKEN=ghp_secretsecret"});
  configure(daemon, R"(["task_failed", "run_finished"])",
            "desktop = false\ncommand = 'env >> " + (folder_ / "env").string() +
                "; echo \"$FANOUT_EVENT|$FANOUT_RUN|$FANOUT_TASK|$FANOUT_TITLE|$FANOUT_TEXT\" >> " + notes().string() + "'\n");
  const auto failed = run(daemon, "one", "exit 3");
  EXPECT_THAT(told(2), ElementsAre("task_failed|" + failed.id() + "|a|one|a failed",
                                   "run_finished|" + failed.id() + "||one|the run failed: 0 of 1 task completed"));
  const auto completed = run(daemon, "two", commit_line("b.txt"));
  EXPECT_EQ(told(3).back(), "run_finished|" + completed.id() + "||two|the run completed: 1 of 1 task completed");
  EXPECT_THAT(read_file(folder_ / "env"), Not(HasSubstr("ghp_secret")));
}

TEST_F(Notify, TheDesktopIsToldWhereItHasNotifySend) {
  const auto program = folder_ / "notify-send";
  write_file(program, "#!/bin/sh\nIFS='|'; echo \"$*\" >> " + notes().string() + "\n");
  fs::permissions(program, fs::perms::owner_all);
  Daemon daemon("20ms", {"PATH=" + folder_.path().string() + ":" + std::getenv("PATH"), "XDG_RUNTIME_DIR=" + folder_.path().string()});
  configure(daemon, R"("run_finished")", "");
  run(daemon, "one", commit_line("b.txt"));
  EXPECT_THAT(told(1), ElementsAre("--app-name=Fanout|--urgency=normal|--|one|the run completed: 1 of 1 task completed"));
}

TEST_F(Notify, ACommandThatFailsIsLoggedOnceAndHoldsNothingUp) {
  Daemon daemon;
  configure(daemon, R"(["run_finished"])", "desktop = false\ncommand = 'echo x >> " + notes().string() + "; exit 7'\n");
  for (const auto* name : {"one", "two"}) EXPECT_EQ(run(daemon, name, commit_line(std::string(name) + ".txt")).state(), v1::RUN_STATE_COMPLETED);
  told(2);
  daemon.stop(SIGTERM);
  const auto log = daemon.log();
  const auto first = log.find("nobody was notified: the command of [notify] ended with exit code 7");
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("nobody was notified", first + 1), std::string::npos) << log;
}

TEST_F(Notify, SettingsThatAreNoneAreRefused) {
  Daemon daemon;
  configure(daemon, R"(["run_finish"])", "");
  EXPECT_THROW(
      {
        try {
          run(daemon, "one", "true");
        } catch (const std::exception& error) {
          EXPECT_THAT(error.what(), HasSubstr("did you mean run_finished?"));
          throw;
        }
      },
      std::exception);
}

}  // namespace
}  // namespace fanout::test
