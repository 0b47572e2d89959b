#include "server/git/landing.hpp"

#include <atomic>

#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LandingTest : public ::testing::Test {
 protected:
  LandingTest() : from_(sandbox_.commit_file("a.txt", "a\n")) {
    sandbox_.git({"checkout", "--quiet", "-b", "work"});
    sandbox_.commit_file("a.txt", "A\n");
    sandbox_.commit_file("dir/b.txt", "b\n");
    sandbox_.git({"rm", "--quiet", "a.txt"});
    sandbox_.git({"commit", "--quiet", "-m", "remove"});
    to_ = sandbox_.commit_file("c.txt", "c\n");
    sandbox_.git({"checkout", "--quiet", "main"});
  }

  Landed land_on(const std::string& branch) { return land({sandbox_.root(), branch, from_, to_, "merge: a test"}); }
  std::string tip(const std::string& branch) const { return sandbox_.git({"rev-parse", branch}); }
  std::string refusal() {
    const auto before = sandbox_.git({"status", "--porcelain"});
    const auto said = error_of(ErrorKind::precondition, [&] { land_on("main"); });
    EXPECT_EQ(tip("main"), from_);
    EXPECT_EQ(sandbox_.git({"status", "--porcelain"}), before);
    EXPECT_THAT(said, HasSubstr("--into"));
    return said;
  }

  GitSandbox sandbox_;
  std::string from_, to_;
  const std::vector<std::string> paths_{"a.txt", "c.txt", "dir/b.txt"};
};

TEST_F(LandingTest, ABranchThatNobodyHasCheckedOutMovesAlone) {
  sandbox_.git({"branch", "release"});
  EXPECT_EQ(require_landable(sandbox_.root(), "release", paths_), Holder::nobody);
  const auto landed = land_on("release");
  EXPECT_TRUE(landed.moved);
  EXPECT_FALSE(landed.files);
  EXPECT_EQ(tip("release"), to_);
  EXPECT_EQ(sandbox_.git({"status", "--porcelain"}), "");
  EXPECT_EQ(tip("HEAD"), from_);
  EXPECT_THAT(sandbox_.git({"reflog", "show", "release"}), HasSubstr("merge: a test"));
}

TEST_F(LandingTest, TheFilesOfTheMainCheckoutGoAlong) {
  write_file(sandbox_.root() / "untracked.txt", "mine\n");
  EXPECT_EQ(require_landable(sandbox_.root(), "main", paths_), Holder::main_checkout);
  const auto landed = land_on("main");
  EXPECT_TRUE(landed.moved);
  EXPECT_TRUE(landed.files);
  EXPECT_EQ(tip("main"), to_);
  EXPECT_EQ(sandbox_.git({"status", "--porcelain"}), "?? untracked.txt") << "as after git merge";
  EXPECT_EQ(read_file(sandbox_.root() / "dir/b.txt"), "b\n");
  EXPECT_FALSE(fs::exists(sandbox_.root() / "a.txt"));
  EXPECT_EQ(read_file(sandbox_.root() / "untracked.txt"), "mine\n");
  EXPECT_EQ(sandbox_.git({"symbolic-ref", "HEAD"}), "refs/heads/main");
}

TEST_F(LandingTest, ABranchThatIsElsewhereByNowIsLeftAlone) {
  sandbox_.git({"branch", "release"});
  sandbox_.git({"branch", "--force", "release", "work~1"});
  const auto now = tip("release");
  EXPECT_FALSE(land_on("release").moved);
  EXPECT_EQ(tip("release"), now);
  const auto moved = sandbox_.commit_file("mine.txt", "x");
  EXPECT_FALSE(land_on("main").moved);
  EXPECT_EQ(tip("main"), moved);
}

TEST_F(LandingTest, OfManyAtOnceOneMovesIt) {
  sandbox_.git({"branch", "release"});
  std::atomic<int> moved = 0;
  EXPECT_THAT(at_once(8, [&](int i) {
                const auto other = sandbox_.git({"rev-parse", "work~" + std::to_string(i % 3)});
                if (land({sandbox_.root(), "release", from_, other, "merge: race"}).moved) ++moved;
              }),
              ::testing::IsEmpty());
  EXPECT_EQ(moved, 1);
}

TEST_F(LandingTest, ChangesInTheMainCheckoutAreRefusedWithAWayOut) {
  write_file(sandbox_.root() / "a.txt", "my change\n");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("one uncommitted change (a.txt)"), HasSubstr("commit first")));
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { require_landable(sandbox_.root(), "main", paths_); }), HasSubstr("--into"));
  EXPECT_EQ(read_file(sandbox_.root() / "a.txt"), "my change\n");
}

TEST_F(LandingTest, ChangesInOtherFilesStayAndDoNoHarm) {
  for (const char* name : {"edited.txt", "removed.txt"}) from_ = sandbox_.commit_file(name, "before\n");
  sandbox_.git({"checkout", "--quiet", "work"});
  sandbox_.git({"merge", "--quiet", "--no-edit", "main"});
  to_ = tip("work");
  sandbox_.git({"checkout", "--quiet", "main"});
  write_file(sandbox_.root() / "edited.txt", "mine\n");
  fs::remove(sandbox_.root() / "removed.txt");
  EXPECT_EQ(require_landable(sandbox_.root(), "main", paths_), Holder::main_checkout);
  EXPECT_TRUE(land_on("main").files);
  EXPECT_EQ(tip("main"), to_);
  EXPECT_EQ(sandbox_.git({"status", "--porcelain"}), " M edited.txt\n D removed.txt") << "as after git merge";
  EXPECT_EQ(read_file(sandbox_.root() / "edited.txt"), "mine\n");
  EXPECT_EQ(read_file(sandbox_.root() / "c.txt"), "c\n");
}

TEST_F(LandingTest, WhatIsStagedIsAChangeToo) {
  write_file(sandbox_.root() / "staged.txt", "x\n");
  sandbox_.git({"add", "staged.txt"});
  EXPECT_THAT(refusal(), HasSubstr("uncommitted"));
}

TEST_F(LandingTest, AnUntrackedOrIgnoredFileInTheWayIsNeverOverwritten) {
  write_file(sandbox_.root() / "c.txt", "precious\n");
  EXPECT_THAT(refusal(), HasSubstr("c.txt"));
  EXPECT_EQ(read_file(sandbox_.root() / "c.txt"), "precious\n");
  EXPECT_EQ(read_file(sandbox_.root() / "a.txt"), "a\n") << "nothing was begun";
  write_file(sandbox_.root() / ".git/info/exclude", "c.txt\n");
  EXPECT_THAT(refusal(), HasSubstr("c.txt"));
  EXPECT_EQ(read_file(sandbox_.root() / "c.txt"), "precious\n");
}

TEST_F(LandingTest, AMergeThatIsUnfinishedThereIsNotDisturbed) {
  write_file(sandbox_.root() / ".git/MERGE_HEAD", to_ + "\n");
  EXPECT_THAT(refusal(), HasSubstr("unfinished"));
}

TEST_F(LandingTest, WhatAnotherWorktreeHasCheckedOutIsNotMoved) {
  sandbox_.git({"branch", "release"});
  sandbox_.git({"worktree", "add", "--quiet", (sandbox_.outside() / "elsewhere").string(), "release"});
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { require_landable(sandbox_.root(), "release", paths_); }), AllOf(HasSubstr("elsewhere"), HasSubstr("--into")));
  error_of(ErrorKind::precondition, [&] { land_on("release"); });
  EXPECT_EQ(tip("release"), from_);
}

TEST_F(LandingTest, FilesThatGoThroughAFilterAreLeftToGit) {
  sandbox_.git({"config", "filter.upper.smudge", "tr a-z A-Z"});
  write_file(sandbox_.root() / ".git/info/attributes", "*.txt filter=upper\n");
  EXPECT_THAT(refusal(), HasSubstr("filter"));
}

TEST_F(LandingTest, ALockOfGitIsWaitedForAndThenTold) {
  write_file(sandbox_.root() / ".git/index.lock", "");
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { land_on("main"); }), HasSubstr("index"));
  EXPECT_EQ(tip("main"), from_);
}

/// As the death of the process leaves it: noted, and some files written.
TEST_F(LandingTest, WhatWasCutOffIsFinished) {
  write_file(sandbox_.root() / ".git/fanout-rebase", from_ + " " + to_ + "\n");
  fs::create_directories(sandbox_.root() / "dir");
  write_file(sandbox_.root() / "dir/b.txt", "b\n");
  fs::remove(sandbox_.root() / "a.txt");
  finish_landing(sandbox_.root());
  EXPECT_EQ(tip("main"), to_);
  EXPECT_EQ(sandbox_.git({"status", "--porcelain"}), "");
  EXPECT_FALSE(fs::exists(sandbox_.root() / ".git/fanout-rebase"));
}

TEST_F(LandingTest, WhatWasCutOffAfterTheBranchMovedIsFinishedToo) {
  sandbox_.git({"merge", "--quiet", "--ff-only", "work"});
  sandbox_.git({"read-tree", from_});  // the index of before
  write_file(sandbox_.root() / ".git/fanout-rebase", from_ + " " + to_ + "\n");
  finish_landing(sandbox_.root());
  EXPECT_EQ(sandbox_.git({"status", "--porcelain"}), "");
}

TEST_F(LandingTest, FinishingDoesNothingWhereNothingWasBegun) {
  write_file(sandbox_.root() / "a.txt", "my change\n");
  finish_landing(sandbox_.root());
  EXPECT_EQ(read_file(sandbox_.root() / "a.txt"), "my change\n");
}

}  // namespace
}  // namespace fanout::git
