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

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

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

TEST_F(SnapshotTest, AnIndexLockOfTheAgentsIsNoObstacleAndStays) {
  write_file(admin() / "index.lock", "");
  write_file(tree_ / "f", "1");
  EXPECT_TRUE(take());
  EXPECT_TRUE(fs::exists(admin() / "index.lock"));
}

TEST_F(SnapshotTest, AnIndexThatCannotBeReadIsNoObstacle) {
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

TEST_F(SnapshotTest, AnIndexThatNamesObjectsThatAreNotThereBreaksNothing) {
  write_file(tree_ / "f", "work\n");
  in_tree({"add", "f"});
  const std::string blob = in_tree({"rev-parse", ":f"});
  fs::remove(sandbox_.root() / ".git/objects" / blob.substr(0, 2) / blob.substr(2));
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(sandbox_.git({"cat-file", "blob", taken->commit + ":f"}), "work");
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

TEST_F(SnapshotTest, NestedRepositoriesAreLeftOutAndNamed) {
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

TEST_F(SnapshotTest, AFolderThatGitFollowsIsReadEvenWhenARepositoryIsMadeInIt) {
  git_in(tree_ / "src", {"init", "-q"});
  write_file(tree_ / "src/main.c", "changed\n");
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(sandbox_.git({"diff", "--name-only", "feature/a", taken->commit}), "src/main.c");
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

TEST_F(SnapshotTest, FifosSocketsAndUnreadableFilesNeitherHangNorFail) {
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

TEST_F(SnapshotTest, WhatCannotBeReadKeepsWhatGitHasForIt) {
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

TEST_F(SnapshotTest, LinksAreNeverFollowed) {
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

TEST_F(SnapshotTest, AWorktreeReplacedByALinkIsRefused) {
  fs::rename(tree_, sandbox_.outside() / "moved");
  fs::create_directory_symlink(sandbox_.outside() / "moved", tree_);
  EXPECT_THAT(error_of(ErrorKind::not_found, [&] { take(); }), HasSubstr(tree_.string()));
}

TEST_F(SnapshotTest, NothingThatTheAgentPlantsIsRunOrTrusted) {
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

TEST_F(SnapshotTest, ALostRegistrationIsNoObstacle) {
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

TEST_F(SnapshotTest, NamesThatGitRefusesAreLeftOut) {
  write_file(tree_ / "sub/.GIT/x", "1");
  write_file(tree_ / "f", "1");
  const auto taken = take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(sandbox_.git({"diff", "--name-only", "main", taken->commit}), "f");
  ASSERT_THAT(taken->left_out, SizeIs(1));
  EXPECT_EQ(taken->left_out[0].why, LeftOut::Why::name);
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

TEST_F(SnapshotTest, WithoutFileDescriptorsItFailsAndNeverTakesLess) {
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

TEST_F(SnapshotTest, ACommitMadeToFillTheMemoryIsNoObstacle) {
  in_tree({"update-ref", "refs/heads/feature/a", bomb(sandbox_)});
  write_file(tree_ / "f", "work");
  ASSERT_TRUE(take());
  fs::remove(admin() / "index");
  write_file(tree_ / "f", "more work");
  EXPECT_TRUE(take());
  in_tree({"update-ref", "refs/heads/feature/a", "main"});
}

TEST_F(SnapshotTest, FilesThatChangeMeanwhileAreTakenAtSomeMoment) {
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

TEST_F(SnapshotTest, AreListedAndDeleted) {
  for (int i = 1; i <= 12; ++i) {
    write_file(tree_ / "f", std::to_string(i));
    take("number " + std::to_string(i));
  }
  take_snapshot(sandbox_.root(), tree_, "run", "ab", "other task");
  sandbox_.git({"update-ref", "refs/fanout/snap/run/a/strange", "main"});
  const auto all = list_snapshots(sandbox_.root(), "run", "a");
  ASSERT_THAT(all, SizeIs(12));
  EXPECT_EQ(all[9].number, 10u);
  EXPECT_EQ(all[9].message, "number 10");
  EXPECT_EQ(all[9].parent, sandbox_.git({"rev-parse", "main"}));
  EXPECT_GT(all[9].time, 0);
  EXPECT_EQ(delete_snapshots(sandbox_.root(), "run", "a", 11), 11u);
  EXPECT_THAT(list_snapshots(sandbox_.root(), "run", "a"), SizeIs(1));
  write_file(tree_ / "f", "next");
  EXPECT_EQ(take()->number, 13u);
  sandbox_.git({"pack-refs", "--all"});
  EXPECT_EQ(delete_snapshots(sandbox_.root(), "run", "a"), 2u);
  EXPECT_EQ(delete_snapshots(sandbox_.root(), "run", "a"), 0u);
  EXPECT_THAT(list_snapshots(sandbox_.root(), "run", "ab"), SizeIs(1));
}

TEST_F(SnapshotTest, DeletionWhileGitPacksLosesNoOtherReference) {
  constexpr int kTasks = 6;
  for (int i = 0; i < kTasks; ++i) {
    for (int n = 0; n < 5; ++n) {
      write_file(tree_ / "f", std::to_string(i) + std::to_string(n));
      take_snapshot(sandbox_.root(), tree_, "run", "t" + std::to_string(i), "x");
    }
  }
  std::atomic<bool> done = false;
  std::atomic<int> kept = 0;
  std::jthread packer([&] {
    for (; !done; ++kept) {
      sandbox_.git({"update-ref", "refs/heads/kept/" + std::to_string(kept), "main"});
      sandbox_.try_git({"pack-refs", "--all", "--prune"});
    }
  });
  EXPECT_THAT(at_once(kTasks,
                      [&](int i) {
                        for (unsigned n = 1; n <= 5; ++n) {
                          delete_snapshots(sandbox_.root(), "run", "t" + std::to_string(i), n);
                        }
                      }),
              IsEmpty());
  done = true;
  packer.join();
  EXPECT_EQ(sandbox_.git({"for-each-ref", "refs/fanout"}), "");
  EXPECT_THAT(lines_of(sandbox_.git({"for-each-ref", "refs/heads/kept"})), SizeIs(kept.load()));
}

TEST_F(SnapshotTest, ALockLeftByAKilledProcessOfOursIsTakenOver) {
  write_file(tree_ / "f", "1");
  const auto taken = take();
  write_file(sandbox_.root() / ".git" / (taken->ref + ".lock"), "fanout\n");
  write_file(sandbox_.root() / ".git/packed-refs.lock", "fanout\n");
  EXPECT_EQ(delete_snapshots(sandbox_.root(), "run", "a"), 1u);
  EXPECT_FALSE(fs::exists(sandbox_.root() / ".git/packed-refs.lock"));
  EXPECT_FALSE(fs::exists(sandbox_.root() / ".git/refs/fanout/snap"));
}

TEST_F(SnapshotTest, NamesThatCannotBeInAReferenceAreRefused) {
  for (const std::string bad : {"", "..", "a/b", "a b", "x.lock", "*"}) {
    error_of(ErrorKind::invalid_input, [&] { take_snapshot(sandbox_.root(), tree_, bad, "a", "x"); });
    error_of(ErrorKind::invalid_input, [&] { take_snapshot(sandbox_.root(), tree_, "run", bad, "x"); });
  }
}

TEST_F(SnapshotTest, AStopEndsIt) {
  std::stop_source stop;
  stop.request_stop();
  error_of(ErrorKind::cancelled,
           [&] { take_snapshot(sandbox_.root(), tree_, "run", "a", "x", stop.get_token()); });
  EXPECT_THAT(list_snapshots(sandbox_.root(), "run", "a"), IsEmpty());
}

TEST_F(SnapshotTest, CallersForOneTaskAtOnceGetNumbersOfTheirOwn) {
  std::vector<std::optional<Snapshot>> taken(8);
  EXPECT_THAT(at_once(8,
                      [&](int i) {
                        write_file(tree_ / ("f" + std::to_string(i)), "1");
                        taken[static_cast<std::size_t>(i)] = take(std::to_string(i));
                      }),
              IsEmpty());
  for (const auto& one : taken) {
    if (!one) continue;
    EXPECT_EQ(sandbox_.git({"rev-parse", one->ref}), one->commit);
  }
  take();
  EXPECT_EQ(tree_of(list_snapshots(sandbox_.root(), "run", "a").back().commit), tree_by_git(tree_));
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

TEST_F(SnapshotTest, TwentyWorktreesFromTwentyThreadsWhileGitCollectsGarbage) {
  constexpr int kAgents = 20;
  constexpr int kRounds = 5;
  std::vector<fs::path> trees;
  for (int i = 0; i < kAgents; ++i) trees.push_back(add_for(sandbox_, "t" + std::to_string(i)).path);
  std::atomic<bool> done = false;
  std::jthread collector([&] {
    while (!done) {
      sandbox_.try_git({"gc", "--quiet"});
      sandbox_.try_git({"pack-refs", "--all", "--prune"});
    }
  });
  const auto errors = at_once(kAgents, [&](int i) {
    const std::string task = "t" + std::to_string(i);
    for (int round = 0; round < kRounds; ++round) {
      write_file(trees[static_cast<std::size_t>(i)] / "work", task + " " + std::to_string(round));
      if (!take_snapshot(sandbox_.root(), trees[static_cast<std::size_t>(i)], "run", task, "x")) {
        throw std::runtime_error("nothing taken");
      }
    }
  });
  done = true;
  collector.join();
  EXPECT_THAT(errors, IsEmpty());
  sandbox_.git({"gc", "--quiet", "--prune=now"});
  for (int i = 0; i < kAgents; ++i) {
    const std::string task = "t" + std::to_string(i);
    const auto all = list_snapshots(sandbox_.root(), "run", task);
    ASSERT_THAT(all, SizeIs(kRounds));
    EXPECT_EQ(sandbox_.git({"cat-file", "blob", all[2].commit + ":work"}), task + " 2");
    EXPECT_EQ(tree_of(all.back().commit), tree_by_git(trees[static_cast<std::size_t>(i)]));
  }
}

}  // namespace
}  // namespace fanout::git
