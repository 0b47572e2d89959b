#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RebaseTest : public ::testing::Test {
 protected:
  RebaseTest() {
    base_ = sandbox_.commit_file("shared", "base\n");
    tree_ = add_for(sandbox_, "task-1").path;
  }

  std::string work(const std::string& file, const std::string& content, const std::string& message) {
    write_file(tree_ / file, content);
    return *commit_all(sandbox_.root(), tree_, message);
  }

  /// Everything that a failed rebase must leave as it was.
  std::string state() {
    return git_in(tree_, {"status", "--porcelain=v2", "--branch"}) + git_in(tree_, {"for-each-ref"}) +
           git_in(tree_, {"ls-files", "--stage"}) + git_in(tree_, {"diff", "HEAD"}) +
           read_file(tree_ / "shared");
  }

  std::string rebased(const std::string& onto) { return std::get<std::string>(rebase(sandbox_.root(), tree_, onto)); }

  GitSandbox sandbox_;
  std::string base_;
  fs::path tree_;
};

TEST_F(RebaseTest, ReplaysTheCommitsOnTheNewBase) {
  work("a", "a\n", "feat: a");
  work("b", "b\n", "feat: b");
  const std::string onto = sandbox_.commit_file("c", "c\n");
  const std::string head = rebased(onto);
  EXPECT_EQ(branch_tip(sandbox_.root(), "feature/task-1"), head);
  EXPECT_EQ(current_branch(sandbox_.root(), tree_), "feature/task-1");
  EXPECT_EQ(git_in(tree_, {"log", "--format=%s", onto + "..HEAD"}), "feat: b\nfeat: a");
  EXPECT_EQ(git_in(tree_, {"status", "--porcelain"}), "");
  EXPECT_TRUE(fs::exists(tree_ / "c"));
  EXPECT_EQ(sandbox_.try_git({"fsck", "--full", "--strict"}).status, 0);
}

TEST_F(RebaseTest, KeepsAuthorAndMessage) {
  write_file(tree_ / "a", "a\n");
  git_in(tree_, {"add", "a"});
  git_in(tree_,
         {"-c", "user.name=Grace", "-c", "user.email=g@example.org", "commit", "-qm", "one\n\nTask: x"});
  rebased(sandbox_.commit_file("c", "c\n"));
  EXPECT_EQ(git_in(tree_, {"log", "-1", "--format=%an|%cn|%B"}), "Grace|Ada|one\n\nTask: x");
}

TEST_F(RebaseTest, AConflictNamesTheFilesAndLeavesEverythingAsItWas) {
  work("fine", "fine\n", "feat: fine");
  work("shared", "ours\n", "feat: clash");
  write_file(tree_ / "untracked", "kept");
  const std::string onto = sandbox_.commit_file("shared", "theirs\n");
  const std::string before = state();
  const auto result = rebase(sandbox_.root(), tree_, onto);
  ASSERT_TRUE(std::holds_alternative<MergeConflict>(result));
  EXPECT_THAT(std::get<MergeConflict>(result).files, ElementsAre("shared"));
  EXPECT_THAT(std::get<MergeConflict>(result).with, HasSubstr("feat: clash"));
  EXPECT_EQ(state(), before);
}

TEST_F(RebaseTest, ACommitThatTheNewBaseHasAlreadyIsDropped) {
  work("same", "same\n", "feat: same");
  work("more", "more\n", "feat: more");
  const std::string onto = sandbox_.commit_file("same", "same\n");
  rebased(onto);
  EXPECT_EQ(git_in(tree_, {"log", "--format=%s", onto + "..HEAD"}), "feat: more");
}

TEST_F(RebaseTest, WithNothingOfItsOwnItMovesForward) {
  const std::string onto = sandbox_.commit_file("c", "c\n");
  EXPECT_EQ(rebased(onto), onto);
  EXPECT_EQ(git_in(tree_, {"status", "--porcelain"}), "");
  EXPECT_TRUE(fs::exists(tree_ / "c"));
}

TEST_F(RebaseTest, OntoWhatItHoldsAlreadyItDoesNothing) {
  const std::string head = work("a", "a\n", "feat: a");
  EXPECT_EQ(rebased(base_), head);
}

TEST_F(RebaseTest, UncommittedChangesAreRefused) {
  const std::string onto = sandbox_.commit_file("c", "c\n");
  write_file(tree_ / "shared", "changed\n");
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { rebase(sandbox_.root(), tree_, onto); }), HasSubstr("commit first"));
  EXPECT_EQ(read_file(tree_ / "shared"), "changed\n");
}

TEST_F(RebaseTest, AnUntrackedFileInTheWayIsNotOverwritten) {
  work("a", "a\n", "feat: a");
  const std::string onto = sandbox_.commit_file("c", "theirs\n");
  write_file(tree_ / "c", "mine\n");
  const std::string before = state();
  error_of(ErrorKind::precondition, [&] { rebase(sandbox_.root(), tree_, onto); });
  EXPECT_EQ(read_file(tree_ / "c"), "mine\n");
  EXPECT_EQ(state(), before);
}

TEST_F(RebaseTest, AnIgnoredFileInTheWayIsNotOverwritten) {
  sandbox_.commit_file(".gitignore", "secret\n");
  tree_ = add_for(sandbox_, "task-2").path;
  work("a", "a\n", "feat: a");
  write_file(sandbox_.root() / "secret", "theirs\n");
  sandbox_.git({"add", "-f", "secret"});
  sandbox_.git({"commit", "-qm", "secret"});
  write_file(tree_ / "secret", "mine\n");
  error_of(ErrorKind::precondition, [&] { rebased(sandbox_.git({"rev-parse", "main"})); });
  EXPECT_EQ(read_file(tree_ / "secret"), "mine\n");
}

TEST_F(RebaseTest, WhereTheWorktreesOwnGitFileLeadsDoesNotMatter) {
  work("a", "a\n", "feat: a");
  const std::string onto = sandbox_.commit_file("c", "c\n");
  const std::string link = read_file(tree_ / ".git");
  write_file(tree_ / ".git", "gitdir: /nowhere\n");
  const std::string head = rebased(onto);
  EXPECT_EQ(branch_tip(sandbox_.root(), "feature/task-1"), head);
  EXPECT_EQ(read_file(tree_ / "c"), "c\n");
  write_file(tree_ / ".git", link);
  EXPECT_EQ(git_in(tree_, {"status", "--porcelain"}), "");
}

TEST_F(RebaseTest, LinksThatLeadOutOfTheWorktreeAreNotFollowed) {
  work("folder/a", "a\n", "feat: a");
  const std::string onto = sandbox_.commit_file("other/c", "theirs\n");
  fs::create_directories(sandbox_.outside() / "precious");
  fs::create_directory_symlink(sandbox_.outside() / "precious", tree_ / "other");
  error_of(ErrorKind::precondition, [&] { rebased(onto); });
  EXPECT_TRUE(fs::is_empty(sandbox_.outside() / "precious"));
}

TEST_F(RebaseTest, ADetachedHeadIsMovedAndNoBranch) {
  const std::string ours = work("a", "a\n", "feat: a");
  git_in(tree_, {"checkout", "--quiet", "--detach"});
  const std::string head = rebased(sandbox_.commit_file("c", "c\n"));
  EXPECT_EQ(git_in(tree_, {"rev-parse", "HEAD"}), head);
  EXPECT_EQ(current_branch(sandbox_.root(), tree_), "");
  EXPECT_EQ(branch_tip(sandbox_.root(), "feature/task-1"), ours);
}

}  // namespace
}  // namespace fanout::git
