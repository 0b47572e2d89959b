#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CommitTest : public ::testing::Test {
 protected:
  CommitTest() {
    sandbox_.commit_file(".gitignore", "*.log\n");
    sandbox_.commit_file("kept", "one\n");
    sandbox_.commit_file("gone", "two\n");
    tree_ = add_for(sandbox_, "task-1").path;
  }

  std::string git(const std::vector<std::string>& arguments) { return git_in(tree_, arguments); }

  /// Commits, and has git confirm that nothing is left to commit.
  std::string commit(const std::string& message = "feat: work\n\nTask: task-1") {
    const auto id = commit_all(sandbox_.root(), tree_, message);
    EXPECT_TRUE(id);
    EXPECT_EQ(git({"rev-parse", "HEAD"}), id.value_or(""));
    EXPECT_EQ(git({"status", "--porcelain"}), "");
    EXPECT_EQ(sandbox_.try_git({"fsck", "--full", "--strict"}).status, 0);
    return id.value_or("");
  }

  std::string changes() { return git({"show", "--format=", "--name-status", "--no-renames", "HEAD"}); }

  GitSandbox sandbox_;
  fs::path tree_;
};

TEST_F(CommitTest, NothingChangedMakesNoCommit) {
  const std::string before = git({"rev-parse", "HEAD"});
  EXPECT_EQ(commit_all(sandbox_.root(), tree_, "nothing"), std::nullopt);
  EXPECT_EQ(git({"rev-parse", "HEAD"}), before);
}

TEST_F(CommitTest, HoldsNewModifiedAndDeletedFilesAndNoIgnoredOnes) {
  write_file(tree_ / "deep/new", "new\n");
  write_file(tree_ / "kept", "changed\n");
  write_file(tree_ / "noise.log", "noise\n");
  fs::remove(tree_ / "gone");
  commit();
  EXPECT_EQ(changes(), "A\tdeep/new\nD\tgone\nM\tkept");
}

TEST_F(CommitTest, HoldsWhatAFoldersOwnRulesTakeBackFromTheIgnored) {
  write_file(tree_ / "docs/.gitignore", "!kept.log\n");
  write_file(tree_ / "docs/kept.log", "work\n");
  write_file(tree_ / "docs/other.log", "noise\n");
  commit();
  EXPECT_EQ(changes(), "A\tdocs/.gitignore\nA\tdocs/kept.log");
}

TEST_F(CommitTest, AFileThatCannotBeReadIsNamedAndNothingIsCommitted) {
  if (::geteuid() == 0) GTEST_SKIP() << "nothing is unreadable to root";
  const std::string before = git({"rev-parse", "HEAD"});
  write_file(tree_ / "secret", "x\n");
  fs::permissions(tree_ / "secret", fs::perms::none);
  EXPECT_THAT([&] { commit_all(sandbox_.root(), tree_, "work"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("secret"), HasSubstr("cannot be read"))));
  EXPECT_EQ(git({"rev-parse", "HEAD"}), before);
}

TEST_F(CommitTest, WhatDidNotChangeKeepsItsTimesInTheIndex) {
  const auto times = [&] { return git({"ls-files", "--debug", "kept"}); };
  const std::string before = times();
  write_file(tree_ / "new", "new\n");
  commit_all(sandbox_.root(), tree_, "work");
  EXPECT_EQ(times(), before);
}

TEST_F(CommitTest, HoldsWhatTheAgentHadStagedAndThenChanged) {
  write_file(tree_ / "new", "staged\n");
  git({"add", "new"});
  write_file(tree_ / "new", "final\n");
  commit();
  EXPECT_EQ(git({"show", "HEAD:new"}), "final");
}

TEST_F(CommitTest, HoldsRenamesExecutableBitsAndLinks) {
  fs::rename(tree_ / "kept", tree_ / "moved");
  write_file(tree_ / "run.sh", "#!/bin/sh\n");
  fs::permissions(tree_ / "run.sh", fs::perms::owner_all);
  fs::create_symlink("/nowhere", tree_ / "link");
  commit();
  EXPECT_EQ(git({"show", "--format=", "--name-status", "-M", "--diff-filter=R", "HEAD"}),
            "R100\tkept\tmoved");
  EXPECT_THAT(git({"ls-tree", "HEAD"}), AllOf(HasSubstr("100755 blob"), HasSubstr("120000 blob")));
}

TEST_F(CommitTest, AFileThatBecameAFolderAndAFolderThatBecameAFileAreHeld) {
  fs::remove(tree_ / "kept");
  write_file(tree_ / "kept/inside", "x\n");
  commit();
  EXPECT_EQ(changes(), "D\tkept\nA\tkept/inside");
  fs::remove_all(tree_ / "kept");
  write_file(tree_ / "kept", "again\n");
  commit();
  EXPECT_EQ(changes(), "A\tkept\nD\tkept/inside");
}

TEST_F(CommitTest, EmptyFoldersFifosAndSocketsAreNotWork) {
  fs::create_directories(tree_ / "empty/folder");
  ASSERT_EQ(::mkfifo((tree_ / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(commit_all(sandbox_.root(), tree_, "nothing"), std::nullopt);
}

TEST_F(CommitTest, ANestedRepositoryIsLeftOutAndTheRestIsCommitted) {
  fs::create_directories(tree_ / "vendor/unborn");
  git_in(tree_ / "vendor/unborn", {"init", "--quiet"});
  write_file(tree_ / "vendor/unborn/file", "x");
  git_in(tree_, {"clone", "--quiet", sandbox_.root().string(), "vendor/cloned"});
  EXPECT_EQ(commit_all(sandbox_.root(), tree_, "nothing of ours"), std::nullopt);
  write_file(tree_ / "own", "x\n");
  ASSERT_TRUE(commit_all(sandbox_.root(), tree_, "own"));
  EXPECT_EQ(changes(), "A\town");
}

TEST_F(CommitTest, ASubmoduleThatMovedIsCommittedAsOne) {
  GitSandbox other;
  other.commit_file("f", "1");
  git({"-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.root().string(), "sub"});
  git({"commit", "--quiet", "-m", "add submodule"});
  git_in(tree_ / "sub",
         {"-c", "user.name=A", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "-m", "x"});
  commit();
  EXPECT_EQ(changes(), "M\tsub");
}

TEST_F(CommitTest, IsMadeByTheUserWithTheMessageGiven) {
  write_file(tree_ / "new", "x");
  commit("feat: add it\n\nLonger.\n\nTask: task-1");
  EXPECT_EQ(git({"log", "-1", "--format=%an <%ae> %cn <%ce>"}),
            "Ada <ada@example.org> Ada <ada@example.org>");
  EXPECT_EQ(git({"log", "-1", "--format=%B"}), "feat: add it\n\nLonger.\n\nTask: task-1");
  EXPECT_EQ(git({"log", "-1", "--format=%(trailers:key=Task,valueonly)"}), "task-1");
}

TEST_F(CommitTest, IsMadeByFanoutWhenTheUserHasNoName) {
  sandbox_.git({"config", "--unset", "user.name"});
  sandbox_.git({"config", "--unset", "user.email"});
  write_file(tree_ / "new", "x");
  commit();
  EXPECT_EQ(git({"log", "-1", "--format=%an <%ae>"}), "Fanout <fanout@localhost>");
}

TEST_F(CommitTest, RunsNoHooksAndNoFilters) {
  const fs::path hook = sandbox_.root() / ".git/hooks/pre-commit";
  write_file(hook, "#!/bin/sh\nexit 1\n");
  fs::permissions(hook, fs::perms::owner_all);
  sandbox_.git({"config", "filter.spy.clean", "touch " + (sandbox_.outside() / "spied").string() + "; cat"});
  write_file(tree_ / ".gitattributes", "*.txt filter=spy\n");
  write_file(tree_ / "a.txt", "x\n");
  EXPECT_TRUE(commit_all(sandbox_.root(), tree_, "work"));
  EXPECT_FALSE(fs::exists(sandbox_.outside() / "spied"));
}

/// A repository that runs a program of its own wherever git, or a library like it, is told to by configuration.
fs::path make_trap(const GitSandbox& sandbox) {
  const fs::path trap = sandbox.outside() / "trap";
  git_in(sandbox.outside(), {"init", "--quiet", "--bare", trap.string()});
  git_in(trap, {"config", "core.fsmonitor", "touch " + (sandbox.outside() / "sprung").string()});
  git_in(trap, {"config", "user.name", "Mallory"});
  return trap;
}

TEST_F(CommitTest, WhereTheWorktreesOwnGitFileLeadsDoesNotMatter) {
  const fs::path trap = make_trap(sandbox_);
  const std::string before = *branch_tip(sandbox_.root(), "feature/task-1");
  write_file(tree_ / "new", "x");
  write_file(tree_ / ".git", "gitdir: " + trap.string() + "\n");
  const auto id = commit_all(sandbox_.root(), tree_, "work");
  ASSERT_TRUE(id);
  EXPECT_EQ(branch_tip(sandbox_.root(), "feature/task-1"), id);
  EXPECT_EQ(sandbox_.git({"log", "-1", "--format=%an %P", *id}), "Ada " + before);
  EXPECT_EQ(sandbox_.git({"show", *id + ":new"}), "x");
  EXPECT_EQ(git_in(trap, {"for-each-ref"}), "");
  EXPECT_FALSE(fs::exists(sandbox_.outside() / "sprung"));
  EXPECT_FALSE(is_worktree(sandbox_.root(), tree_, "feature/task-1"));
}

TEST_F(CommitTest, WhereItsCommondirLeadsDoesNotMatter) {
  const fs::path trap = make_trap(sandbox_);
  write_file(sandbox_.root() / ".git/worktrees/task-1/commondir", trap.string() + "\n");
  write_file(sandbox_.root() / ".git/worktrees/task-1/config.worktree", "[user]\nname = Mallory\n");
  write_file(tree_ / "new", "x");
  const auto id = commit_all(sandbox_.root(), tree_, "work");
  ASSERT_TRUE(id);
  EXPECT_EQ(branch_tip(sandbox_.root(), "feature/task-1"), id);
  EXPECT_EQ(sandbox_.git({"log", "-1", "--format=%an", *id}), "Ada");
}

TEST_F(CommitTest, FifosInThePlacesThatGitReadsHangNobody) {
  const fs::path admin = sandbox_.root() / ".git/worktrees/task-1";
  write_file(tree_ / "new", "x");
  for (const char* name : {"MERGE_HEAD", "config.worktree", "CHERRY_PICK_HEAD"}) {
    ASSERT_EQ(::mkfifo((admin / name).c_str(), 0600), 0);
  }
  fs::remove(admin / "CHERRY_PICK_HEAD");
  EXPECT_TRUE(commit_all(sandbox_.root(), tree_, "work"));
}

TEST_F(CommitTest, WhoDiedAfterTheCommitOfAMergeDoesNotMakeASecondOne) {
  const std::string base = git({"rev-parse", "HEAD"});
  write_file(tree_ / "ours", "ours\n");
  const std::string ours = commit();
  git({"checkout", "--quiet", "-b", "theirs", base});
  write_file(tree_ / "theirs", "theirs\n");
  commit();
  git({"merge", "--quiet", "--no-commit", "feature/task-1"});
  const auto made = commit("merge");
  write_file(sandbox_.root() / ".git/worktrees/task-1/MERGE_HEAD", ours + "\n");  // as it was a moment before
  EXPECT_EQ(commit_all(sandbox_.root(), tree_, "merge"), std::nullopt);
  EXPECT_EQ(git({"rev-parse", "HEAD"}), made);
}

TEST_F(CommitTest, ALockLeftBehindIsNamed) {
  const fs::path lock = sandbox_.root() / ".git/worktrees/task-1/index.lock";
  write_file(lock, "");
  write_file(tree_ / "new", "x");
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { commit_all(sandbox_.root(), tree_, "x"); }),
              HasSubstr("remove " + lock.string()));
  fs::remove(lock);
  commit();
}

TEST_F(CommitTest, GoesWhereHeadIsWhenTheAgentMovedIt) {
  git({"checkout", "--quiet", "--detach"});
  write_file(tree_ / "new", "x");
  commit();
  EXPECT_EQ(current_branch(sandbox_.root(), tree_), "");
  git({"checkout", "--quiet", "-b", "elsewhere"});
  write_file(tree_ / "new", "y");
  EXPECT_EQ(branch_tip(sandbox_.root(), "elsewhere"), commit());
}

TEST_F(CommitTest, UnsolvedConflictsAreNamedAndNotCommitted) {
  const std::string base = git({"rev-parse", "HEAD"});
  write_file(tree_ / "kept", "ours\n");
  commit();
  git({"checkout", "--quiet", "-b", "theirs", base});
  write_file(tree_ / "kept", "theirs\n");
  commit();
  EXPECT_NE(test::run_in(tree_, {"git", "merge", "feature/task-1"}).status, 0);
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { commit_all(sandbox_.root(), tree_, "x"); }), HasSubstr("kept"));
}

TEST_F(CommitTest, AMergeThatWaitsToBeCommittedBecomesOne) {
  const std::string base = git({"rev-parse", "HEAD"});
  write_file(tree_ / "ours", "ours\n");
  const std::string ours = commit();
  git({"checkout", "--quiet", "-b", "theirs", base});
  write_file(tree_ / "theirs", "theirs\n");
  const std::string theirs = commit();
  git({"merge", "--quiet", "--no-commit", "feature/task-1"});
  commit("merge");
  EXPECT_EQ(git({"log", "-1", "--format=%P"}), theirs + " " + ours);
  EXPECT_FALSE(fs::exists(sandbox_.root() / ".git/worktrees/task-1/MERGE_HEAD"));
}

TEST_F(CommitTest, ARebaseLeftHalfDoneIsRefused) {
  const std::string base = git({"rev-parse", "HEAD"});
  write_file(tree_ / "kept", "ours\n");
  commit();
  git({"checkout", "--quiet", "-b", "theirs", base});
  write_file(tree_ / "kept", "theirs\n");
  commit();
  EXPECT_NE(test::run_in(tree_, {"git", "rebase", "feature/task-1"}).status, 0);
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { commit_all(sandbox_.root(), tree_, "x"); }),
              HasSubstr("rebase is unfinished"));
}

TEST_F(CommitTest, TheFirstCommitOfARepositoryWorks) {
  GitSandbox fresh;
  EXPECT_EQ(commit_all(fresh.root(), fresh.root(), "nothing"), std::nullopt);
  write_file(fresh.root() / "first", "x");
  const auto first = commit_all(fresh.root(), fresh.root(), "first");
  EXPECT_TRUE(first);
  EXPECT_EQ(first, branch_tip(fresh.root(), "main"));
}

TEST_F(CommitTest, ManyWorktreesCommitAtOnce) {
  constexpr int kTrees = 12;
  std::vector<fs::path> trees;
  for (int i = 0; i < kTrees; ++i) trees.push_back(add_for(sandbox_, "many-" + std::to_string(i)).path);
  EXPECT_THAT(at_once(kTrees,
                      [&](int i) {
                        const fs::path& tree = trees[static_cast<std::size_t>(i)];
                        write_file(tree / "same", "the same object in all\n");
                        write_file(tree / std::to_string(i), std::to_string(i));
                        if (!commit_all(sandbox_.root(), tree, "work " + std::to_string(i)))
                          throw std::runtime_error("no commit");
                      }),
              IsEmpty());
  for (const auto& tree : trees) EXPECT_EQ(git_in(tree, {"status", "--porcelain"}), "");
  EXPECT_EQ(sandbox_.try_git({"fsck", "--full", "--strict"}).status, 0);
}

}  // namespace
}  // namespace fanout::git
