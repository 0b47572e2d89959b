#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "tests/unit/git/snapshot_helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class RestoreTest : public SnapshotFixture {
 protected:
  Restored undo(unsigned number) {
    return restore_snapshot(sandbox_.root(), tree_, "feature/a", "run", "a", number);
  }

  std::string error_of_undo(ErrorKind kind, unsigned number) {
    return error_of(kind, [&] { undo(number); });
  }

  /// The worktree is as snapshot `number` holds it, in git's own eyes.
  void expect_restored(unsigned number) {
    const std::string ref = "refs/fanout/snap/run/a/" + std::to_string(number);
    EXPECT_EQ(in_tree({"rev-parse", "HEAD"}), sandbox_.git({"rev-parse", ref + "^"}));
    EXPECT_EQ(in_tree({"symbolic-ref", "HEAD"}), "refs/heads/feature/a");
    EXPECT_EQ(in_tree({"diff", "--cached"}), "");
    EXPECT_EQ(tree_by_git(tree_), tree_of(ref));
    EXPECT_EQ(in_tree({"status", "--porcelain"}).find("rebase"), std::string::npos);
  }
};

TEST_F(RestoreTest, PutsFilesAndBranchBackAndKeepsWhatWasThere) {
  write_file(tree_ / "README.md", "one\n");
  write_file(tree_ / "new/f", "one\n");
  ASSERT_TRUE(take());
  in_tree({"add", "-A"});
  in_tree({"commit", "-qm", "later"});
  write_file(tree_ / "README.md", "two\n");
  fs::remove_all(tree_ / "new");
  write_file(tree_ / "later/f", "untracked\n");
  write_file(tree_ / "x.tmp", "ignored");
  const Restored restored = undo(1);
  EXPECT_EQ(restored.safety, 2u);
  EXPECT_EQ(restored.head, sandbox_.git({"rev-parse", "main"}));
  expect_restored(1);
  EXPECT_EQ(read_file(tree_ / "README.md"), "one\n");
  EXPECT_EQ(read_file(tree_ / "x.tmp"), "ignored");
  EXPECT_FALSE(fs::exists(tree_ / "later"));
  EXPECT_EQ(in_tree({"status", "--porcelain"}), " M README.md\n?? new/");
  // And back again.
  EXPECT_EQ(undo(2).safety, 3u);
  expect_restored(2);
  EXPECT_EQ(read_file(tree_ / "later/f"), "untracked\n");
}

TEST_F(RestoreTest, NothingToDoIsDone) {
  write_file(tree_ / "f", "1");
  ASSERT_TRUE(take());
  EXPECT_EQ(undo(1).safety, 1u);
  expect_restored(1);
}

TEST_F(RestoreTest, KindsOfFilesAndNastyNamesComeBack) {
  write_file(tree_ / "run.sh", "#!/bin/sh\n");
  fs::permissions(tree_ / "run.sh", fs::perms::owner_all);
  fs::create_symlink("/etc/passwd", tree_ / "link");
  write_file(tree_ / "new\nline", "1");
  write_file(tree_ / "not \xff\xfe utf-8", "2");
  write_file(tree_ / "was-file", "1");
  write_file(tree_ / "was-folder/deep/x", "1");
  write_file(tree_ / "mode", "1");
  ASSERT_TRUE(take());
  fs::remove(tree_ / "run.sh");
  fs::remove(tree_ / "link");
  write_file(tree_ / "link", "no link");
  fs::remove(tree_ / "new\nline");
  fs::remove(tree_ / "was-file");
  write_file(tree_ / "was-file/deep/f", "2");
  fs::create_directories(tree_ / "was-file/empty/folders");
  fs::remove_all(tree_ / "was-folder");
  fs::create_directory_symlink(sandbox_.outside(), tree_ / "was-folder");
  fs::permissions(tree_ / "mode", fs::perms::owner_all);
  undo(1);
  expect_restored(1);
  EXPECT_EQ(fs::read_symlink(tree_ / "link"), "/etc/passwd");
  EXPECT_NE(fs::status(tree_ / "run.sh").permissions() & fs::perms::owner_exec, fs::perms::none);
  EXPECT_FALSE(fs::exists(sandbox_.outside() / "deep"));
  undo(2);
  expect_restored(2);
}

TEST_F(RestoreTest, LineEndsComeBackAsTheyWere) {
  write_file(tree_ / ".gitattributes", "*.bat text eol=crlf\n");
  write_file(tree_ / "a.bat", "one\r\n");
  ASSERT_TRUE(take());
  fs::remove(tree_ / ".gitattributes");
  write_file(tree_ / "a.bat", "two\r\n");
  undo(1);
  expect_restored(1);
  EXPECT_EQ(read_file(tree_ / "a.bat"), "one\r\n");
}

TEST_F(RestoreTest, AHalfDoneMergeIsForgotten) {
  ASSERT_TRUE(take());
  write_file(tree_ / "README.md", "ours\n");
  in_tree({"commit", "-qam", "ours"});
  sandbox_.commit_file("README.md", "theirs\n");
  EXPECT_NE(test::run_in(tree_, {"git", "merge", "main"}).status, 0);
  undo(1);
  expect_restored(1);
  EXPECT_EQ(in_tree({"status", "--porcelain"}), "");
  EXPECT_FALSE(fs::exists(admin() / "MERGE_HEAD"));
}

TEST_F(RestoreTest, AHalfDoneRebaseIsForgottenAndTheBranchIsCheckedOutAgain) {
  write_file(tree_ / "README.md", "ours\n");
  in_tree({"commit", "-qam", "ours"});
  ASSERT_TRUE(take());
  sandbox_.commit_file("README.md", "theirs\n");
  EXPECT_NE(test::run_in(tree_, {"git", "rebase", "main"}).status, 0);
  undo(1);
  expect_restored(1);
  EXPECT_EQ(in_tree({"log", "-1", "--format=%s"}), "ours");
  EXPECT_FALSE(fs::exists(admin() / "rebase-merge"));
}

TEST_F(RestoreTest, ABranchThatTheAgentLeftOrDeletedIsBack) {
  write_file(tree_ / "f", "1");
  ASSERT_TRUE(take());
  in_tree({"checkout", "-q", "-b", "other"});
  in_tree({"branch", "-q", "-D", "feature/a"});
  in_tree({"add", "f"});
  in_tree({"commit", "-qm", "f"});
  undo(1);
  expect_restored(1);
  EXPECT_EQ(sandbox_.git({"log", "-1", "--format=%s", "other"}), "f");
}

TEST_F(RestoreTest, ABranchCheckedOutElsewhereIsRefused) {
  write_file(tree_ / "f", "1");
  ASSERT_TRUE(take());
  in_tree({"checkout", "-q", "--detach"});
  sandbox_.git({"worktree", "add", "-q", (sandbox_.outside() / "other").string(), "feature/a"});
  write_file(tree_ / "f", "2");
  EXPECT_THAT(error_of_undo(ErrorKind::precondition, 1), HasSubstr((sandbox_.outside() / "other").string()));
  EXPECT_EQ(read_file(tree_ / "f"), "2");
}

TEST_F(RestoreTest, ABranchMovedBySomebodyElseIsRefused) {
  write_file(tree_ / "f", "1");
  ASSERT_TRUE(take());
  in_tree({"checkout", "-q", "--detach"});
  const std::string theirs = sandbox_.commit_file("theirs", "1");
  sandbox_.git({"update-ref", "refs/heads/feature/a", theirs});
  write_file(tree_ / "f", "2");
  EXPECT_THAT(error_of_undo(ErrorKind::precondition, 1), HasSubstr("moved by somebody else"));
  EXPECT_EQ(read_file(tree_ / "f"), "2");
  EXPECT_EQ(sandbox_.git({"rev-parse", "feature/a"}), theirs);
}

TEST_F(RestoreTest, AnIndexThatIsLockedIsRefusedAndNothingIsChanged) {
  write_file(tree_ / "f", "1");
  ASSERT_TRUE(take());
  write_file(tree_ / "f", "2");
  write_file(admin() / "index.lock", "");
  EXPECT_THAT(error_of_undo(ErrorKind::unavailable, 1), HasSubstr("index.lock"));
  EXPECT_EQ(read_file(tree_ / "f"), "2");
  EXPECT_TRUE(fs::exists(admin() / "index.lock"));
}

TEST_F(RestoreTest, AnIgnoredFileInTheWayIsNeverOverwritten) {
  write_file(tree_ / ".env", "first");
  ASSERT_TRUE(take());
  write_file(tree_ / ".gitignore", ".env\n");
  write_file(tree_ / ".env", "precious");
  EXPECT_THAT(error_of_undo(ErrorKind::precondition, 1), HasSubstr(".env is in the way"));
  EXPECT_EQ(read_file(tree_ / ".env"), "precious");
  EXPECT_EQ(read_file(tree_ / ".gitignore"), ".env\n");
}

TEST_F(RestoreTest, AnIgnoredFolderOrLinkInTheWayIsNeverRemoved) {
  write_file(tree_ / "out", "a file");
  write_file(tree_ / "gen/f", "in a folder");
  ASSERT_TRUE(take());
  fs::remove(tree_ / "out");
  write_file(tree_ / ".gitignore", "precious\n/gen\n");
  write_file(tree_ / "out/deep/precious", "1");
  EXPECT_THAT(error_of_undo(ErrorKind::precondition, 1), HasSubstr("out/deep/precious is in the way"));
  fs::remove_all(tree_ / "out");
  fs::remove_all(tree_ / "gen");
  fs::create_directory(sandbox_.outside() / "elsewhere");
  fs::create_directory_symlink(sandbox_.outside() / "elsewhere", tree_ / "gen");
  EXPECT_THAT(error_of_undo(ErrorKind::precondition, 1), HasSubstr("gen is in the way"));
  EXPECT_TRUE(fs::is_empty(sandbox_.outside() / "elsewhere"));
}

TEST_F(RestoreTest, ANestedRepositoryStays) {
  ASSERT_TRUE(take());
  git_in(tree_, {"init", "-q", "nested"});
  write_file(tree_ / "nested/f", "theirs");
  write_file(tree_ / "f", "ours");
  undo(1);
  EXPECT_EQ(read_file(tree_ / "nested/f"), "theirs");
  EXPECT_FALSE(fs::exists(tree_ / "f"));
}

TEST_F(RestoreTest, SubmodulesAndSparseFilesAreLeftAlone) {
  GitSandbox other;
  other.commit_file("f", "1");
  in_tree({"-c", "protocol.file.allow=always", "submodule", "add", "-q", other.root().string(), "sub"});
  in_tree({"commit", "-qm", "sub"});
  in_tree({"sparse-checkout", "set", "--no-cone", "/*", "!/src"});
  ASSERT_TRUE(take());
  write_file(tree_ / "f", "1");
  write_file(tree_ / "README.md", "changed");
  undo(1);
  EXPECT_EQ(in_tree({"status", "--porcelain"}), "");
  EXPECT_FALSE(fs::exists(tree_ / "src"));
  EXPECT_EQ(read_file(tree_ / "sub/f"), "1");
}

TEST_F(RestoreTest, WhatIsNotThereIsNamed) {
  EXPECT_THAT(error_of_undo(ErrorKind::not_found, 1), HasSubstr("none was taken"));
  ASSERT_TRUE(take());
  EXPECT_THAT(error_of_undo(ErrorKind::not_found, 7), HasSubstr("no snapshot 7; the last one is 1"));
  error_of(ErrorKind::not_found, [&] {
    restore_snapshot(sandbox_.root(), sandbox_.outside() / "nowhere", "feature/a", "run", "a", 1);
  });
  error_of(ErrorKind::invalid_input, [&] { restore_snapshot(sandbox_.root(), tree_, "-x", "run", "a", 1); });
}

TEST_F(RestoreTest, CutOffAtAnyInstantAndCalledAgainItFinishesAndLosesNothing) {
  for (int i = 0; i < 60; ++i) write_file(tree_ / "one" / std::to_string(i), "one " + std::to_string(i));
  write_file(tree_ / "x.tmp", "a snapshot has it, since git follows it");
  in_tree({"add", "-f", "x.tmp"});
  in_tree({"commit", "-qam", "one"});
  ASSERT_TRUE(take());
  fs::remove_all(tree_ / "one");
  in_tree({"rm", "-q", "x.tmp"});
  in_tree({"commit", "-qam", "two"});
  for (int i = 0; i < 60; ++i) write_file(tree_ / "two" / std::to_string(i), "two " + std::to_string(i));
  ASSERT_TRUE(take());
  const std::string first = tree_of("refs/fanout/snap/run/a/1");
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  int killed = 0;
  for (int round = 0; round < 30; ++round) {
    const unsigned number = round % 2 == 0 ? 1 : 2;
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        undo(number);
      } catch (const std::exception&) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(random() % 40000));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
      ++killed;
    else
      EXPECT_EQ(WEXITSTATUS(status), 0) << "seed " << seed << " round " << round;
    const Restored restored = undo(number);
    expect_restored(number);
    EXPECT_EQ(read_file(tree_ / (number == 1 ? "one/7" : "two/7")), number == 1 ? "one 7" : "two 7");
    EXPECT_GE(restored.safety, 2u);
    if (HasFailure()) break;
  }
  EXPECT_GT(killed, 0);
  EXPECT_EQ(tree_of("refs/fanout/snap/run/a/1"), first);
}

}  // namespace
}  // namespace fanout::git
