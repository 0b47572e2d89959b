// The daemon's own log, and the daemon as a service, by the real program. systemd is played by a script.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/client/fake_daemon.hpp"

namespace fanout::client::test {
namespace {

namespace fs = std::filesystem;
using fanout::test::read_file;
using fanout::test::TempDir;
using fanout::test::write_file;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

void write_script(const fs::path& file, const std::string& script) {
  write_file(file, "#!/bin/sh\n" + script);
  fs::permissions(file, fs::perms::owner_all);
}

std::string numbered_lines(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

class DaemonLogs : public testing::Test {
 protected:
  DaemonLogs() { fake_.log_file = file().string(); }
  fs::path file() const { return fake_.folder() / "own.log"; }
  std::string printed(std::vector<std::string> words) {
    words.insert(words.begin(), {"daemon", "logs"});
    const auto result = run_program(fake_.launch(words));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }

  FakeDaemon fake_;
};

TEST_F(DaemonLogs, AreItsLastLines) {
  write_file(file(), numbered_lines(1, 20'000));
  EXPECT_EQ(printed({}), numbered_lines(19'951, 20'000));
  EXPECT_EQ(printed({"-n", "2"}), numbered_lines(19'999, 20'000));
  EXPECT_EQ(printed({"--lines", "15000"}), numbered_lines(5'001, 20'000));
  EXPECT_EQ(printed({"-n", "30000"}), numbered_lines(1, 20'000));
  EXPECT_EQ(printed({"-n", "0"}), "");
}

TEST_F(DaemonLogs, OfALineWithoutAnEndAreThatLine) {
  write_file(file(), "one\ntwo");
  EXPECT_EQ(printed({"-n", "1"}), "two");
  EXPECT_EQ(printed({"-n", "1", "--json"}), "{\"line\":\"two\"}\n");
  write_file(file(), "");
  EXPECT_EQ(printed({}), "");
}

TEST_F(DaemonLogs, GoOnWithWhatComes) {
  write_file(file(), "before\n");
  auto launch = fake_.launch({"daemon", "logs", "-f"});
  Program program(launch);
  program.wait_for("before\n");
  std::ofstream(file(), std::ios::app) << "after\n";
  program.wait_for("after\n");
  fs::remove(file());
  EXPECT_EQ(program.end(), 0);
}

TEST_F(DaemonLogs, DoNotReachATerminalWithWhatActsOnIt) {
  write_file(file(), "a\033[31mb\033]0;title\007c\n");
  Program program(fake_.launch({"daemon", "logs"}), {80, 24});
  program.wait_for("abc");
  EXPECT_EQ(program.end(), 0);
  EXPECT_THAT(program.out(), Not(HasSubstr("\033")));
}

TEST_F(DaemonLogs, ComeFromTheJournalWhereTheDaemonLogsThere) {
  fake_.logs_to_journal = true;
  fake_.log_file.clear();
  write_script(fake_.folder() / "bin/journalctl", "echo \"$@\"\n");
  const auto path = (fake_.folder() / "bin").string() + ":/usr/bin:/bin";
  const auto result = run_program(fake_.launch({"daemon", "logs", "-n", "7", "-f"}, {{"PATH", path}}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "--user --unit fanoutd.service --output=cat --quiet --no-pager --lines 7 --follow\n");
  EXPECT_THAT(run_program(fake_.launch({"daemon", "status"})).out, HasSubstr("log      the journal (fanout daemon logs)\n"));
}

TEST_F(DaemonLogs, ThatAreNotThereAreSaidToBeSo) {
  fake_.log_file.clear();
  const auto result = run_program(fake_.launch({"daemon", "logs"}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("was started by hand, and has its log where its standard error leads\n"));
}

/// An installation in a folder of its own, and a home.
class DaemonInstall : public testing::Test {
 protected:
  DaemonInstall() {
    fs::create_directories(prefix() / "bin");
    fs::copy_file(FANOUT, prefix() / "bin/fanout");
    write_script(prefix() / "bin/fanoutd", "exec '" FANOUTD "' \"$@\"\n");
    write_file(prefix() / "share/systemd/user/fanoutd.socket", read_file(fs::path(FANOUT_UNITS) / "fanoutd.socket"));
    auto service = read_file(fs::path(FANOUT_UNITS) / "fanoutd.service.in");
    const std::string place = "@bindir@";
    service.replace(service.find(place), place.size(), "%h/.local/bin");
    write_file(prefix() / "share/systemd/user/fanoutd.service", service);
    put_systemctl("");
  }
  ~DaemonInstall() override { run_program(launch({"daemon", "stop"})); }

  fs::path prefix() const { return folder_ / "pre fix"; }
  fs::path units() const { return folder_ / "home/.config/systemd/user"; }
  fs::path socket() const { return folder_ / "run/fanout/fanoutd.sock"; }

  /// Writes down how it is called, and then does what `script` says.
  void put_systemctl(const std::string& script) {
    write_script(folder_ / "bin/systemctl", "echo \"$@\" >>'" + (folder_ / "calls").string() + "'\n" +
                                                "case \"$*\" in *UnitPath*) echo \"UnitPath=/etc/systemd/user $UNIT_PATH\" ;;\n" +
                                                "*is-active*) exit 3 ;; esac\n" + script);
  }
  std::string calls() const { return read_file(folder_ / "calls"); }

  Launch launch(std::vector<std::string> words) const {
    Launch launch;
    launch.program = (prefix() / "bin/fanout").string();
    launch.words = std::move(words);
    launch.folder = folder_.path();
    launch.environment = {{"HOME", (folder_ / "home").string()},
                          {"XDG_CONFIG_HOME", ""},
                          {"XDG_STATE_HOME", ""},
                          {"XDG_RUNTIME_DIR", (folder_ / "run").string()},
                          {"PATH", (folder_ / "bin").string() + ":/usr/bin:/bin"}};
    return launch;
  }

  TempDir folder_;
};

TEST_F(DaemonInstall, WritesTheUnitsWithTheProgramThatIsThereAndEnablesThem) {
  const auto result = run_program(launch({"daemon", "install"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("wrote " + (units() / "fanoutd.socket").string() + "\nwrote " +
                                    (units() / "fanoutd.service").string() + "\n"));
  EXPECT_EQ(read_file(units() / "fanoutd.socket"), read_file(prefix() / "share/systemd/user/fanoutd.socket"));
  const auto service = read_file(units() / "fanoutd.service");
  EXPECT_THAT(service, HasSubstr("\nExecStart=\"" + (prefix() / "bin/fanoutd").string() + "\"\n"));
  EXPECT_THAT(service, AllOf(HasSubstr("\nKillMode=process\n"), Not(HasSubstr("%h"))));
  EXPECT_EQ(calls(), "--user show --property=UnitPath\n--user daemon-reload\n--user enable fanoutd.socket\n");
  EXPECT_FALSE(fs::exists(socket())) << "nothing was to be started";
}

TEST_F(DaemonInstall, TwiceIsFineAndChangesNothing) {
  run_program(launch({"daemon", "install"}));
  const auto again = run_program(launch({"daemon", "install"}));
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, Not(HasSubstr("wrote")));
}

TEST_F(DaemonInstall, ReplacesNoUnitThatSaysSomethingElseUnlessForced) {
  write_file(units() / "fanoutd.service", "[Service]\nExecStart=/mine\n");
  const auto refused = run_program(launch({"daemon", "install"}));
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr((units() / "fanoutd.service").string() + " is there already"), HasSubstr("--force")));
  EXPECT_EQ(read_file(units() / "fanoutd.service"), "[Service]\nExecStart=/mine\n");
  EXPECT_FALSE(fs::exists(units() / "fanoutd.socket"));
  EXPECT_THAT(calls(), Not(HasSubstr("enable")));
  EXPECT_EQ(run_program(launch({"daemon", "install", "--force"})).exit_code, 0);
  EXPECT_THAT(read_file(units() / "fanoutd.service"), HasSubstr("pre fix/bin/fanoutd"));
}

TEST_F(DaemonInstall, KeepsAUnitThatIsMasked) {
  fs::create_directories(units());
  fs::create_symlink("/dev/null", units() / "fanoutd.service");
  EXPECT_EQ(run_program(launch({"daemon", "install"})).exit_code, 1);
  EXPECT_TRUE(fs::is_symlink(units() / "fanoutd.service"));
}

TEST_F(DaemonInstall, CopiesNoUnitsThatSystemdFindsByItself) {
  const auto place = folder_ / "lib";
  fs::copy(prefix(), place, fs::copy_options::recursive);
  auto service = read_file(place / "share/systemd/user/fanoutd.service");
  const std::string program = "%h/.local/bin";
  service.replace(service.find(program), program.size(), (place / "bin").string());
  write_file(place / "share/systemd/user/fanoutd.service", service);
  auto installing = launch({"daemon", "install"});
  installing.program = (place / "bin/fanout").string();
  installing.environment["UNIT_PATH"] = (place / "share/systemd/user").string();
  const auto result = run_program(installing);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_FALSE(fs::exists(units()));
  EXPECT_THAT(calls(), EndsWith("enable fanoutd.socket\n"));
}

TEST_F(DaemonInstall, WithoutSystemdSaysSoAndChangesNothing) {
  put_systemctl("echo 'Failed to connect to bus: No medium found' >&2; exit 1\n");
  const auto deaf = run_program(launch({"daemon", "install", "--now"}));
  EXPECT_EQ(deaf.exit_code, 1);
  EXPECT_THAT(deaf.err, AllOf(StartsWith("fanout: no systemd answers for this user ("), HasSubstr("No medium found"),
                              EndsWith("nothing was installed. None is needed: fanout starts the daemon by itself\n")));
  auto none = launch({"daemon", "install"});
  none.environment["PATH"] = (folder_ / "nowhere").string();
  EXPECT_THAT(run_program(none).err, HasSubstr("there is no systemctl"));
  EXPECT_FALSE(fs::exists(units()));
}

TEST_F(DaemonInstall, DoesNotPromiseASocketThatSystemdDoesNotServe) {
  const auto result = run_program(launch({"daemon", "install", "--socket", "other.sock"}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("leave out --socket"));
}

TEST_F(DaemonInstall, NowHasARealDaemonMakeWayForSystemds) {
  const auto before = run_program(launch({"daemon", "start", "--json"})).out;
  EXPECT_THAT(before, HasSubstr("\"pid\":"));
  // What systemd does with the socket is done by a daemon that is started at once.
  put_systemctl("case \"$*\" in *--now*) '" + (prefix() / "bin/fanout").string() + "' daemon start ;; esac\n");
  const auto result = run_program(launch({"daemon", "install", "--now"}));
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
  EXPECT_THAT(result.out, HasSubstr("fanoutd runs under systemd (pid "));
  EXPECT_THAT(calls(), EndsWith("--user is-active fanoutd.socket fanoutd.service\n--user enable --now fanoutd.socket\n"));
  EXPECT_THAT(run_program(launch({"daemon", "start", "--json"})).out, Not(testing::Eq(before)));
}

TEST_F(DaemonInstall, TheLogOfADaemonThatFanoutStartedIsItsFileAlsoAfterItsEnd) {
  run_program(launch({"daemon", "start"}));
  EXPECT_THAT(run_program(launch({"daemon", "logs"})).out, HasSubstr("serving on " + socket().string()));
  run_program(launch({"daemon", "stop"}));
  EXPECT_THAT(run_program(launch({"daemon", "logs", "-n", "1"})).out, HasSubstr("stopped\n"));
}

}  // namespace
}  // namespace fanout::client::test
