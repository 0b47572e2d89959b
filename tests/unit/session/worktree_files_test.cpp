#include "server/session/worktree_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/error.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::session {
namespace {

namespace fs = std::filesystem;
using test::read_file;
using test::TempDir;
using test::write_file;

class WorktreeFiles : public testing::Test {
 protected:
  WorktreeFiles() {
    fs::create_directories(tree());
    write_file(folder_ / "secret", "secret");
    write_file(tree() / ".git", "gitdir: elsewhere");
  }

  fs::path tree() const { return folder_ / "tree"; }

  bool may_read(const fs::path& path) const {
    try {
      read_worktree_file(tree(), path, {}, {});
      return true;
    } catch (const Error&) {
      return false;
    }
  }
  bool may_write(const fs::path& path) const {
    try {
      write_worktree_file(tree(), path, "written");
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  TempDir folder_;
};

TEST_F(WorktreeFiles, WhatIsWrittenIsThereAndInNewFolders) {
  write_worktree_file(tree(), tree() / "a/b/c.txt", "one\ntwo\nthree\n");
  EXPECT_EQ(read_file(tree() / "a/b/c.txt"), "one\ntwo\nthree\n");
  write_worktree_file(tree(), tree() / "a/b/c.txt", "x");
  EXPECT_EQ(read_file(tree() / "a/b/c.txt"), "x") << "the rest of the old text is gone";
}

TEST_F(WorktreeFiles, LinesAreCountedFromOne) {
  write_worktree_file(tree(), tree() / "f", "one\ntwo\nthree");
  const auto read = [&](auto first, auto count) { return read_worktree_file(tree(), tree() / "f", first, count); };
  using Count = std::optional<std::uint32_t>;
  EXPECT_EQ(read(Count(2), Count()), "two\nthree");
  EXPECT_EQ(read(Count(2), Count(1)), "two\n");
  EXPECT_EQ(read(Count(), Count(2)), "one\ntwo\n");
  EXPECT_EQ(read(Count(9), Count(2)), "");
  EXPECT_EQ(read(Count(), Count()), "one\ntwo\nthree");
}

TEST_F(WorktreeFiles, NothingLeadsOut) {
  fs::create_symlink(folder_ / "secret", tree() / "link");
  fs::create_symlink("../secret", tree() / "relative");
  fs::create_directory_symlink(folder_.path(), tree() / "up");
  fs::create_symlink(".git", tree() / "to-git");
  for (const auto* path : {"link", "relative", "up/secret", "up/new", "../secret", ".git", "to-git", "a/../../secret"}) {
    EXPECT_FALSE(may_read(tree() / path)) << path;
    EXPECT_FALSE(may_write(tree() / path)) << path;
  }
  EXPECT_FALSE(may_read(folder_ / "secret"));
  EXPECT_EQ(read_file(folder_ / "secret"), "secret");
  EXPECT_FALSE(fs::exists(folder_ / "new"));
  EXPECT_EQ(read_file(tree() / ".git"), "gitdir: elsewhere");
}

TEST_F(WorktreeFiles, ALinkInsideTheWorktreeIsFollowed) {
  write_file(tree() / "real", "text");
  fs::create_symlink("real", tree() / "link");
  EXPECT_EQ(read_worktree_file(tree(), tree() / "link", {}, {}), "text");
}

TEST_F(WorktreeFiles, WhatIsNoPlainFileIsRefusedWithoutWaiting) {
  ASSERT_EQ(mkfifo((tree() / "fifo").c_str(), 0600), 0);
  fs::create_directory(tree() / "folder");
  for (const auto* path : {"fifo", "folder"}) {
    EXPECT_FALSE(may_read(tree() / path)) << path;
    EXPECT_FALSE(may_write(tree() / path)) << path;
  }
}

}  // namespace
}  // namespace fanout::session
