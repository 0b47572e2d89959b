#include "tests/unit/git/snapshot_helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using SnapshotTest = SnapshotFixture;

std::string everything_in(const fs::path& folder) {
  std::string text;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat status = {};
    ::lstat(entry.path().c_str(), &status);
    text += entry.path().string();
    for (const auto number : {static_cast<long>(status.st_mode), static_cast<long>(status.st_ino),
                              status.st_mtim.tv_sec, status.st_mtim.tv_nsec}) {
      text += " " + std::to_string(number);
    }
    if (entry.is_regular_file() && !entry.is_symlink()) text += read_file(entry.path());
  }
  return text;
}

TEST_F(SnapshotTest, HoldsChangedNewAndStagedFilesAndNotIgnoredOnes) {
  write_file(tree_ / "README.md", "changed\n");
  write_file(tree_ / "new/file", "new\n");
  write_file(tree_ / "staged", "one\n");
  in_tree({"add", "staged"});
  write_file(tree_ / "x.tmp", "ignored");
  write_file(tree_ / "build/out", "ignored");
  fs::remove(tree_ / "src/main.c");
  const auto taken = take("before the rebase\n\nmore");
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->number, 1u);
  EXPECT_EQ(taken->ref, "refs/fanout/snap/run/a/1");
  EXPECT_EQ(taken->message, "before the rebase");
  EXPECT_EQ(taken->parent, in_tree({"rev-parse", "HEAD"}));
  EXPECT_THAT(taken->left_out, IsEmpty());
  EXPECT_EQ(sandbox_.git({"rev-parse", taken->ref}), taken->commit);
  EXPECT_EQ(sandbox_.git({"rev-parse", taken->ref + "^"}), taken->parent);
  EXPECT_THAT(lines_of(sandbox_.git({"ls-tree", "-r", "--name-only", taken->commit})),
              ElementsAre(".gitignore", "README.md", "new/file", "staged"));
  EXPECT_EQ(tree_of(taken->commit), tree_by_git(tree_));
}

TEST_F(SnapshotTest, TouchesNothingOfTheAgents) {
  write_file(tree_ / "README.md", "changed\n");
  write_file(tree_ / "staged", "one\n");
  in_tree({"add", "staged"});
  const std::string before = everything_in(tree_) + everything_in(admin());
  const std::string branch = in_tree({"rev-parse", "feature/a"});
  ASSERT_TRUE(take());
  EXPECT_EQ(everything_in(tree_) + everything_in(admin()), before);
  EXPECT_EQ(in_tree({"rev-parse", "feature/a"}), branch);
}

TEST_F(SnapshotTest, IsTakenOnceForOneStateAndAgainForTheNext) {
  write_file(tree_ / "f", "1\n");
  EXPECT_EQ(take()->number, 1u);
  EXPECT_FALSE(take());
  in_tree({"add", "f"});
  EXPECT_FALSE(take());
  write_file(tree_ / "f", "2\n");
  EXPECT_EQ(take()->number, 2u);
  // The same files on another commit are another state.
  in_tree({"commit", "-qam", "f"});
  EXPECT_EQ(take()->number, 3u);
  EXPECT_FALSE(take());
}

TEST_F(SnapshotTest, AChangeThatKeepsSizeAndTimesIsSeen) {
  write_file(tree_ / "same", "one\n");
  in_tree({"add", "same"});
  in_tree({"commit", "-qm", "same"});
  ASSERT_TRUE(take());
  struct stat before = {};
  ASSERT_EQ(::stat((tree_ / "same").c_str(), &before), 0);
  write_file(tree_ / "same", "two\n");
  const struct timespec times[] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (tree_ / "same").c_str(), times, 0), 0);
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(sandbox_.git({"cat-file", "blob", taken->commit + ":same"}), "two");
}

TEST_F(SnapshotTest, KindsOfFilesAndNastyNamesAreAsGitHasThem) {
  write_file(tree_ / "run.sh", "#!/bin/sh\n");
  fs::permissions(tree_ / "run.sh", fs::perms::owner_all);
  fs::create_symlink("/etc/passwd", tree_ / "link");
  fs::create_directory_symlink("src", tree_ / "folder-link");
  fs::create_symlink("nowhere", tree_ / "src/dangling");
  write_file(tree_ / "empty", "");
  write_file(tree_ / "new\nline\t\"quote\"", "1");
  write_file(tree_ / "not \xff\xfe utf-8", "2");
  write_file(tree_ / " leading and trailing ", "3");
  write_file(tree_ / "back\\slash/*?[x]", "4");
  write_file(tree_ / "-dash/--", "5");
  write_file(tree_ / "a", "file");
  write_file(tree_ / "a-b/x", "sorted between a and a/");
  write_file(tree_ / "zero", std::string("\0binary\0", 8));
  fs::create_directories(tree_ / "empty-folder/inner");
  expect_as_git();
}

TEST_F(SnapshotTest, ChangesOfKindAreSeen) {
  write_file(tree_ / "was-file", "1");
  write_file(tree_ / "was-folder/x", "1");
  fs::create_symlink("x", tree_ / "was-link");
  write_file(tree_ / "mode", "1");
  in_tree({"add", "-A"});
  in_tree({"commit", "-qm", "kinds"});
  ASSERT_TRUE(take());
  fs::remove(tree_ / "was-file");
  write_file(tree_ / "was-file/inner", "2");
  fs::remove_all(tree_ / "was-folder");
  fs::create_symlink("src", tree_ / "was-folder");
  fs::remove(tree_ / "was-link");
  write_file(tree_ / "was-link", "x");
  fs::permissions(tree_ / "mode", fs::perms::owner_all);
  expect_as_git();
}

TEST_F(SnapshotTest, FilesThatGitFollowsAreThereThoughIgnored) {
  write_file(tree_ / "build/kept", "1");
  write_file(tree_ / "build/not", "1");
  in_tree({"add", "-f", "build/kept"});
  write_file(tree_ / "build/kept", "2");
  expect_as_git();
}

TEST_F(SnapshotTest, WhatWasTakenOutOfTheIndexAndIsIgnoredIsNotThere) {
  write_file(tree_ / "f", "1");
  in_tree({"add", "f"});
  in_tree({"commit", "-qm", "f"});
  in_tree({"rm", "-q", "--cached", "f"});
  write_file(tree_ / ".gitignore", "f\n");
  expect_as_git();
}

TEST_F(SnapshotTest, RulesOfAllPlacesHold) {
  write_file(tree_ / "sub/.gitignore", "!keep.tmp\n/only-here\n**/deep/*.log\n");
  for (const char* name : {"sub/keep.tmp", "sub/x.tmp", "sub/only-here", "sub/in/only-here",
                           "sub/a/b/deep/x.log", "by-info", "by-user", "top.tmp"}) {
    write_file(tree_ / name, name);
  }
  write_file(sandbox_.root() / ".git/info/exclude", "by-info\n");
  const fs::path user = fs::path(std::getenv("HOME")) / "ignored";
  write_file(user, "by-user\n");
  sandbox_.git({"config", "core.excludesFile", user.string()});
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(tree_of(taken->commit), tree_by_git(tree_));
  const auto names = lines_of(sandbox_.git({"ls-tree", "-r", "--name-only", taken->commit}));
  EXPECT_THAT(names, Contains("sub/keep.tmp"));
  EXPECT_THAT(names, Not(Contains("by-user")));
}

TEST_F(SnapshotTest, LineEndsAreConvertedAsGitDoesIt) {
  write_file(tree_ / ".gitattributes",
             "* text=auto\n*.bat eol=crlf\n*.bin -text\nold text=auto\n[attr]win text eol=crlf\n");
  write_file(tree_ / "sub/.gitattributes", "raw -text\n*.w win\n");
  for (const char* name : {"a.txt", "b.bat", "c.bin", "sub/raw", "sub/cooked", "sub/x.w"}) {
    write_file(tree_ / name, "one\r\ntwo\r\n");
  }
  write_file(tree_ / "zero", std::string("a\r\n\0b", 5));
  expect_as_git();
}

TEST_F(SnapshotTest, AFileThatHasReturnsInTheIndexKeepsThem) {
  write_file(tree_ / "old", "one\r\n");
  in_tree({"add", "old"});
  in_tree({"commit", "-qm", "old"});
  write_file(tree_ / ".gitattributes", "* text=auto\n");
  write_file(tree_ / "old", "one\r\ntwo\r\n");
  write_file(tree_ / "new", "one\r\ntwo\r\n");
  expect_as_git();
}

TEST_F(SnapshotTest, TheUsersAutocrlfCounts) {
  sandbox_.git({"config", "core.autocrlf", "true"});
  sandbox_.git({"config", "core.safecrlf", "true"});
  write_file(tree_ / "a.txt", "one\r\ntwo\r\n");
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(test::run_in(sandbox_.root(), {"git", "cat-file", "blob", taken->commit + ":a.txt"}).text,
            "one\ntwo\n");
}

TEST_F(SnapshotTest, SplitAndCompressedIndexesAreRead) {
  write_file(tree_ / "x.tmp", "followed though ignored");
  in_tree({"add", "-f", "x.tmp"});
  in_tree({"update-index", "--index-version", "4"});
  expect_as_git();
  in_tree({"commit", "-qm", "x"});
  in_tree({"update-index", "--split-index"});
  write_file(tree_ / "f", "1");
  expect_as_git();
}

TEST_F(SnapshotTest, SparseFilesAreNotTakenForDeleted) {
  in_tree({"sparse-checkout", "set", "--no-cone", "/README.md"});
  ASSERT_FALSE(fs::exists(tree_ / "src/main.c"));
  write_file(tree_ / "README.md", "changed\n");
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(sandbox_.git({"diff", "--name-only", "feature/a", taken->commit}), "README.md");
}

TEST_F(SnapshotTest, UnsolvedConflictsAreTakenAsTheyLieThere) {
  write_file(tree_ / "README.md", "ours\n");
  in_tree({"commit", "-qam", "ours"});
  sandbox_.commit_file("README.md", "theirs\n");
  EXPECT_NE(test::run_in(tree_, {"git", "merge", "main"}).status, 0);
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_THAT(sandbox_.git({"cat-file", "blob", taken->commit + ":README.md"}), HasSubstr("<<<<<<<"));
}

TEST_F(SnapshotTest, ASubmoduleKeepsItsCommit) {
  GitSandbox other;
  other.commit_file("f", "1");
  in_tree({"-c", "protocol.file.allow=always", "submodule", "add", "-q", other.root().string(), "sub"});
  expect_as_git();
  in_tree({"commit", "-qm", "sub"});
  write_file(tree_ / "sub/f", "changed inside");
  write_file(tree_ / "f", "2");
  expect_as_git();
}

TEST_F(SnapshotTest, ADetachedAndAnUnbornHeadAreTaken) {
  in_tree({"checkout", "-q", "--detach"});
  write_file(tree_ / "f", "1");
  EXPECT_EQ(take()->parent, sandbox_.git({"rev-parse", "main"}));
  in_tree({"checkout", "-q", "--orphan", "fresh"});
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->parent, "");
  EXPECT_EQ(sandbox_.git({"rev-list", "--count", taken->commit}), "1");
}

TEST_F(SnapshotTest, AnEmptiedWorktreeIsAnEmptyTree) {
  in_tree({"rm", "-qr", "."});
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(sandbox_.git({"ls-tree", "-r", taken->commit}), "");
}

TEST_F(SnapshotTest, TheMainCheckoutCanBeTakenToo) {
  write_file(sandbox_.root() / "f", "1");
  const auto taken = take_snapshot(sandbox_.root(), sandbox_.root(), "run", "main", "x");
  ASSERT_TRUE(taken);
  // worktrees/a is a checkout of its own.
  EXPECT_EQ(sandbox_.git({"diff", "--name-only", "main", taken->commit}), "f");
}

TEST_F(SnapshotTest, DeepFoldersAreTaken) {
  fs::path deep = tree_;
  for (int i = 0; i < 400; ++i) deep /= "d";
  write_file(deep / "f", "1");
  expect_as_git();
}

TEST_F(SnapshotTest, LargeFilesAreTakenWhole) {
  std::string content(40 * 1024 * 1024, 'x');
  content[12345] = '\n';
  write_file(tree_ / "large", content);
  expect_as_git();
  EXPECT_FALSE(take());
}

TEST_F(SnapshotTest, FiveThousandFilesAreTakenAndTheSecondTimeNotReadAgain) {
  for (int i = 0; i < 5000; ++i) {
    write_file(tree_ / ("d" + std::to_string(i % 50)) / ("f" + std::to_string(i)), std::to_string(i));
  }
  expect_as_git();
  in_tree({"add", "-A"});
  in_tree({"commit", "-qm", "many"});
  expect_as_git();
}

}  // namespace
}  // namespace fanout::git
