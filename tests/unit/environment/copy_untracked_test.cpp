#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/error.hpp"
#include "server/environment/environment.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::environment {
namespace {

namespace fs = std::filesystem;
using test::read_file;
using test::write_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

/// A repository with one commit and a worktree of it in worktrees/t.
class CopyUntracked : public testing::Test {
 protected:
  CopyUntracked() {
    repo_.commit_file("README.md", "readme\n");
    repo_.git({"worktree", "add", "--quiet", "worktrees/t"});
  }

  void put(const std::string& path, const std::string& content = "x") {
    write_file(repo_.root() / path, content);
  }
  fs::path source(const std::string& path) const { return repo_.root() / path; }
  fs::path copied(const std::string& path) const { return repo_.root() / "worktrees/t" / path; }
  std::vector<std::string> copy(const std::vector<std::string>& patterns = {}) const {
    return copy_untracked(repo_.root(), copied(""), patterns);
  }

  test::GitSandbox repo_;
};

TEST_F(CopyUntracked, TheEnvironmentFilesAtTheRootAreCopiedUnasked) {
  put(".env", "KEY=1\n");
  put(".env.local", "KEY=2\n");
  put(".env.production");
  put("sub/.env");
  EXPECT_THAT(copy(), ElementsAre(".env", ".env.local"));
  EXPECT_EQ(read_file(copied(".env")), "KEY=1\n");
  EXPECT_EQ(read_file(copied(".env.local")), "KEY=2\n");
}

TEST_F(CopyUntracked, AFolderOfThatNameIsNotAnEnvironmentFile) {
  put(".env/bin/python");
  EXPECT_THAT(copy(), IsEmpty());
}

TEST_F(CopyUntracked, TheIncludeFileAndThePatternsNameMore) {
  put(".gitignore", "*.pem\nsecrets/\n");
  put(".worktreeinclude", "secrets/\n");
  put("secrets/deep/token");
  put("certs/key.pem");
  put("certs/other");
  EXPECT_THAT(copy({"*.pem"}), ElementsAre("certs/key.pem", "secrets/deep/token"));
}

TEST_F(CopyUntracked, ANegativeLineTakesBackAlsoWhatIsCopiedUnasked) {
  put(".worktreeinclude", ".env*\n!.env.local\n!.env.example\n");
  put(".env");
  put(".env.local");
  put(".env.example");
  EXPECT_THAT(copy(), ElementsAre(".env"));
}

TEST_F(CopyUntracked, WhatIsInANamedFolderCannotBeTakenBack) {
  put("data/a");
  put("data/b");
  EXPECT_THAT(copy({"data/", "!data/b"}), ElementsAre("data/a", "data/b"));
  fs::remove_all(copied("data"));
  EXPECT_THAT(copy({"data/*", "!data/b"}), ElementsAre("data/a"));
}

TEST_F(CopyUntracked, WhatGitTracksIsLeftToGit) {
  // Newer than the worktree, so that it is missing there: a copy would look like the agent's own work.
  repo_.commit_file("later.txt", "tracked");
  repo_.commit_file(".env", "tracked");
  put("untracked.txt");
  EXPECT_THAT(copy({"*.txt"}), ElementsAre("untracked.txt"));
}

TEST_F(CopyUntracked, AFileInTheMiddleOfAMergeIsTracked) {
  repo_.git({"checkout", "--quiet", "-b", "other"});
  repo_.commit_file("both.txt", "theirs");
  repo_.git({"checkout", "--quiet", "main"});
  repo_.commit_file("both.txt", "ours");
  ASSERT_NE(repo_.try_git({"merge", "other"}).status, 0);
  EXPECT_THAT(copy({"*.txt"}), IsEmpty());
}

TEST_F(CopyUntracked, WhatIsThereIsNeverReplaced) {
  put(".env", "new");
  write_file(copied(".env"), "old");
  fs::create_symlink("nowhere", copied(".env.local"));
  put(".env.local", "new");
  EXPECT_THAT(copy(), IsEmpty());
  EXPECT_EQ(read_file(copied(".env")), "old");
  EXPECT_FALSE(fs::exists(copied("nowhere")));
}

TEST_F(CopyUntracked, AFileOrALinkInPlaceOfAFolderIsLeftAlone) {
  put("a/secret");
  put("b/secret");
  write_file(copied("a"), "file");
  fs::create_directory(repo_.outside() / "elsewhere");
  fs::create_directory_symlink(repo_.outside() / "elsewhere", copied("b"));
  EXPECT_THAT(copy({"secret"}), IsEmpty());
  EXPECT_TRUE(fs::is_empty(repo_.outside() / "elsewhere"));
}

TEST_F(CopyUntracked, PermissionsAreKeptAndPrivilegesAreNot) {
  put("bin/tool");
  put(".env");
  chmod(source("bin").c_str(), 0750);
  chmod(source("bin/tool").c_str(), 04755);
  chmod(source(".env").c_str(), 0600);
  EXPECT_THAT(copy({"tool"}), ElementsAre(".env", "bin/tool"));
  EXPECT_EQ(mode_of(copied("bin")), 0750u);
  EXPECT_EQ(mode_of(copied("bin/tool")), 0755u);
  EXPECT_EQ(mode_of(copied(".env")), 0600u);
}

TEST_F(CopyUntracked, AReadOnlyFolderCanBeCopiedToo) {
  put("ro/one");
  put("ro/two");
  chmod(source("ro").c_str(), 0500);
  EXPECT_THAT(copy({"ro/"}), ElementsAre("ro/one", "ro/two"));
  chmod(source("ro").c_str(), 0700);
}

TEST_F(CopyUntracked, LinksAreCopiedAsLinksWhenTheyStayInside) {
  put("d/e/file");
  const auto link = [&](const char* target, const char* name) { fs::create_symlink(target, source(name)); };
  link("file", "d/e/beside");
  link("../../README.md", "d/e/up");
  link("missing", "d/dangling");
  link("../../secret", "d/outside");
  link("/etc/hostname", "d/absolute");
  link("../..", "d/e/root");
  link("e/root/../..", "d/by_way_of_a_link");  // on paper it stays inside, on disk it does not
  EXPECT_THAT(copy({"d/"}), ElementsAre("d/dangling", "d/e/beside", "d/e/file", "d/e/root", "d/e/up"));
  EXPECT_EQ(fs::read_symlink(copied("d/e/up")), "../../README.md");
}

TEST_F(CopyUntracked, ALinkToAFolderIsNotWalkedInto) {
  fs::create_directory(repo_.outside() / "elsewhere");
  write_file(repo_.outside() / "elsewhere/secret", "x");
  fs::create_directory_symlink(repo_.outside() / "elsewhere", source("linked"));
  EXPECT_THAT(copy({"secret", "linked/"}), IsEmpty());
}

TEST_F(CopyUntracked, SocketsFifosAndDevicesAreLeftOut) {
  put("run/file");
  ASSERT_EQ(mkfifo(source("run/fifo").c_str(), 0600), 0);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{AF_UNIX, {}};
  source("run/socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  close(fd);
  EXPECT_THAT(copy({"run/"}), ElementsAre("run/file"));
}

TEST_F(CopyUntracked, OtherWorktreesAndRepositoriesKeepTheirFiles) {
  repo_.git({"worktree", "add", "--quiet", "worktrees/sibling"});
  repo_.git({"worktree", "add", "--quiet", "elsewhere/worktree"});
  repo_.git({"init", "--quiet", "vendor/nested"});
  for (const char* folder :
       {"worktrees/sibling", "worktrees/half_made", "elsewhere/worktree", "vendor/nested", "vendor"}) {
    put(std::string(folder) + "/secret");
  }
  write_file(copied("secret"), "own");
  EXPECT_THAT(copy({"secret"}), ElementsAre("vendor/secret"));
  fs::remove_all(copied("vendor"));
  EXPECT_THAT(copy({"*"}), testing::Not(testing::Contains(HasSubstr(".git"))));
}

TEST_F(CopyUntracked, TheUsersOwnExcludesDoNotCount) {
  test::IsolatedHome home;
  write_file(home.path() / ".config/git/ignore", "private\n");
  write_file(repo_.root() / ".git/info/exclude", "private\n");
  put("private");
  EXPECT_THAT(copy({"other"}), IsEmpty());
}

TEST_F(CopyUntracked, ALargeFileIsWholeAndOddNamesAreKept) {
  std::string large(5'000'000, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761u >> 24);
  put("data/large", large);
  put("data/caf\xe9 \n*");
  EXPECT_THAT(copy({"data/"}), ElementsAre("data/caf\xe9 \n*", "data/large"));
  EXPECT_TRUE(read_file(copied("data/large")) == large);
}

TEST_F(CopyUntracked, AFolderThatCannotBeReadMattersOnlyWhenItWasAskedFor) {
  if (geteuid() == 0) GTEST_SKIP() << "nothing is unreadable for root";
  put("closed/secret");
  chmod(source("closed").c_str(), 0);
  EXPECT_THAT(copy({"secret"}), IsEmpty());
  EXPECT_THROW(copy({"closed/"}), Error);
  chmod(source("closed").c_str(), 0700);
}

TEST_F(CopyUntracked, AFileThatCannotBeReadIsNamed) {
  if (geteuid() == 0) GTEST_SKIP() << "nothing is unreadable for root";
  put(".env");
  chmod(source(".env").c_str(), 0);
  try {
    copy();
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "cannot read .env: Permission denied");
  }
}

TEST_F(CopyUntracked, AnIncludeFileThatIsNoFileIsAnErrorAndHoldsNobodyUp) {
  ASSERT_EQ(mkfifo(source(".worktreeinclude").c_str(), 0600), 0);
  try {
    copy();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_input);
    EXPECT_THAT(error.what(), HasSubstr(".worktreeinclude is no readable text file"));
  }
}

TEST_F(CopyUntracked, AMissingFolderIsNamed) {
  try {
    copy_untracked(repo_.root(), repo_.outside() / "nowhere", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_THAT(error.what(), HasSubstr("nowhere"));
  }
  EXPECT_THROW(copy_untracked(repo_.outside() / "nowhere", copied(""), {}), Error);
}

}  // namespace
}  // namespace fanout::environment
