#include <unistd.h>

#include <cstdlib>

#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::HasSubstr;

TEST(FindRepository, IsFoundFromASubfolder) {
  GitSandbox sandbox;
  fs::create_directories(sandbox.root() / "a/b");
  EXPECT_EQ(find_repository(sandbox.root()), sandbox.root());
  EXPECT_EQ(find_repository(sandbox.root() / "a/b"), sandbox.root());
}

TEST(FindRepository, IsTheMainCheckoutFromInsideALinkedWorktree) {
  GitSandbox sandbox;
  sandbox.commit_file("a/file", "x");
  sandbox.git({"worktree", "add", "--quiet", "-b", "other", (sandbox.outside() / "linked").string()});
  EXPECT_EQ(find_repository(sandbox.outside() / "linked"), sandbox.root());
  EXPECT_EQ(find_repository(sandbox.outside() / "linked/a"), sandbox.root());
}

TEST(FindRepository, AFolderOutsideOfAnyRepositoryIsNotFound) {
  TempDir folder;
  EXPECT_THAT(error_of(ErrorKind::not_found, [&] { find_repository(folder.path()); }),
              HasSubstr("is not inside a git repository"));
  error_of(ErrorKind::not_found, [&] { find_repository(folder / "missing"); });
}

TEST(FindRepository, ABareRepositoryIsRefused) {
  GitSandbox sandbox;
  const fs::path bare = sandbox.add_bare_remote();
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { find_repository(bare); }), HasSubstr("is bare"));
}

TEST(FindRepository, IgnoresTheEnvironmentVariablesOfGit) {
  GitSandbox sandbox, other;
  ::setenv("GIT_DIR", (other.root() / ".git").c_str(), 1);
  ::setenv("GIT_WORK_TREE", other.root().c_str(), 1);
  EXPECT_EQ(find_repository(sandbox.root()), sandbox.root());
  ::unsetenv("GIT_DIR");
  ::unsetenv("GIT_WORK_TREE");
}

TEST(FindRepository, ARepositoryOfAnotherUserIsRefusedUntilItIsTrusted) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  GitSandbox sandbox;
  fs::create_directory(sandbox.root() / "sub");
  ASSERT_EQ(::chown(sandbox.root().c_str(), 65534, 65534), 0);
  ASSERT_EQ(::chown((sandbox.root() / ".git").c_str(), 65534, 65534), 0);
  const fs::path config = fs::path(std::getenv("HOME")) / ".gitconfig";
  for (const std::string settings : {"", "[safe]\n\tdirectory = /elsewhere\n"}) {
    write_file(config, settings);
    const auto message = error_of(ErrorKind::precondition, [&] { find_repository(sandbox.root() / "sub"); });
    EXPECT_THAT(message, HasSubstr("git config --global --add safe.directory"));
    EXPECT_THAT(message, HasSubstr(sandbox.root().string() + "'"));
  }
  write_file(config, "[safe]\n\tdirectory = " + sandbox.root().string() + "\n");
  EXPECT_EQ(find_repository(sandbox.root() / "sub"), sandbox.root());
  fs::remove(config);
}

TEST(ResolveCommit, TakesBranchesTagsHeadAndIds) {
  GitSandbox sandbox;
  const std::string first = sandbox.commit_file("f", "1"), second = sandbox.commit_file("f", "2");
  sandbox.git({"tag", "-a", "v1", "-m", "one", first});
  EXPECT_EQ(resolve_commit(sandbox.root(), "main"), second);
  EXPECT_EQ(resolve_commit(sandbox.root(), "HEAD~1"), first);
  EXPECT_EQ(resolve_commit(sandbox.root(), "v1"), first);
  EXPECT_EQ(resolve_commit(sandbox.root(), first.substr(0, 10)), first);
}

TEST(ResolveCommit, AnUnknownNameIsNotFoundAndANonCommitIsAFault) {
  GitSandbox sandbox;
  sandbox.commit_file("f", "1");
  EXPECT_THAT(error_of(ErrorKind::not_found, [&] { resolve_commit(sandbox.root(), "nope"); }),
              HasSubstr("\"nope\""));
  error_of(ErrorKind::invalid_input, [&] { resolve_commit(sandbox.root(), "main:f"); });
}

TEST(ResolveCommit, ARepositoryWithoutACommitGetsARemedy) {
  GitSandbox sandbox;
  EXPECT_THAT(error_of(ErrorKind::not_found, [&] { resolve_commit(sandbox.root(), "HEAD"); }),
              HasSubstr("git commit --allow-empty"));
}

TEST(ResolveCommit, AFolderThatIsNoRepositoryIsNotFound) {
  TempDir folder;
  error_of(ErrorKind::not_found, [&] { resolve_commit(folder.path(), "HEAD"); });
}

TEST(BranchTip, IsTheCommitOrNothing) {
  GitSandbox sandbox;
  const std::string commit = sandbox.commit_file("f", "1");
  sandbox.git({"tag", "only-a-tag"});
  EXPECT_EQ(branch_tip(sandbox.root(), "main"), commit);
  EXPECT_EQ(branch_tip(sandbox.root(), "other"), std::nullopt);
  EXPECT_EQ(branch_tip(sandbox.root(), "only-a-tag"), std::nullopt);
  EXPECT_EQ(branch_tip(sandbox.root(), "not..valid"), std::nullopt);
}

TEST(BranchName, FollowsTheRulesOfGit) {
  for (const char* good : {"feature/task-1", "a", "a.b", "日本"}) EXPECT_TRUE(is_branch_name(good)) << good;
  for (const char* bad :
       {"", "-x", "HEAD", "a..b", "a b", "a.lock", "a/", "/a", "a//b", "a~1", "a:b", "@{", "a\nb"}) {
    EXPECT_FALSE(is_branch_name(bad)) << bad;
  }
  EXPECT_FALSE(is_branch_name(std::string("a\0b", 3)));
}

TEST(CurrentBranch, IsEmptyWhenHeadIsDetached) {
  GitSandbox sandbox;
  EXPECT_EQ(current_branch(sandbox.root()), "main");
  sandbox.commit_file("f", "1");
  EXPECT_EQ(current_branch(sandbox.root()), "main");
  sandbox.git({"checkout", "--quiet", "--detach"});
  EXPECT_EQ(current_branch(sandbox.root()), "");
}

}  // namespace
}  // namespace fanout::git
