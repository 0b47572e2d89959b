#include <algorithm>

#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::IsEmpty;

class ExcludeTest : public ::testing::Test {
 protected:
  fs::path file() const { return sandbox_.root() / ".git/info/exclude"; }
  std::string status() const { return sandbox_.git({"status", "--porcelain"}); }
  GitSandbox sandbox_;
};

TEST_F(ExcludeTest, HidesTheFolderFromTheStatusOfGit) {
  write_file(sandbox_.root() / "worktrees/x/file", "x");
  EXPECT_EQ(status(), "?? worktrees/");
  exclude_from_status(sandbox_.root(), "worktrees");
  EXPECT_EQ(status(), "");
}

TEST_F(ExcludeTest, KeepsWhatIsThereEvenWithoutALineEnd) {
  write_file(file(), "*.log\nbuild");
  exclude_from_status(sandbox_.root(), "worktrees");
  EXPECT_EQ(read_file(file()), "*.log\nbuild\n/worktrees/\n");
}

TEST_F(ExcludeTest, AddsItsLineOnceHoweverItIsWritten) {
  for (const char* line : {"worktrees", "/worktrees", "worktrees/", "/worktrees/", "/worktrees/\r"}) {
    write_file(file(), std::string(line) + "\n");
    exclude_from_status(sandbox_.root(), "./worktrees/");
    EXPECT_EQ(read_file(file()), std::string(line) + "\n");
  }
}

TEST_F(ExcludeTest, HasOneLineAfterManyCallersAtOnce) {
  fs::remove_all(sandbox_.root() / ".git/info");
  EXPECT_THAT(at_once(16, [&](int i) { exclude_from_status(sandbox_.root(), i % 2 ? "a" : "b"); }),
              IsEmpty());
  auto lines = lines_of(read_file(file()));
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (std::vector<std::string>{"/a/", "/b/"}));
}

TEST_F(ExcludeTest, TakesSpecialCharactersLiterally) {
  write_file(sandbox_.root() / "w[1]*/file", "x");
  write_file(sandbox_.root() / "w1x/file", "x");
  exclude_from_status(sandbox_.root(), "w[1]*");
  EXPECT_EQ(status(), "?? w1x/");
}

TEST_F(ExcludeTest, WritesTheCommonFileFromInsideALinkedWorktree) {
  sandbox_.commit_file("f", "x");
  sandbox_.git({"worktree", "add", "--quiet", "-b", "other", (sandbox_.outside() / "linked").string()});
  exclude_from_status(sandbox_.outside() / "linked", "worktrees");
  EXPECT_THAT(read_file(file()), ::testing::HasSubstr("/worktrees/\n"));
}

TEST_F(ExcludeTest, LeavesAFolderOutsideOfTheRepositoryAlone) {
  const std::string before = read_file(file());
  for (const char* folder : {"..", "../elsewhere", "/elsewhere", ".", ""})
    exclude_from_status(sandbox_.root(), folder);
  EXPECT_EQ(read_file(file()), before);
}

TEST_F(ExcludeTest, KeepsALinkToAFileElsewhere) {
  write_file(sandbox_.outside() / "mine", "*.o\n");
  fs::remove(file());
  fs::create_symlink(sandbox_.outside() / "mine", file());
  exclude_from_status(sandbox_.root(), "worktrees");
  EXPECT_TRUE(fs::is_symlink(file()));
  EXPECT_EQ(read_file(sandbox_.outside() / "mine"), "*.o\n/worktrees/\n");
}

}  // namespace
}  // namespace fanout::git
