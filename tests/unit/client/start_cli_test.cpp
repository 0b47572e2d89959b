// Reaching a daemon: none, one that must be started, one that does not start, several starters at once.
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "tests/unit/client/fake_daemon.hpp"

namespace fanout::client::test {
namespace {

namespace fs = std::filesystem;
using fanout::test::read_file;
using fanout::test::TempDir;
using fanout::test::write_file;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

/// A copy of the program in a folder of its own, beside which a fanoutd can be put.
class Start : public testing::Test {
 protected:
  Start() {
    fs::create_directory(folder_ / "bin");
    fs::copy_file(FANOUT, program());
  }

  fs::path program() const { return folder_ / "bin/fanout"; }
  fs::path socket() const { return folder_ / "run/d.sock"; }
  fs::path log() const { return folder_ / "state/fanoutd.log"; }

  /// A fanoutd that is a shell script.
  void put_daemon(const std::string& script) {
    write_file(folder_ / "bin/fanoutd", "#!/bin/sh\n" + script);
    fs::permissions(folder_ / "bin/fanoutd", fs::perms::owner_all);
  }

  Launch launch(std::vector<std::string> words) const {
    Launch launch;
    launch.program = program().string();
    launch.words = std::move(words);
    launch.folder = folder_.path();
    launch.environment = {{"FANOUT_SOCKET", "run/d.sock"},
                          {"FANOUT_STATE", "state"},
                          {"FANOUT_CONFIG", "config.toml"},
                          {"PATH", "/usr/bin:/bin"}};
    return launch;
  }

  TempDir folder_;
};

TEST_F(Start, IsNotTriedWhenTheUserSaysSo) {
  put_daemon("touch started\n");
  const auto result = run_program(launch({"status", "--no-start"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err, "fanout: no daemon answers on " + socket().string() +
                            " (start one with: fanout daemon start, or leave out --no-start)\n");
  EXPECT_FALSE(fs::exists(folder_ / "state"));
}

TEST_F(Start, WithoutAProgramIsOneClearLine) {
  const auto result = run_program(launch({"status"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("fanoutd is neither beside this program nor in PATH\n"));
  EXPECT_THAT(result.out, IsEmpty());
}

TEST_F(Start, ThatFailsGivesTheDaemonsOwnReason) {
  put_daemon("echo 'error: the state folder is full' >&3; exit 1\n");
  const auto result = run_program(launch({"status"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err, "fanout: fanoutd cannot be started: the state folder is full\n");
}

TEST_F(Start, ThatDiesPointsToTheLog) {
  put_daemon("echo 'oh no' >&2; kill -SEGV $$\n");
  const auto result = run_program(launch({"status"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err, "fanout: fanoutd cannot be started: it was ended by signal 11; its log is " +
                            log().string() + "\n");
  EXPECT_THAT(read_file(log()), HasSubstr("oh no"));
}

TEST_F(Start, GivesTheDaemonAFreshEnvironment) {
  const std::string look = R"sh(
    exec >"$SEEN"
    pwd; echo "$@"; ls -l /proc/self/fd/
    [ "$(cut -d' ' -f6 /proc/$$/stat)" = $$ ] && echo own session
    echo 'error: enough' >&3
  )sh";
  put_daemon(look);
  auto starting = launch({"status"});
  starting.environment["SEEN"] = (folder_ / "seen").string();
  run_program(starting);
  const auto seen = read_file(folder_ / "seen");
  EXPECT_THAT(seen, testing::StartsWith("/\n--socket " + socket().string() + " --state " +
                                        (folder_ / "state").string() + " --config " +
                                        (folder_ / "config.toml").string() + " --ready-fd 3\n"));
  EXPECT_THAT(seen, HasSubstr("0 -> /dev/null"));
  EXPECT_THAT(seen, HasSubstr("2 -> " + log().string()));
  EXPECT_THAT(seen, HasSubstr("3 -> pipe:"));
  EXPECT_THAT(seen, testing::Not(HasSubstr("socket:")));
  EXPECT_THAT(seen, HasSubstr("own session"));
  EXPECT_EQ(fs::status(log()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Start, WaitsUntilTheDaemonSaysThatItIsReady) {
  FakeDaemon fake;
  fake.stop();
  put_daemon("echo here > '" + (folder_ / "here").string() + "'\nuntil [ -e '" + (folder_ / "go").string() +
             "' ]; do sleep 0.02; done\necho ready >&3\n");
  auto starting = launch({"status"});
  starting.environment["FANOUT_SOCKET"] = fake.socket().string();
  Program program(starting);
  while (!fs::exists(folder_ / "here")) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  fake.start();
  write_file(folder_ / "go", "");
  EXPECT_EQ(program.end(), 0);
  EXPECT_THAT(program.err(), MatchesRegex("fanout: started fanoutd \\(pid [0-9]+\\)\n"));
}

TEST_F(Start, OfARealDaemonByManyAtOnceGivesAllOfThemTheSame) {
  std::atomic<int> succeeded = 0, started = 0;
  std::vector<std::thread> starters;
  auto with_real = launch({"status"});
  with_real.program = FANOUT;  // which finds the fanoutd that was built with it
  for (int i = 0; i < 8; ++i) {
    starters.emplace_back([&] {
      const auto result = run_program(with_real);
      if (result.exit_code == 0) ++succeeded;
      if (result.err.find("started fanoutd") != std::string::npos) ++started;
      if (result.exit_code != 0) ADD_FAILURE() << result.err;
    });
  }
  for (auto& starter : starters) starter.join();
  EXPECT_EQ(succeeded, 8);
  EXPECT_EQ(started, 1);
  with_real.words = {"daemon", "stop"};
  EXPECT_EQ(run_program(with_real).out, "fanoutd has stopped\n");
  with_real.words = {"daemon", "status"};
  EXPECT_EQ(run_program(with_real).exit_code, 3);
  with_real.words = {"daemon", "start"};
  EXPECT_EQ(run_program(with_real).exit_code, 0);
  EXPECT_THAT(run_program(with_real).out, testing::StartsWith("fanoutd is running already (pid "));
  with_real.words = {"daemon", "stop"};
  EXPECT_EQ(run_program(with_real).exit_code, 0);
}

}  // namespace
}  // namespace fanout::client::test
