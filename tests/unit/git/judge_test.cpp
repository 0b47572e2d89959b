#include "server/git/judge.hpp"

#include <sys/stat.h>

#include "server/git/removal.hpp"
#include "tests/unit/git/snapshot_helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string numbered(int count, const std::string& word = "line") {
  std::string text;
  for (int i = 0; i < count; ++i) text += word + " " + std::to_string(i) + "\n";
  return text;
}

/// A worktree on feature/a, begun at main, with two commits.
class JudgeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sandbox_.commit_file("code", numbered(40));
    sandbox_.commit_file(".gitignore", "*.tmp\n");
    base_ = sandbox_.git({"rev-parse", "main"});
    tree_ = add_for(sandbox_, "a").path;
    commit("new", "new file\n", "first");
    commit("code", "first of all\n" + numbered(40), "second");
  }

  std::string commit(const std::string& path, const std::string& content, const std::string& message) {
    write_file(tree_ / path, content);
    git_in(tree_, {"add", "--", path});
    git_in(tree_, {"commit", "-qm", message});
    return git_in(tree_, {"rev-parse", "HEAD"});
  }

  JudgeRequest request() {
    return {sandbox_.root(), "feature/a", tree_, base_, {"main"}, "origin", false, std::nullopt};
  }

  void expect_kept(const JudgeRequest& asked, const std::string& reason) {
    const Verdict verdict = judge(asked);
    EXPECT_FALSE(verdict.removable) << verdict.reason;
    EXPECT_THAT(verdict.reason, HasSubstr(reason));
  }

  void expect_kept(const std::string& reason) { expect_kept(request(), reason); }

  void expect_removable(const JudgeRequest& asked, const std::string& reason) {
    const Verdict verdict = judge(asked);
    EXPECT_TRUE(verdict.removable) << testing::PrintToString(verdict.details);
    EXPECT_THAT(verdict.reason, HasSubstr(reason));
    EXPECT_THAT(verdict.details, IsEmpty());
  }

  void expect_removable(const std::string& reason) { expect_removable(request(), reason); }

  /// On main, all of feature/a as one commit.
  void squash() {
    sandbox_.git({"merge", "-q", "--squash", "feature/a"});
    sandbox_.git({"commit", "-qm", "squashed"});
  }

  GitSandbox sandbox_;
  fs::path tree_;
  std::string base_;
};

TEST_F(JudgeTest, CommitsThatAreNowhereElseAreKeptAndNamed) {
  const Verdict verdict = judge(request());
  EXPECT_FALSE(verdict.removable);
  EXPECT_EQ(verdict.reason, "2 commits are in nothing else: neither on main, origin, nor as the same change");
  ASSERT_THAT(verdict.details, SizeIs(2));
  EXPECT_THAT(verdict.details[0], HasSubstr(" second"));
  EXPECT_EQ(verdict.tip, sandbox_.git({"rev-parse", "feature/a"}));
}

TEST_F(JudgeTest, AMergedBranchIsRemovable) {
  sandbox_.commit_file("other", "1");
  sandbox_.git({"merge", "-q", "--no-ff", "-m", "merge", "feature/a"});
  expect_removable("main has its commits");
}

TEST_F(JudgeTest, AFastForwardedBranchIsRemovable) {
  sandbox_.git({"merge", "-q", "--ff-only", "feature/a"});
  expect_removable("main has its commits");
}

TEST_F(JudgeTest, ABranchWithoutCommitsIsRemovable) {
  git_in(tree_, {"reset", "-q", "--hard", base_});
  expect_removable("main has its commits");
}

TEST_F(JudgeTest, APushedBranchIsRemovableUnlessItIsToGoThereToo) {
  sandbox_.add_bare_remote();
  sandbox_.git({"push", "-q", "origin", "feature/a"});
  expect_removable("origin/feature/a has its commits");
  auto both = request();
  both.remote_branch_goes_too = true;
  expect_kept(both, "2 commits are in nothing else");
  auto here = request();
  here.remote = "";
  expect_kept(here, "neither on main, nor");
  commit("more", "1", "third");
  const Verdict verdict = judge(request());
  EXPECT_FALSE(verdict.removable);
  EXPECT_THAT(verdict.details, SizeIs(1));
}

TEST_F(JudgeTest, WhatTheRemoteHasNoLongerProvesNothing) {
  const fs::path bare = sandbox_.add_bare_remote();
  sandbox_.git({"push", "-q", "origin", "feature/a"});
  auto asked = request();
  asked.live = remote_branches(sandbox_.root(), "origin", {});
  expect_removable(asked, "origin/feature/a");
  git_in(bare, {"update-ref", "-d", "refs/heads/feature/a"});
  asked.live = remote_branches(sandbox_.root(), "origin", {});
  expect_kept(asked, "2 commits are in nothing else");
}

TEST_F(JudgeTest, ATargetThatMovedOnOnlyAtTheRemoteCounts) {
  sandbox_.add_bare_remote();
  squash();
  sandbox_.git({"push", "-q", "origin", "main"});
  sandbox_.git({"reset", "-q", "--hard", "HEAD~1"});
  expect_removable("origin/main");
}

TEST_F(JudgeTest, ASquashedBranchIsRemovable) {
  sandbox_.commit_file("other", "1");
  squash();
  expect_removable("merging it into main would change nothing");
}

TEST_F(JudgeTest, ASquashedBranchIsRecognisedThoughTheTargetChangedTheSameLinesSince) {
  sandbox_.commit_file("other", "1");
  squash();
  sandbox_.commit_file("code", "something else instead\n" + numbered(39, "rewritten"));
  expect_removable("main has its change as one commit");
}

TEST_F(JudgeTest, ASquashThatWasTakenBackLaterStillHasTheContent) {
  sandbox_.commit_file("other", "1");
  squash();
  sandbox_.git({"revert", "--no-edit", "HEAD"});
  expect_removable("main has its change as one commit");
}

TEST_F(JudgeTest, ASquashThatLacksALineIsNotTaken) {
  sandbox_.git({"merge", "-q", "--squash", "feature/a"});
  write_file(sandbox_.root() / "new", "new\n");
  sandbox_.git({"commit", "-qam", "almost"});
  expect_kept("2 commits are in nothing else");
}

TEST_F(JudgeTest, ASquashThatLacksAFileIsNotTaken) {
  sandbox_.git({"merge", "-q", "--squash", "feature/a"});
  sandbox_.git({"rm", "-qf", "new"});
  sandbox_.git({"commit", "-qam", "almost"});
  expect_kept("2 commits are in nothing else");
}

TEST_F(JudgeTest, WhiteSpaceIsContent) {
  commit("code.py", "if x:\n    a()\n    b()\n", "python");
  sandbox_.git({"merge", "-q", "--squash", "feature/a"});
  write_file(sandbox_.root() / "code.py", "if x:\n    a()\nb()\n");
  sandbox_.git({"commit", "-qam", "almost"});
  expect_kept("3 commits are in nothing else");
}

TEST_F(JudgeTest, BinaryContentAndModesCount) {
  commit("image", std::string("\0one", 4), "image");
  write_file(sandbox_.root() / "image", std::string("\0two", 4));
  for (const char* path : {"new", "code"}) write_file(sandbox_.root() / path, read_file(tree_ / path));
  sandbox_.git({"add", "-A", "--", "image", "new", "code"});
  sandbox_.git({"commit", "-qm", "another image"});
  expect_kept("in nothing else");
  sandbox_.git({"reset", "-q", "--hard", base_});
  squash();
  expect_removable("main");
  fs::permissions(tree_ / "new", fs::perms::owner_all);
  git_in(tree_, {"commit", "-qam", "executable"});
  expect_kept("in nothing else");
}

TEST_F(JudgeTest, ARebasedBranchIsRemovable) {
  sandbox_.commit_file("code", numbered(40) + "last\n");
  sandbox_.git({"cherry-pick", "feature/a~1", "feature/a"});
  sandbox_.commit_file("code", numbered(3, "all new"));
  sandbox_.commit_file("new", "another\n");
  expect_removable("main has each of its changes under another commit");
}

TEST_F(JudgeTest, ABranchRebasedInPartIsKept) {
  sandbox_.commit_file("code", numbered(40) + "last\n");
  sandbox_.git({"cherry-pick", "feature/a~1"});
  expect_kept("2 commits are in nothing else");
}

TEST_F(JudgeTest, ABranchThatMergedTheTargetIsRecognisedWhenRebased) {
  sandbox_.commit_file("side", "1");
  git_in(tree_, {"merge", "-q", "--no-edit", "main"});
  commit("third", "3\n", "third");
  sandbox_.commit_file("other", "1");
  sandbox_.git({"cherry-pick", "feature/a^1~2", "feature/a^1~1", "feature/a"});
  sandbox_.commit_file("new", "another\n");
  sandbox_.commit_file("third", "another\n");
  sandbox_.commit_file("code", numbered(3, "all new"));
  expect_removable("each of its changes");
}

TEST_F(JudgeTest, AMergeWithAChangeOfItsOwnIsKept) {
  sandbox_.commit_file("side", "1");
  git_in(tree_, {"merge", "-q", "--no-commit", "main"});
  write_file(tree_ / "evil", "only in the merge");
  git_in(tree_, {"add", "evil"});
  git_in(tree_, {"commit", "-qm", "merge"});
  sandbox_.git({"cherry-pick", "feature/a^1~1", "feature/a^1"});
  expect_kept("in nothing else");
}

TEST_F(JudgeTest, CommitsThatCancelEachOtherOutAreKept) {
  git_in(tree_, {"revert", "--no-edit", "HEAD", "HEAD~1"});
  expect_kept("4 commits are in nothing else");
}

TEST_F(JudgeTest, EmptyCommitsHoldNothing) {
  squash();
  git_in(tree_, {"commit", "-q", "--allow-empty", "-m", "nothing"});
  expect_removable("main");
  git_in(tree_, {"reset", "-q", "--hard", base_});
  git_in(tree_, {"commit", "-q", "--allow-empty", "-m", "nothing"});
  expect_removable("main");
}

TEST_F(JudgeTest, AStackedBranchIsRemovableWhenBothWereSquashed) {
  const std::string lower = sandbox_.git({"rev-parse", "feature/a"});
  commit("upper", "1\n", "upper");
  commit("code", "second of all\nfirst of all\n" + numbered(40), "upper too");
  sandbox_.commit_file("other", "1");
  sandbox_.git({"merge", "-q", "--squash", lower});
  sandbox_.git({"commit", "-qm", "lower"});
  auto asked = request();
  asked.base = lower;
  expect_kept(asked, "in nothing else");
  sandbox_.git({"checkout", "-q", "feature/a", "--", "code", "upper"});
  sandbox_.git({"commit", "-qm", "upper"});
  expect_removable(asked, "main");
  sandbox_.commit_file("code", "something else\n");
  sandbox_.commit_file("new", "something else\n");
  expect_removable(asked, "main has its change as one commit");
}

TEST_F(JudgeTest, AnUnrelatedTargetAndAMissingOneProveNothing) {
  sandbox_.git({"checkout", "-q", "--orphan", "fresh"});
  sandbox_.git({"commit", "-qm", "unrelated"});
  auto asked = request();
  asked.targets = {"fresh", "nowhere"};
  expect_kept(asked, "neither on fresh, nowhere, origin");
}

TEST_F(JudgeTest, ABranchIsNoProofOfItself) {
  auto asked = request();
  asked.targets = {"feature/a"};
  expect_kept(asked, "in nothing else");
}

TEST_F(JudgeTest, AttributesOfTheRepositoryDoNotBendTheComparison) {
  sandbox_.git({"reset", "-q", "--hard", base_});
  sandbox_.commit_file(".gitattributes", "* merge=union -diff\n");
  write_file(sandbox_.root() / "code", "almost first of all\n" + numbered(40));
  write_file(sandbox_.root() / "new", "new file\n");
  sandbox_.git({"add", "code", "new"});
  sandbox_.git({"commit", "-qm", "almost"});
  expect_kept("in nothing else");
}

TEST_F(JudgeTest, UncommittedWorkIsKept) {
  sandbox_.git({"merge", "-q", "--ff-only", "feature/a"});
  expect_removable("main");
  write_file(tree_ / "x.tmp", "ignored");
  expect_removable("main");
  write_file(tree_ / "notes", "untracked");
  write_file(tree_ / "code", "changed");
  const Verdict verdict = judge(request());
  EXPECT_FALSE(verdict.removable);
  EXPECT_EQ(verdict.reason, "2 files are not committed in " + tree_.string());
  EXPECT_THAT(verdict.details, ElementsAre("code", "notes"));
}

TEST_F(JudgeTest, StagedWorkIsKeptThoughTheFilesAreAsInHead) {
  sandbox_.git({"merge", "-q", "--ff-only", "feature/a"});
  write_file(tree_ / "precious", "staged alone");
  git_in(tree_, {"add", "precious"});
  fs::remove(tree_ / "precious");
  expect_kept("one file is staged and not committed in");
}

TEST_F(JudgeTest, ADetachedHeadWithCommitsOfItsOwnIsKept) {
  sandbox_.git({"merge", "-q", "--ff-only", "feature/a"});
  git_in(tree_, {"checkout", "-q", "--detach"});
  expect_removable("main");
  commit("more", "1", "on no branch");
  const Verdict verdict = judge(request());
  EXPECT_FALSE(verdict.removable);
  ASSERT_THAT(verdict.details, SizeIs(1));
  EXPECT_THAT(verdict.details[0], HasSubstr("on no branch"));
}

TEST_F(JudgeTest, WhatGitCannotVouchForIsKept) {
  sandbox_.git({"merge", "-q", "--ff-only", "feature/a"});
  git_in(tree_, {"init", "-q", "nested"});
  expect_kept("one item is nothing that git can keep");
  fs::remove_all(tree_ / "nested");
  ASSERT_EQ(::mkfifo((tree_ / "fifo").c_str(), 0600), 0);
  expect_removable("main");
}

TEST_F(JudgeTest, AFilledSubmoduleIsKept) {
  GitSandbox other;
  other.commit_file("f", "1");
  git_in(tree_, {"-c", "protocol.file.allow=always", "submodule", "add", "-q", other.root().string(), "sub"});
  git_in(tree_, {"commit", "-qm", "sub"});
  sandbox_.git({"merge", "-q", "--ff-only", "feature/a"});
  expect_kept("one submodule is filled");
}

TEST_F(JudgeTest, UnfinishedBusinessAndLocksAreKept) {
  sandbox_.git({"merge", "-q", "--ff-only", "feature/a"});
  sandbox_.git({"worktree", "lock", "--reason", "on a stick", tree_.string()});
  expect_kept("is locked: on a stick");
  sandbox_.git({"worktree", "unlock", tree_.string()});
  write_file(sandbox_.root() / ".git/worktrees/a/MERGE_HEAD", base_ + "\n");
  expect_kept("a merge is unfinished");
}

TEST_F(JudgeTest, TheMainCheckoutAndStrangeFoldersAreKept) {
  auto asked = request();
  asked.worktree = sandbox_.root();
  expect_kept(asked, "is the main checkout");
  asked.worktree = sandbox_.outside() / "strange";
  write_file(asked.worktree / "f", "1");
  expect_kept(asked, "git does not know it");
}

TEST_F(JudgeTest, AWorktreeThatIsGoneDoesNotMatter) {
  sandbox_.git({"merge", "-q", "--ff-only", "feature/a"});
  fs::remove_all(tree_);
  expect_removable("main");
  sandbox_.git({"worktree", "prune"});
  sandbox_.git({"branch", "-qD", "feature/a"});
  expect_removable("there is nothing left of it");
}

TEST_F(JudgeTest, ACommitMadeToFillTheMemoryIsKept) {
  sandbox_.commit_file("README.md", "1");
  const std::string monster = bomb(sandbox_);
  auto asked = request();
  asked.worktree = "";
  sandbox_.git({"update-ref", "refs/heads/feature/a", monster});
  expect_kept(asked, "more files");
  // Hidden in the middle, under a harmless tip.
  const std::string over = sandbox_.git({"commit-tree", "-p", monster, "-m", "harmless", "main~1^{tree}"});
  sandbox_.git({"update-ref", "refs/heads/feature/a", over});
  EXPECT_FALSE(judge(asked).removable);
  EXPECT_FALSE(judge(request()).removable);
}

TEST_F(JudgeTest, FoldersDeeperThanAnyPathAreKept) {
  std::string object = "100644 blob " + sandbox_.git({"rev-parse", "main:code"});
  // The name makes it deep enough in few steps.
  const std::string name(250, 'd');
  for (int level = 0; level < 20; ++level) {
    write_file(sandbox_.outside() / "lines", object + "\t" + name + "\n");
    const auto tree = test::run_in(sandbox_.root(), {"sh", "-c", "git mktree < ../lines"});
    object = "040000 tree " + lines_of(tree.text).at(0);
  }
  const std::string deep = sandbox_.git({"commit-tree", "-p", "main", "-m", "deep", object.substr(12)});
  sandbox_.git({"update-ref", "refs/heads/feature/a", deep});
  expect_kept("deeper folders");
}

TEST_F(JudgeTest, ChangesNothing) {
  squash();
  const std::string before =
      sandbox_.git({"for-each-ref"}) + read_file(sandbox_.root() / ".git/worktrees/a/index");
  judge(request());
  EXPECT_EQ(sandbox_.git({"for-each-ref"}) + read_file(sandbox_.root() / ".git/worktrees/a/index"), before);
}

TEST_F(JudgeTest, AStopEndsIt) {
  std::stop_source stop;
  stop.request_stop();
  error_of(ErrorKind::cancelled, [&] { judge(request(), stop.get_token()); });
}

TEST_F(JudgeTest, WorktreesAreInspected) {
  WorktreeFacts facts = inspect_worktree(sandbox_.root(), tree_);
  EXPECT_TRUE(facts.registered && facts.whole && !facts.locked && !facts.dirty);
  EXPECT_EQ(facts.branch, "feature/a");
  EXPECT_EQ(facts.head, sandbox_.git({"rev-parse", "feature/a"}));
  write_file(tree_ / "notes", "1");
  sandbox_.git({"worktree", "lock", tree_.string()});
  facts = inspect_worktree(sandbox_.root(), tree_);
  EXPECT_TRUE(facts.dirty && facts.locked);
  write_file(tree_ / ".git", "gitdir: /elsewhere\n");
  EXPECT_FALSE(inspect_worktree(sandbox_.root(), tree_).whole);
  fs::remove_all(tree_);
  facts = inspect_worktree(sandbox_.root(), tree_);
  EXPECT_TRUE(facts.registered && !facts.whole && !facts.dirty);
  EXPECT_FALSE(inspect_worktree(sandbox_.root(), sandbox_.outside() / "x").registered);
  EXPECT_TRUE(inspect_worktree(sandbox_.root(), sandbox_.root()).whole);
}

TEST_F(JudgeTest, WorktreesThatGitMadeAreWholeAndHalfMadeOnesAreNot) {
  const fs::path theirs = sandbox_.outside() / "theirs";
  sandbox_.git({"worktree", "add", "-q", "-b", "theirs", theirs.string()});
  EXPECT_TRUE(inspect_worktree(sandbox_.root(), theirs).whole);
  fs::remove(sandbox_.root() / ".git/worktrees/theirs/index");
  EXPECT_FALSE(inspect_worktree(sandbox_.root(), theirs).whole);
}

}  // namespace
}  // namespace fanout::git
