#include "server/environment/cache.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <thread>

#include "common/error.hpp"
#include "server/environment/relocate.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::environment {
namespace {

namespace fs = std::filesystem;
using test::read_file;
using test::write_file;
using testing::HasSubstr;
using testing::Not;

struct stat look(const fs::path& path) {
  struct stat status {};
  lstat(path.c_str(), &status);
  return status;
}

class CacheTest : public testing::Test {
 protected:
  CacheTest() {
    for (const auto* name : {"a", "b", "c"}) fs::create_directories(worktree(name));
    write_file(worktree("a") / "node_modules/left-pad/index.js", "pad\n");
  }
  fs::path worktree(const std::string& name) const { return folder_ / name; }
  bool store(const std::string& name, const std::vector<std::string>& folders = {"node_modules"}, const std::string& fingerprint = "f1") {
    why_.clear();
    return cache_.store(fingerprint, worktree(name), folders, why_).has_value();
  }
  bool restore(const std::string& name, const std::vector<std::string>& folders = {"node_modules"}, const std::string& fingerprint = "f1") {
    why_.clear();
    return cache_.restore(fingerprint, worktree(name), folders, why_).has_value();
  }

  test::TempDir folder_;
  EnvironmentCache cache_{folder_ / "cache"};
  std::string why_;
};

TEST_F(CacheTest, TheNextWorktreeGetsWhatTheFirstMade) {
  EXPECT_FALSE(restore("b"));
  EXPECT_TRUE(store("a"));
  EXPECT_TRUE(restore("b"));
  EXPECT_EQ(read_file(worktree("b") / "node_modules/left-pad/index.js"), "pad\n");
  write_file(worktree("b") / "node_modules/left-pad/index.js", "changed\n");
  EXPECT_TRUE(restore("c"));
  EXPECT_EQ(read_file(worktree("c") / "node_modules/left-pad/index.js"), "pad\n");
}

TEST_F(CacheTest, AnotherFingerprintOrOtherFoldersAreAnotherEntry) {
  store("a");
  EXPECT_FALSE(restore("b", {"node_modules"}, "f2"));
  EXPECT_FALSE(restore("b", {"node_modules", "dist"}));
  EXPECT_FALSE(restore("b", {"node_modules"}, ""));
  EXPECT_EQ(why_, "");
}

TEST_F(CacheTest, PermissionsTimesAndLinksStayAsTheyAre) {
  const auto tree = worktree("a") / "node_modules";
  write_file(tree / ".bin/run", "#!/bin/sh\n");
  fs::permissions(tree / ".bin/run", fs::perms(0750));
  fs::permissions(tree / "left-pad", fs::perms(0555));
  fs::create_symlink("../left-pad/index.js", tree / ".bin/pad");
  fs::create_symlink("nowhere", tree / "broken");
  const timespec past[] = {{1'000'000, 5}, {1'000'000, 5}};
  utimensat(AT_FDCWD, (tree / ".bin/run").c_str(), past, 0);
  utimensat(AT_FDCWD, tree.c_str(), past, 0);
  ASSERT_TRUE(store("a"));
  ASSERT_TRUE(restore("b"));
  const auto copy = worktree("b") / "node_modules";
  EXPECT_EQ(look(copy / ".bin/run").st_mode & 07777, 0750u);
  EXPECT_EQ(look(copy / "left-pad").st_mode & 07777, 0555u);
  EXPECT_EQ(look(copy / ".bin/run").st_mtim.tv_sec, 1'000'000);
  EXPECT_EQ(look(copy).st_mtim.tv_sec, 1'000'000);
  EXPECT_EQ(fs::read_symlink(copy / ".bin/pad"), "../left-pad/index.js");
  EXPECT_EQ(fs::read_symlink(copy / "broken"), "nowhere");
  fs::permissions(tree / "left-pad", fs::perms::owner_all);
}

TEST_F(CacheTest, SocketsAndFifosAreLeftOut) {
  const auto tree = worktree("a") / "node_modules";
  ASSERT_EQ(mkfifo((tree / "fifo").c_str(), 0600), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{AF_UNIX, {}};
  (tree / "sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(socket);
  ASSERT_TRUE(store("a"));
  ASSERT_TRUE(restore("b"));
  EXPECT_FALSE(fs::exists(worktree("b") / "node_modules/fifo"));
  EXPECT_FALSE(fs::exists(worktree("b") / "node_modules/sock"));
  EXPECT_TRUE(fs::exists(worktree("b") / "node_modules/left-pad/index.js"));
}

TEST_F(CacheTest, ANestedRepositoryIsNotCopiedAndSoNothingIsKept) {
  write_file(worktree("a") / "node_modules/dep/.git/HEAD", "ref: refs/heads/main\n");
  EXPECT_FALSE(store("a"));
  EXPECT_THAT(why_, HasSubstr("repository or worktree of its own"));
  EXPECT_FALSE(restore("b"));
}

TEST_F(CacheTest, WhatBelongsToItsPlaceIsNotKept) {
  write_file(worktree("a") / "build/CMakeCache.txt", "CMAKE_HOME_DIRECTORY:INTERNAL=/elsewhere\n");
  EXPECT_FALSE(store("a", {"build"}));
  EXPECT_THAT(why_, HasSubstr("was built for its place"));
}

TEST_F(CacheTest, AVirtualEnvironmentNamesItsNewPlace) {
  const auto old = worktree("a").string();
  write_file(worktree("a") / ".venv/pyvenv.cfg", "home = /usr/bin\ncommand = python3 -m venv " + old + "/.venv\n");
  write_file(worktree("a") / ".venv/bin/pip", "#!" + old + "/.venv/bin/python3\nimport pip\n");
  write_file(worktree("a") / ".venv/bin/binary", std::string("\x7f" "ELF\0", 5) + old + "/.venv");
  write_file(worktree("a") / ".venv/lib/python3.11/site-packages/_own.pth", old + "/src\n" + old + "-other/src\n");
  write_file(worktree("a") / ".venv/lib/python3.11/site-packages/code.py", "# " + old + "\n");
  fs::permissions(worktree("a") / ".venv/bin/pip", fs::perms(0755));
  fs::create_symlink("/usr/bin/python3", worktree("a") / ".venv/bin/python3");
  fs::create_symlink(old + "/.venv/lib", worktree("a") / ".venv/lib64");
  ASSERT_TRUE(store("a", {".venv"}));
  ASSERT_TRUE(restore("b", {".venv"}));
  const auto copy = worktree("b") / ".venv";
  const auto now = worktree("b").string();
  EXPECT_EQ(read_file(copy / "bin/pip"), "#!" + now + "/.venv/bin/python3\nimport pip\n");
  EXPECT_EQ(look(copy / "bin/pip").st_mode & 07777, 0755u);
  EXPECT_EQ(read_file(copy / "lib/python3.11/site-packages/_own.pth"), now + "/src\n" + old + "-other/src\n");
  EXPECT_THAT(read_file(copy / "pyvenv.cfg"), Not(HasSubstr(old + "/.venv")));
  EXPECT_THAT(read_file(copy / "bin/binary"), HasSubstr(old));
  EXPECT_EQ(read_file(copy / "lib/python3.11/site-packages/code.py"), "# " + old + "\n");
  EXPECT_EQ(fs::read_symlink(copy / "bin/python3"), "/usr/bin/python3");
  EXPECT_EQ(fs::read_symlink(copy / "lib64"), now + "/.venv/lib");
  EXPECT_THAT(read_file(worktree("a") / ".venv/bin/pip"), HasSubstr(old));
}

TEST_F(CacheTest, OnlyFilesThatNobodyWritesToShareTheirContent) {
  const auto tree = worktree("a") / "node_modules";
  write_file(tree / ".pnpm/x/file.js", "store\n");
  write_file(tree / "read-only.js", "ro\n");
  fs::permissions(tree / "read-only.js", fs::perms(0444));
  ASSERT_TRUE(store("a"));
  ASSERT_TRUE(restore("b"));
  const auto same = [&](const char* file) {
    return look(worktree("a") / "node_modules" / file).st_ino == look(worktree("b") / "node_modules" / file).st_ino;
  };
  EXPECT_TRUE(same(".pnpm/x/file.js"));
  EXPECT_TRUE(same("read-only.js"));
  EXPECT_FALSE(same("left-pad/index.js"));
}

TEST_F(CacheTest, AFolderThatIsThereIsNotTouched) {
  store("a");
  write_file(worktree("b") / "node_modules/own.js", "own\n");
  EXPECT_FALSE(restore("b"));
  EXPECT_FALSE(fs::exists(worktree("b") / "node_modules/left-pad"));
}

TEST_F(CacheTest, FoldersInFoldersAreBroughtToTheirPlace) {
  write_file(worktree("a") / "apps/web/node_modules/x.js", "x");
  ASSERT_TRUE(store("a", {"node_modules", "apps/web/node_modules", "never-made"}));
  ASSERT_TRUE(restore("b", {"node_modules", "apps/web/node_modules", "never-made"}));
  EXPECT_TRUE(fs::exists(worktree("b") / "apps/web/node_modules/x.js"));
}

TEST_F(CacheTest, ALinkInPlaceOfAFolderIsNotFollowed) {
  fs::create_directory_symlink(worktree("a") / "node_modules", worktree("b") / "linked");
  EXPECT_FALSE(store("b", {"linked"}));
}

TEST_F(CacheTest, ADamagedEntryIsAMissAndLeavesNothingBehind) {
  write_file(worktree("a") / "dist/out.js", "out");
  ASSERT_TRUE(store("a", {"dist", "node_modules"}));
  for (const auto& entry : fs::directory_iterator(folder_ / "cache")) fs::remove_all(entry.path() / "tree/node_modules");
  EXPECT_FALSE(restore("b", {"dist", "node_modules"}));
  EXPECT_NE(why_, "");
  EXPECT_TRUE(fs::is_empty(worktree("b")));
}

TEST_F(CacheTest, ManyWhoAreDoneAtOncePublishOneWholeEntry) {
  for (int i = 0; i < 500; ++i) write_file(worktree("a") / ("node_modules/p" + std::to_string(i) + "/index.js"), "x");
  std::atomic<int> stored = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        std::string why;
        stored += cache_.store("f1", worktree("a"), {"node_modules"}, why).has_value();
      });
    }
  }
  EXPECT_EQ(stored, 1);
  ASSERT_TRUE(restore("b"));
  EXPECT_EQ(std::distance(fs::directory_iterator(worktree("b") / "node_modules"), {}), 501);
  for (const auto& entry : fs::directory_iterator(folder_ / "cache")) EXPECT_THAT(entry.path().filename().string(), Not(testing::StartsWith(".")));
}

TEST_F(CacheTest, ItIsStoppedAndLeavesNothingHalf) {
  ASSERT_TRUE(store("a"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(cache_.restore("f1", worktree("b"), {"node_modules"}, why_, stop.get_token()), Error);
  EXPECT_TRUE(fs::is_empty(worktree("b")));
}

TEST_F(CacheTest, WhatWasUsedLongestAgoGoesFirstWhenThereIsTooMuch) {
  write_file(worktree("a") / "node_modules/big", std::string(10'000, 'x'));
  for (const auto* name : {"f1", "f2", "f3"}) ASSERT_TRUE(store("a", {"node_modules"}, name));
  for (const auto& entry : fs::directory_iterator(folder_ / "cache")) {
    const auto age = entry.path().filename().string().starts_with("f1") ? 3 : entry.path().filename().string().starts_with("f2") ? 2 : 1;
    fs::last_write_time(entry.path() / "entry", fs::file_time_type::clock::now() - std::chrono::hours(age));
  }
  ASSERT_TRUE(restore("b", {"node_modules"}, "f1"));  // now f2 is the oldest
  EXPECT_EQ(cache_.evict({25'000, std::chrono::hours(240)}), 1u);
  EXPECT_TRUE(cache_.has("f1", {"node_modules"}));
  EXPECT_FALSE(cache_.has("f2", {"node_modules"}));
  EXPECT_TRUE(cache_.has("f3", {"node_modules"}));
}

TEST_F(CacheTest, WhatWasNotUsedForLongGoes) {
  store("a");
  for (const auto& entry : fs::directory_iterator(folder_ / "cache")) {
    fs::last_write_time(entry.path() / "entry", fs::file_time_type::clock::now() - std::chrono::hours(49));
  }
  EXPECT_EQ(cache_.evict({1ull << 40, std::chrono::hours(50)}), 0u);
  EXPECT_EQ(cache_.evict({1ull << 40, std::chrono::hours(48)}), 1u);
}

TEST(Environments, LieInTheGitFolderThatAllCheckoutsShare) {
  test::GitSandbox repo;
  repo.commit_file("a", "a");
  repo.git({"worktree", "add", "-q", "../linked"});
  write_file(repo.root() / "node_modules/x", "x");
  Environments environments;
  std::string why;
  ASSERT_TRUE(environments.of(repo.root()).store("f1", repo.root(), {"node_modules"}, why));
  EXPECT_TRUE(environments.of(repo.outside() / "linked").has("f1", {"node_modules"}));
  EXPECT_TRUE(fs::is_directory(repo.root() / ".git/fanout/environments"));
  EXPECT_EQ(&environments.of(repo.root()), &environments.of(repo.root()));
}

}  // namespace
}  // namespace fanout::environment
