#include "server/git/removal.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class RemovalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sandbox_.commit_file("f", "1");
    tree_ = add_for(sandbox_, "a").path;
  }

  void TearDown() override { EXPECT_EQ(sandbox_.try_git({"fsck", "--full", "--strict"}).status, 0); }

  bool remove() { return remove_worktree(sandbox_.root(), tree_); }

  void expect_gone() {
    EXPECT_FALSE(fs::exists(fs::symlink_status(tree_)));
    EXPECT_THAT(sandbox_.git({"worktree", "list"}), Not(HasSubstr("worktrees/a")));
    EXPECT_EQ(sandbox_.git({"worktree", "prune", "--dry-run", "-v"}), "");
    EXPECT_FALSE(fs::exists(sandbox_.root() / ".git/worktrees/a"));
  }

  std::string refusal(const fs::path& path) {
    return error_of(ErrorKind::precondition, [&] { remove_worktree(sandbox_.root(), path); });
  }

  std::string tip() { return sandbox_.git({"rev-parse", "feature/a"}); }

  GitSandbox sandbox_;
  fs::path tree_;
};

TEST_F(RemovalTest, FolderAndRegistrationGoAndTheBranchStays) {
  write_file(tree_ / "untracked/deep/f", "1");
  EXPECT_TRUE(remove());
  expect_gone();
  EXPECT_EQ(tip(), sandbox_.git({"rev-parse", "main"}));
  EXPECT_FALSE(remove());
}

TEST_F(RemovalTest, LinksAreRemovedAndNotFollowed) {
  write_file(sandbox_.outside() / "precious/f", "1");
  fs::create_directory_symlink(sandbox_.outside() / "precious", tree_ / "link");
  fs::create_symlink("/nowhere", tree_ / "dangling");
  fs::create_hard_link(sandbox_.outside() / "precious/f", tree_ / "hard");
  EXPECT_TRUE(remove());
  expect_gone();
  EXPECT_EQ(read_file(sandbox_.outside() / "precious/f"), "1");
}

TEST_F(RemovalTest, AWorktreeThatIsALinkIsRefused) {
  fs::rename(tree_, sandbox_.outside() / "moved");
  fs::create_directory_symlink(sandbox_.outside() / "moved", tree_);
  refusal(tree_);
  EXPECT_TRUE(fs::exists(sandbox_.outside() / "moved/f"));
}

TEST_F(RemovalTest, AnythingAnAgentLeavesIsRemoved) {
  fs::path deep = tree_;
  for (int i = 0; i < 300; ++i) deep /= "deeper";
  write_file(deep / "f", "1");
  write_file(tree_ / "read-only/f", "1");
  fs::permissions(tree_ / "read-only", fs::perms::owner_read | fs::perms::owner_exec);
  fs::create_directory(tree_ / "closed");
  fs::permissions(tree_ / "closed", fs::perms::none);
  ASSERT_EQ(::mkfifo((tree_ / "fifo").c_str(), 0600), 0);
  write_file(tree_ / "not \xff utf-8\n", "1");
  git_in(tree_, {"init", "-q", "nested"});
  fs::remove(tree_ / ".git");
  git_in(tree_, {"init", "-q"});
  EXPECT_TRUE(remove());
  expect_gone();
}

TEST_F(RemovalTest, AFolderDeeperThanAnyPathIsRemoved) {
  // Far below what a path can name, made step by step.
  std::string step;
  for (int i = 0; i < 15; ++i) step += std::string(200, 'd') + "/";
  const std::string go = "mkdir -p '" + step + "' && cd -P '" + step + "' || exit 1";
  const auto made = test::run_in(tree_, {"sh", "-c", "for i in 1 2 3; do " + go + "; done; touch f"});
  ASSERT_EQ(made.status, 0) << made.text;
  EXPECT_TRUE(remove());
  expect_gone();
}

TEST_F(RemovalTest, WhatIsNotOursToRemoveIsRefused) {
  EXPECT_THAT(refusal(sandbox_.root()), HasSubstr("main checkout"));
  write_file(sandbox_.outside() / "strange/f", "1");
  EXPECT_THAT(refusal(sandbox_.outside() / "strange"), HasSubstr("no worktree of this repository"));
  EXPECT_THAT(refusal(tree_.parent_path()), HasSubstr("no worktree of this repository"));
  GitSandbox other;
  other.commit_file("f", "1");
  EXPECT_THAT(refusal(add_for(other, "b").path), HasSubstr("no worktree of this repository"));
  EXPECT_TRUE(fs::exists(tree_ / "f"));
}

TEST_F(RemovalTest, ALockedOneIsRefused) {
  sandbox_.git({"worktree", "lock", "--reason", "on a stick", tree_.string()});
  EXPECT_THAT(refusal(tree_), HasSubstr("locked (on a stick)"));
  EXPECT_TRUE(fs::exists(tree_ / "f"));
}

TEST_F(RemovalTest, OneWithAnotherCheckoutInsideIsRefused) {
  sandbox_.git({"worktree", "add", "-q", "-b", "inner", (tree_ / "inner").string()});
  EXPECT_THAT(refusal(tree_), HasSubstr("another checkout lies in it"));
  EXPECT_TRUE(fs::exists(tree_ / "inner/f"));
}

TEST_F(RemovalTest, AFolderThatIsGoneIsUnregistered) {
  fs::remove_all(tree_);
  EXPECT_TRUE(remove());
  expect_gone();
}

TEST_F(RemovalTest, AForgedLinkDoesNotLeadElsewhere) {
  const fs::path other = add_for(sandbox_, "b").path;
  write_file(tree_ / ".git", "gitdir: " + (sandbox_.root() / ".git/worktrees/b").string() + "\n");
  EXPECT_TRUE(remove());
  expect_gone();
  EXPECT_EQ(git_in(other, {"status", "--porcelain"}), "");
}

TEST_F(RemovalTest, CutOffAtAnyInstantAndCalledAgainItFinishes) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  int killed = 0;
  for (int round = 0; round < 25; ++round) {
    for (int i = 0; i < 40; ++i) write_file(tree_ / std::to_string(i % 5) / std::to_string(i), "x");
    const pid_t child = ::fork();
    if (child == 0) {
      remove();
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(random() % 6000));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) ++killed;
    remove();
    prune_worktrees(sandbox_.root(), [](const fs::path&) { return false; });
    expect_gone();
    for (const auto& entry : fs::directory_iterator(sandbox_.root() / ".git")) {
      EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("fanout"))) << "seed " << seed;
    }
    if (HasFailure()) return;
    sandbox_.git({"worktree", "add", "-q", tree_.string(), "feature/a"});
  }
  EXPECT_GT(killed, 0) << "seed " << seed;
}

TEST_F(RemovalTest, TwentyAtOnceAllGo) {
  std::vector<fs::path> trees;
  for (int i = 0; i < 20; ++i) trees.push_back(add_for(sandbox_, "t" + std::to_string(i)).path);
  EXPECT_THAT(at_once(20,
                      [&](int i) {
                        const std::string branch = "feature/t" + std::to_string(i);
                        remove_worktree(sandbox_.root(), trees[static_cast<std::size_t>(i)]);
                        delete_branch(sandbox_.root(), branch, sandbox_.git({"rev-parse", branch}));
                      }),
              IsEmpty());
  EXPECT_EQ(lines_of(sandbox_.git({"worktree", "list"})).size(), 2u);
  EXPECT_EQ(sandbox_.git({"branch", "--format=%(refname:short)"}), "feature/a\nmain");
}

TEST_F(RemovalTest, PruningForgetsOursWhoseFolderIsGoneAndNoOthers) {
  const fs::path theirs = sandbox_.outside() / "theirs";
  sandbox_.git({"worktree", "add", "-q", "-b", "theirs", theirs.string()});
  const fs::path locked = add_for(sandbox_, "locked").path;
  sandbox_.git({"worktree", "lock", locked.string()});
  const fs::path present = add_for(sandbox_, "present").path;
  for (const auto& path : {theirs, locked, tree_}) fs::remove_all(path);
  const auto ours = [&](const fs::path& path) { return path != theirs; };
  EXPECT_THAT(prune_worktrees(sandbox_.root(), ours), ElementsAre(tree_));
  EXPECT_THAT(prune_worktrees(sandbox_.root(), ours), IsEmpty());
  const std::string list = sandbox_.git({"worktree", "list"});
  EXPECT_THAT(list, HasSubstr("theirs"));
  EXPECT_THAT(list, HasSubstr("present"));
  EXPECT_THAT(list, HasSubstr("locked"));
}

TEST_F(RemovalTest, ABranchGoesWithItsSettingsWhenItIsWhereItWas) {
  remove();
  sandbox_.git({"config", "branch.feature/a.remote", "origin"});
  sandbox_.git({"config", "branch.feature/a.merge", "refs/heads/x"});
  sandbox_.git({"config", "branch.main.remote", "origin"});
  sandbox_.git({"config", "user.name", "Ada\n[branch \"feature/a\"]\\ L."});
  fs::permissions(sandbox_.root() / ".git/config", fs::perms::owner_read | fs::perms::owner_write);
  const std::string there = tip();
  const std::string moved = sandbox_.commit_file("f", "2");
  sandbox_.git({"update-ref", "refs/heads/feature/a", moved});
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { delete_branch(sandbox_.root(), "feature/a", there); }),
              HasSubstr("is at " + moved.substr(0, 7)));
  EXPECT_EQ(tip(), moved);
  for (const bool packed : {false, true}) {
    if (packed) sandbox_.git({"branch", "feature/a", moved});
    if (packed) sandbox_.git({"pack-refs", "--all"});
    EXPECT_TRUE(delete_branch(sandbox_.root(), "feature/a", moved));
    EXPECT_EQ(sandbox_.git({"branch", "--format=%(refname:short)"}), "main");
    EXPECT_FALSE(delete_branch(sandbox_.root(), "feature/a", moved));
    EXPECT_FALSE(fs::exists(sandbox_.root() / ".git/logs/refs/heads/feature"));
  }
  EXPECT_NE(sandbox_.try_git({"config", "branch.feature/a.remote"}).status, 0);
  EXPECT_EQ(sandbox_.git({"config", "branch.main.remote"}), "origin");
  EXPECT_EQ(sandbox_.git({"config", "user.name"}), "Ada\n[branch \"feature/a\"]\\ L.");
  EXPECT_EQ(fs::status(sandbox_.root() / ".git/config").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(RemovalTest, ABranchThatIsCheckedOutIsKept) {
  const std::string there = tip();
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { delete_branch(sandbox_.root(), "feature/a", there); }),
              HasSubstr("checked out in " + tree_.string()));
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { delete_branch(sandbox_.root(), "main", there); }),
              HasSubstr("checked out"));
  error_of(ErrorKind::invalid_input, [&] { delete_branch(sandbox_.root(), "../x", there); });
}

TEST_F(RemovalTest, ABranchOnARemoteFolderGoesWhenItIsWhereItWas) {
  const fs::path bare = sandbox_.add_bare_remote();
  sandbox_.git({"push", "-q", "origin", "main", "feature/a"});
  const std::string there = tip();
  EXPECT_EQ(remote_branch_tip(sandbox_.root(), "origin", "feature/a", {}), there);
  EXPECT_EQ(remote_branch_tip(sandbox_.root(), "origin", "feature", {}), std::nullopt);
  const std::string moved = sandbox_.commit_file("f", "2");
  sandbox_.git({"push", "-q", "origin", "+main:feature/a"});
  EXPECT_THAT(error_of(ErrorKind::precondition,
                       [&] { delete_remote_branch(sandbox_.root(), "origin", "feature/a", there, {}); }),
              HasSubstr("no longer at " + there.substr(0, 7)));
  EXPECT_EQ(git_in(bare, {"rev-parse", "feature/a"}), moved);
  EXPECT_TRUE(delete_remote_branch(sandbox_.root(), "origin", "feature/a", moved, {}));
  EXPECT_EQ(git_in(bare, {"branch", "--format=%(refname:short)"}), "main");
  EXPECT_EQ(sandbox_.git({"branch", "-r", "--format=%(refname:short)"}), "origin/main");
  EXPECT_FALSE(delete_remote_branch(sandbox_.root(), "origin", "feature/a", moved, {}));
  EXPECT_EQ(remote_branch_tip(sandbox_.root(), "origin", "feature/a", {}), std::nullopt);
}

TEST_F(RemovalTest, ARemoteThatIsGoneIsNamed) {
  error_of(ErrorKind::not_found, [&] { remote_branch_tip(sandbox_.root(), "origin", "main", {}); });
  sandbox_.git({"remote", "add", "origin", "/nowhere/at/all"});
  EXPECT_THAT(error_of(ErrorKind::not_found,
                       [&] { delete_remote_branch(sandbox_.root(), "origin", "main", tip(), {}); }),
              HasSubstr("/nowhere/at/all"));
}

}  // namespace
}  // namespace fanout::git
