#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "tests/unit/git/snapshot_helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using HostileSnapshotTest = SnapshotFixture;

TEST_F(HostileSnapshotTest, AnIndexLockOfTheAgentsIsNoObstacleAndStays) {
  write_file(admin() / "index.lock", "");
  write_file(tree_ / "f", "1");
  EXPECT_TRUE(take());
  EXPECT_TRUE(fs::exists(admin() / "index.lock"));
}

TEST_F(HostileSnapshotTest, AnIndexThatCannotBeReadIsNoObstacle) {
  const std::string clean = tree_of("feature/a");
  fs::remove(admin() / "index");
  EXPECT_EQ(tree_of(take()->commit), clean);
  write_file(admin() / "index", "DIRC rubbish");
  write_file(tree_ / "f", "1");
  EXPECT_TRUE(take());
  fs::remove(admin() / "index");
  ASSERT_EQ(::mkfifo((admin() / "index").c_str(), 0600), 0);
  write_file(tree_ / "f", "2");
  EXPECT_TRUE(take());
}

TEST_F(HostileSnapshotTest, AnIndexThatNamesObjectsThatAreNotThereBreaksNothing) {
  write_file(tree_ / "f", "work\n");
  in_tree({"add", "f"});
  const std::string blob = in_tree({"rev-parse", ":f"});
  fs::remove(sandbox_.root() / ".git/objects" / blob.substr(0, 2) / blob.substr(2));
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(sandbox_.git({"cat-file", "blob", taken->commit + ":f"}), "work");
}

TEST_F(HostileSnapshotTest, NestedRepositoriesAreLeftOutAndNamed) {
  git_in(tree_, {"init", "-q", "nested"});
  write_file(tree_ / "nested/f", "theirs");
  write_file(tree_ / "by-file/.git", "gitdir: /nonexistent\n");
  write_file(tree_ / "by-file/f", "theirs");
  write_file(tree_ / "not-one/.git/HEAD", "nothing");
  write_file(tree_ / "not-one/f", "ours");
  const auto taken = take();
  ASSERT_TRUE(taken);
  std::vector<std::string> paths;
  for (const auto& one : taken->left_out) {
    EXPECT_EQ(one.why, LeftOut::Why::own_repository);
    paths.push_back(one.path);
  }
  EXPECT_THAT(paths, testing::UnorderedElementsAre("nested", "by-file"));
  EXPECT_EQ(sandbox_.git({"diff", "--name-only", "feature/a", taken->commit}), "not-one/f");
}

TEST_F(HostileSnapshotTest, AFolderThatGitFollowsIsReadEvenWhenARepositoryIsMadeInIt) {
  git_in(tree_ / "src", {"init", "-q"});
  write_file(tree_ / "src/main.c", "changed\n");
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(sandbox_.git({"diff", "--name-only", "feature/a", taken->commit}), "src/main.c");
}

TEST_F(HostileSnapshotTest, FifosSocketsAndUnreadableFilesNeitherHangNorFail) {
  ASSERT_EQ(::mkfifo((tree_ / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((tree_ / "src/.gitignore").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((tree_ / "src/.gitattributes").c_str(), 0600), 0);
  fs::remove(tree_ / ".gitignore");
  ASSERT_EQ(::mkfifo((tree_ / ".gitignore").c_str(), 0600), 0);
  fs::remove(tree_ / "README.md");
  ASSERT_EQ(::mkfifo((tree_ / "README.md").c_str(), 0600), 0);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string path = (tree_ / "socket").string();
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(listener);
  write_file(tree_ / "f", "work");
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_THAT(lines_of(sandbox_.git({"ls-tree", "-r", "--name-only", taken->commit})),
              ElementsAre("f", "src/main.c"));
  EXPECT_THAT(taken->left_out, SizeIs(6));
  for (const auto& one : taken->left_out) EXPECT_EQ(one.why, LeftOut::Why::special) << one.path;
}

TEST_F(HostileSnapshotTest, WhatCannotBeReadKeepsWhatGitHasForIt) {
  write_file(tree_ / "f", "work");
  test::run_in(sandbox_.outside(), {"chmod", "-R", "a+rwX", ".", std::getenv("HOME")});
  fs::permissions(tree_ / "README.md", fs::perms::none);
  fs::permissions(tree_ / "src", fs::perms::none);
  std::optional<Snapshot> taken;
  // Root reads everything: this thread alone becomes somebody else for the file system.
  std::jthread([&] {
    if (::geteuid() == 0) ::setfsuid(65534);
    taken = take();
  }).join();
  fs::permissions(tree_ / "src", fs::perms::owner_all);
  ASSERT_TRUE(taken);
  EXPECT_EQ(sandbox_.git({"diff", "--name-only", "feature/a", taken->commit}), "f");
  ASSERT_THAT(taken->left_out, SizeIs(2));
  EXPECT_EQ(taken->left_out[0].why, LeftOut::Why::unreadable);
}

TEST_F(HostileSnapshotTest, LinksAreNeverFollowed) {
  write_file(sandbox_.outside() / "secret/key", "secret");
  write_file(sandbox_.outside() / "secret/.gitignore", "f\n");
  fs::remove_all(tree_ / "src");
  fs::create_directory_symlink(sandbox_.outside() / "secret", tree_ / "src");
  fs::create_symlink(sandbox_.outside() / "secret/.gitignore", tree_ / "sub-ignore");
  fs::remove(tree_ / ".gitignore");
  fs::create_symlink(sandbox_.outside() / "secret/.gitignore", tree_ / ".gitignore");
  write_file(tree_ / "f", "work");
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_THAT(lines_of(sandbox_.git({"ls-tree", "-r", "--name-only", taken->commit})),
              ElementsAre(".gitignore", "README.md", "f", "src", "sub-ignore"));
}

TEST_F(HostileSnapshotTest, AWorktreeReplacedByALinkIsRefused) {
  fs::rename(tree_, sandbox_.outside() / "moved");
  fs::create_directory_symlink(sandbox_.outside() / "moved", tree_);
  EXPECT_THAT(error_of(ErrorKind::not_found, [&] { take(); }), HasSubstr(tree_.string()));
}

TEST_F(HostileSnapshotTest, NothingThatTheAgentPlantsIsRunOrTrusted) {
  const fs::path ran = sandbox_.outside() / "ran";
  const std::string touch = "touch " + ran.string();
  // Another repository that the agent would like us to use.
  GitSandbox evil;
  evil.commit_file("evil", "1");
  evil.git({"config", "core.fsmonitor", touch});
  evil.git({"config", "filter.x.clean", touch});
  write_file(tree_ / ".gitattributes", "* filter=x\n");
  sandbox_.git({"config", "extensions.worktreeConfig", "true"});
  write_file(admin() / "config.worktree",
             "[filter \"x\"]\n\tclean = " + touch + "\n[core]\n\tfsmonitor = " + touch + "\n");
  for (const char* hook : {"pre-commit", "post-commit", "reference-transaction", "post-index-change"}) {
    write_file(sandbox_.root() / ".git/hooks" / hook, "#!/bin/sh\n" + touch + "\n");
    fs::permissions(sandbox_.root() / ".git/hooks" / hook, fs::perms::owner_all);
  }
  write_file(tree_ / "f", "work\n");
  write_file(tree_ / ".git", "gitdir: " + (evil.root() / ".git").string() + "\n");
  write_file(admin() / "commondir", (evil.root() / ".git").string() + "\n");
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(sandbox_.git({"diff", "--name-only", "main", taken->commit}), ".gitattributes\nf");
  EXPECT_EQ(sandbox_.git({"cat-file", "blob", taken->commit + ":f"}), "work");
  EXPECT_EQ(taken->parent, sandbox_.git({"rev-parse", "feature/a"}));
  EXPECT_EQ(evil.git({"for-each-ref", "--format=%(refname)"}), "refs/heads/main");
  EXPECT_FALSE(fs::exists(ran));
  fs::remove(tree_ / ".git");
  fs::create_directory(tree_ / ".git");
  write_file(tree_ / "f", "more\n");
  EXPECT_TRUE(take());
  write_file(admin() / "commondir", "../..\n");
}

TEST_F(HostileSnapshotTest, ALostRegistrationIsNoObstacle) {
  write_file(tree_ / "f", "1");
  const auto first = take();
  fs::remove_all(admin());
  write_file(tree_ / "f", "2");
  write_file(tree_ / "x.tmp", "ignored");
  const auto second = take();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->parent, first->parent);
  EXPECT_EQ(sandbox_.git({"diff", "--name-only", first->commit, second->commit}), "f");
}

TEST_F(HostileSnapshotTest, NamesThatGitRefusesAreLeftOut) {
  write_file(tree_ / "sub/.GIT/x", "1");
  write_file(tree_ / "f", "1");
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(sandbox_.git({"diff", "--name-only", "main", taken->commit}), "f");
  ASSERT_THAT(taken->left_out, SizeIs(1));
  EXPECT_EQ(taken->left_out[0].why, LeftOut::Why::name);
}

TEST_F(HostileSnapshotTest, WithoutFileDescriptorsItFailsAndNeverTakesLess) {
  for (int i = 0; i < 30; ++i) write_file(tree_ / ("d" + std::to_string(i)) / "deep/f", std::to_string(i));
  const std::string wanted = tree_by_git(tree_);
  int failed = 0, taken = 0;
  for (rlim_t most = 4; most < 40; ++most) {
    const pid_t child = ::fork();
    if (child == 0) {
      const rlimit limit = {most, most};
      ::setrlimit(RLIMIT_NOFILE, &limit);
      try {
        take_snapshot(sandbox_.root(), tree_, "run", "t" + std::to_string(most), "x");
      } catch (const Error&) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status)) << "limit " << most;
    const auto all = list_snapshots(sandbox_.root(), "run", "t" + std::to_string(most));
    EXPECT_EQ(all.size(), WEXITSTATUS(status) == 0 ? 1u : 0u) << "limit " << most;
    if (all.empty()) ++failed;
    for (const auto& one : all) EXPECT_EQ(tree_of(one.commit), wanted) << "limit " << most;
    if (!all.empty()) ++taken;
  }
  EXPECT_GT(failed, 0);
  EXPECT_GT(taken, 0);
}

TEST_F(HostileSnapshotTest, ACommitMadeToFillTheMemoryIsNoObstacle) {
  in_tree({"update-ref", "refs/heads/feature/a", bomb(sandbox_)});
  write_file(tree_ / "f", "work");
  ASSERT_TRUE(take());
  fs::remove(admin() / "index");
  write_file(tree_ / "f", "more work");
  EXPECT_TRUE(take());
  in_tree({"update-ref", "refs/heads/feature/a", "main"});
}

TEST_F(HostileSnapshotTest, FilesThatChangeMeanwhileAreTakenAtSomeMoment) {
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    for (int i = 0; !done; ++i) {
      write_file(tree_ / "busy", std::string(static_cast<std::size_t>(i % 50) * 1000, 'x'));
      write_file(tree_ / ("come" + std::to_string(i % 7)) / "f", "x");
      fs::remove_all(tree_ / ("come" + std::to_string((i + 3) % 7)));
      fs::remove(tree_ / "turns");
      if (i % 2)
        fs::create_directory_symlink("/etc", tree_ / "turns");
      else
        write_file(tree_ / "turns/f", "x");
      if (i % 2 == 0) fs::remove_all(tree_ / "turns");
    }
  });
  for (int i = 0; i < 40; ++i) take();
  done = true;
}

}  // namespace
}  // namespace fanout::git
