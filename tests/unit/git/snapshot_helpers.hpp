#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include "server/git/snapshot.hpp"
#include "tests/unit/git/helpers.hpp"

namespace fanout::git {

/// A commit of few objects that has ten million files.
inline std::string bomb(const GitSandbox& sandbox) {
  std::string object = "100644 blob " + sandbox.git({"rev-parse", "main:README.md"});
  for (int level = 0; level < 7; ++level) {
    std::string lines;
    for (int i = 0; i < 10; ++i) lines += object + "\t" + std::to_string(i) + "\n";
    write_file(sandbox.outside() / "lines", lines);
    const auto tree = test::run_in(sandbox.root(), {"sh", "-c", "git mktree < ../lines"});
    object = "040000 tree " + lines_of(tree.text).at(0);
  }
  return sandbox.git({"commit-tree", "-p", "main", "-m", "bomb", object.substr(12)});
}

/// A repository with a worktree of task "a", branch feature/a.
class SnapshotFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    sandbox_.commit_file("README.md", "hello\n");
    sandbox_.commit_file(".gitignore", "*.tmp\n/build/\n");
    sandbox_.commit_file("src/main.c", "int main;\n");
    tree_ = add_for(sandbox_, "a").path;
  }

  void TearDown() override {
    const auto output = sandbox_.try_git({"fsck", "--full", "--strict", "--no-dangling"});
    EXPECT_EQ(output.status, 0) << output.text;
  }

  std::optional<Snapshot> take(const std::string& message = "test") {
    return take_snapshot(sandbox_.root(), tree_, "run", "a", message);
  }

  std::string in_tree(const std::vector<std::string>& arguments) { return git_in(tree_, arguments); }

  fs::path admin() { return sandbox_.root() / ".git/worktrees/a"; }

  std::string tree_of(const std::string& commit) { return sandbox_.git({"rev-parse", commit + "^{tree}"}); }

  /// The tree that git itself would commit, by a copy of the index. The copy keeps the index's time: git reads a
  /// file anew when it is not older than the index, and would take a younger copy for proof that it is unchanged.
  std::string tree_by_git(const fs::path& worktree) {
    const fs::path index = sandbox_.outside() / "index-of-git";
    const fs::path original = git_in(worktree, {"rev-parse", "--absolute-git-dir"}) + "/index";
    fs::copy_file(original, index, fs::copy_options::overwrite_existing);
    fs::last_write_time(index, fs::last_write_time(original));
    const std::string variable = "GIT_INDEX_FILE=" + index.string();
    const auto added = test::run_in(worktree, {"env", variable, "git", "add", "-A"});
    EXPECT_EQ(added.status, 0) << added.text;
    return lines_of(test::run_in(worktree, {"env", variable, "git", "write-tree"}).text).at(0);
  }

  void expect_as_git() {
    const auto taken = take();
    ASSERT_TRUE(taken);
    EXPECT_EQ(tree_of(taken->commit), tree_by_git(tree_));
  }

  GitSandbox sandbox_;
  fs::path tree_;
};

}  // namespace fanout::git
