// How a program is found and started.
#include <sys/stat.h>

#include "common/error.hpp"
#include "tests/unit/process/process_fixture.hpp"

namespace fanout::process {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SpawnTest : public ProcessTest {
 protected:
  void script(const std::string& name, const std::string& text, mode_t mode = 0755) {
    test::write_file(folder_ / name, text);
    chmod((folder_ / name).c_str(), mode);
  }

  /// The error of a command that cannot be started.
  std::pair<ErrorKind, std::string> refusal(Command command) {
    command.folder = folder_ / ("refused" + std::to_string(++programs_));
    try {
      run_it(std::move(command));
    } catch (const Error& error) {
      return {error.kind(), error.what()};
    }
    return {ErrorKind::cancelled, "it was started"};
  }
};

TEST_F(SpawnTest, AProgramIsLookedUpInThePathThatItWillHave) {
  script("bin/tool", "#!/bin/sh\necho ours\n");
  auto command = shell("");
  command.argv = {"tool"};
  command.environment = {"PATH=/nonexistent:" + (folder_ / "bin").string() + ":/usr/bin:/bin"};
  EXPECT_THAT(run_it(command).out, ElementsAre("ours"));
}

TEST_F(SpawnTest, ARelativeFolderInThePathCountsFromTheCommandsFolder) {
  script("bin/tool", "#!/bin/sh\necho ours\n");
  auto command = shell("");
  command.argv = {"tool"};
  command.environment = {"PATH=bin:/usr/bin:/bin"};
  EXPECT_THAT(run_it(command).out, ElementsAre("ours"));
}

TEST_F(SpawnTest, AProgramWithASlashCountsFromTheCommandsFolder) {
  script("tool", "#!/bin/sh\necho \"$0\"\n");
  auto command = shell("");
  command.argv = {"./tool"};
  EXPECT_EQ(run_it(command).exit.code, 0);
}

TEST_F(SpawnTest, AFileThatIsNotExecutableIsPassedOverAndNamed) {
  script("first/tool", "#!/bin/sh\necho first\n", 0644);
  script("second/tool", "#!/bin/sh\necho second\n");
  auto command = shell("");
  command.argv = {"tool"};
  command.environment = {"PATH=first:second:/usr/bin:/bin"};
  EXPECT_THAT(run_it(command).out, ElementsAre("second"));
  command.environment = {"PATH=first"};
  EXPECT_THAT(refusal(command).second, HasSubstr("first/tool is not executable"));
  command.argv = {"./first/tool"};
  EXPECT_THAT(refusal(command).second, HasSubstr("Permission denied"));
}

TEST_F(SpawnTest, WithoutAPathTheProgramIsNotFound) {
  auto command = shell("");
  command.argv = {"tool"};
  command.environment = {};
  EXPECT_EQ(refusal(command).first, ErrorKind::not_found);
  EXPECT_THAT(refusal(command).second, HasSubstr("PATH"));
}

TEST_F(SpawnTest, AMissingInterpreterIsNotMistakenForTheProgram) {
  script("tool", "#!/no/such/interpreter\n");
  auto command = shell("");
  command.argv = {"./tool"};
  EXPECT_THAT(refusal(command).second, HasSubstr("interpreter"));
}

TEST_F(SpawnTest, AMissingInputFileIsNotMistakenForTheProgram) {
  auto command = shell("cat");
  command.stdin_file = folder_ / "prompt";
  EXPECT_THAT(refusal(command).second, HasSubstr("prompt"));
}

TEST_F(SpawnTest, AMissingFolderIsNamed) {
  auto command = shell("true");
  command.directory = folder_ / "nowhere";
  EXPECT_EQ(refusal(command).first, ErrorKind::not_found);
  EXPECT_THAT(refusal(command).second, HasSubstr("nowhere"));
}

TEST_F(SpawnTest, ACommandOfNoWordsIsRefused) {
  auto command = shell("true");
  command.argv = {};
  EXPECT_EQ(refusal(command).first, ErrorKind::invalid_input);
}

TEST_F(SpawnTest, ALogThatCannotBeMadeIsNamedAndNothingIsStarted) {
  auto command = shell("echo begun > begun");
  command.stdout_log = folder_ / "nowhere/out";
  EXPECT_THAT(refusal(command).second, HasSubstr("nowhere/out"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "begun"));
}

TEST_F(SpawnTest, LogsArePrivate) {
  run_it(shell("true"));
  struct stat status {};
  ASSERT_EQ(stat((folder_ / "out").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(SpawnTest, NoSignalIsBlocked) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const auto seen = run_it(shell("exec grep SigBlk /proc/self/status"));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_EQ(seen.out.size(), 1u);
  EXPECT_THAT(seen.out[0], HasSubstr("0000000000000000"));
}

TEST_F(SpawnTest, NothingStaysOpenHere) {
  const auto open = [] {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
  };
  run_it(shell("true"));  // what the libraries open once
  const auto before = open();
  for (int i = 0; i < 5; ++i) run_it(shell("echo x"));
  auto missing = shell("");
  missing.argv = {"no-such-program"};
  refusal(missing);
  EXPECT_EQ(open(), before);
}

}  // namespace
}  // namespace fanout::process
