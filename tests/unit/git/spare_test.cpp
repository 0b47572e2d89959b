// Worktrees made beforehand: what becomes of them is what `git worktree add` makes, or they are not used.
#include <sys/stat.h>
#include <unistd.h>

#include <random>

#include "server/git/spare.hpp"
#include "tests/unit/git/generated_repository.hpp"
#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SpareTest : public ::testing::Test {
 protected:
  SpareTest() {
    first_ = store_commit(sandbox_, {{"100644", "a/one", "1\n"}, {"100755", "run", "#!/bin/sh\n"}, {"120000", "link", "a"}, {"100644", "b/c/two", "2\n"}});
  }

  std::vector<Spare> make(const std::string& commit, std::size_t count = 1) {
    return make_spares(sandbox_.root(), commit, count, materialiser(), {}, {}).spares;
  }

  WorktreeRequest request(const std::string& task, const std::string& start) {
    return {sandbox_.root(), sandbox_.root() / "worktrees" / task, "feature/" + task, start};
  }

  void expect_as_by_git(const fs::path& ours, const std::string& start) {
    const fs::path theirs = sandbox_.outside() / "theirs";
    sandbox_.git({"worktree", "add", "--quiet", "--detach", theirs.string(), start});
    EXPECT_EQ(git_in(ours, {"status", "--porcelain"}), "");
    EXPECT_EQ(git_in(ours, {"ls-files", "--stage"}), git_in(theirs, {"ls-files", "--stage"}));
    EXPECT_EQ(git_in(ours, {"rev-parse", "HEAD"}), start);
    EXPECT_EQ(git_in(ours, {"write-tree"}), git_in(ours, {"rev-parse", start + "^{tree}"}));
    EXPECT_EQ(test::run_in(sandbox_.outside(), {"diff", "-r", "--no-dereference", "-x", ".git", ours.string(), "theirs"}).text, "");
    sandbox_.git({"worktree", "remove", "--force", theirs.string()});
  }

  /// All that the pool's folder holds.
  std::vector<std::string> in_pool() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(sandbox_.root() / ".git/fanout/pool")) names.push_back(entry.path().filename().string());
    return names;
  }

  GitSandbox sandbox_;
  std::string first_;
};

TEST_F(SpareTest, BecomesAWorktreeOnABranchWithoutBeingCheckedOut) {
  const auto spares = make(first_);
  ASSERT_THAT(spares, SizeIs(1));
  EXPECT_EQ(sandbox_.git({"worktree", "list", "--porcelain"}).find("pool"), std::string::npos);
  EXPECT_EQ(sandbox_.git({"status", "--porcelain"}), "");
  struct stat before = {}, after = {};
  ::lstat((spares[0].place / "files/a/one").c_str(), &before);
  const auto made = use_spare(request("x", first_), spares[0]);
  ASSERT_TRUE(made);
  ::lstat((made->path / "a/one").c_str(), &after);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(made->branch, "feature/x");
  EXPECT_TRUE(is_worktree(sandbox_.root(), made->path, made->branch));
  EXPECT_EQ(git_in(made->path, {"symbolic-ref", "HEAD"}), "refs/heads/feature/x");
  expect_as_by_git(made->path, first_);
  EXPECT_THAT(in_pool(), IsEmpty());
  EXPECT_EQ(sandbox_.try_git({"fsck", "--strict"}).status, 0);
}

TEST_F(SpareTest, ManyAreUsedAtOnce) {
  const auto spares = make(first_, 12);
  std::vector<std::optional<Worktree>> made(12);
  EXPECT_THAT(at_once(12, [&](int i) {
                const auto n = static_cast<std::size_t>(i);
                made[n] = use_spare(request("t" + std::to_string(i), first_), spares[n]);
              }),
              IsEmpty());
  for (const auto& one : made) {
    ASSERT_TRUE(one);
    EXPECT_EQ(git_in(one->path, {"status", "--porcelain"}), "");
  }
}

TEST_F(SpareTest, OfTwoThatWantTheSameOneGetsIt) {
  const auto spares = make(first_);
  std::atomic<int> got = 0;
  EXPECT_THAT(at_once(6, [&](int i) {
                if (use_spare(request("t" + std::to_string(i), first_), spares[0])) ++got;
              }),
              IsEmpty());
  EXPECT_EQ(got, 1);
}

TEST_F(SpareTest, ANameThatIsTakenIsLeftAloneAsElsewhere) {
  write_file(sandbox_.root() / "worktrees/x/precious", "mine");
  const auto made = use_spare(request("x", first_), make(first_)[0]);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->path.filename(), "x-v2");
  EXPECT_TRUE(made->renamed);
  EXPECT_EQ(read_file(sandbox_.root() / "worktrees/x/precious"), "mine");
}

TEST_F(SpareTest, IsFoundAgainByAnotherProcess) {
  make(first_, 3);
  const auto found = find_spares(sandbox_.root());
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(found[0].commit, first_);
  EXPECT_TRUE(is_pristine(found[0], Look::all));
  EXPECT_TRUE(use_spare(request("x", first_), found[0]));
}

TEST_F(SpareTest, WhatKilledProcessesLeftIsRemoved) {
  make(first_);
  const fs::path pool = sandbox_.root() / ".git/fanout/pool";
  write_file(pool / "making.999999999.1/files/a/b", "half");
  write_file(pool / "taken.999999999.2/files/a/b", "half");
  EXPECT_THAT(find_spares(sandbox_.root()), SizeIs(1));
  EXPECT_THAT(in_pool(), SizeIs(1));
}

TEST_F(SpareTest, IsNotPristineOnceAnythingWasTouched) {
  const std::vector<std::pair<std::string, std::string>> touches = {
      {"a new file", "touch a/new"},
      {"a new file at the top", "touch .new"},
      {"a new folder", "mkdir b/c/d"},
      {"a file that is gone", "rm a/one"},
      {"a folder that is gone", "rm -r b/c"},
      {"a file that was replaced", "cp a/one t && mv t a/one"},
      {"a changed mode of a folder", "chmod 700 a"},
      {"a link in place of a folder", "mv a a2 && ln -s a2 a"},
  };
  for (const auto& [what, command] : touches) {
    const auto spare = make(first_)[0];
    EXPECT_TRUE(is_pristine(spare, Look::folders));
    ::usleep(20'000);  // The kernel's clock for files moves in steps.
    test::run_in(spare.place / "files", {"sh", "-c", command});
    EXPECT_FALSE(is_pristine(spare, Look::folders)) << what;
    EXPECT_FALSE(is_pristine(spare, Look::all)) << what;
  }
  for (const std::string command : {"echo x > a/one", "chmod +x a/one", "touch run"}) {
    const auto spare = make(first_)[0];
    ::usleep(20'000);
    test::run_in(spare.place / "files", {"sh", "-c", command});
    EXPECT_FALSE(is_pristine(spare, Look::all)) << command;
  }
}

TEST_F(SpareTest, WhenTheBaseHasMovedOnlyWhatDiffersIsWritten) {
  auto spare = make(first_)[0];
  const auto second = store_commit(sandbox_, {{"100644", "a/one", "1\n"}, {"100644", "run", "not a program\n"}, {"100644", "link/is-a-folder", "now\n"},
                                              {"100644", "b", "was a folder\n"}, {"100644", "new/er", "n\n"}});
  struct stat before = {}, after = {};
  ::lstat((spare.place / "files/a/one").c_str(), &before);
  ASSERT_TRUE(move_spare(sandbox_.root(), spare, second));
  EXPECT_TRUE(is_pristine(spare, Look::all));
  EXPECT_EQ(spare.commit, second);
  const auto made = use_spare(request("x", second), spare);
  ASSERT_TRUE(made);
  ::lstat((made->path / "a/one").c_str(), &after);
  EXPECT_EQ(before.st_ino, after.st_ino);
  expect_as_by_git(made->path, second);
}

TEST(SpareProperty, MovedFromAnyCommitToAnyOtherItIsWhatGitWrites) {
  const auto seed = std::random_device{}();
  for (std::uint32_t run = 0; run < 8; ++run) {
    SCOPED_TRACE("seed " + std::to_string(seed + run));
    std::mt19937 random(seed + run);
    GitSandbox sandbox;
    generate_settings(random, sandbox);
    const auto first = store_commit(sandbox, generate_files(random, 80)), second = store_commit(sandbox, generate_files(random, 80), "other");
    auto spare = make_spares(sandbox.root(), first, 1, materialiser(), {}, {}).spares.at(0);
    ASSERT_TRUE(move_spare(sandbox.root(), spare, second));
    const auto ours = use_spare({sandbox.root(), sandbox.outside() / "ours", "ours", second}, spare);
    ASSERT_TRUE(ours);
    sandbox.git({"worktree", "add", "--quiet", "-b", "theirs", "../theirs", second});
    EXPECT_EQ(test::run_in(sandbox.outside(), {"diff", "-r", "--no-dereference", "-x", ".git", "ours", "theirs"}).text, "");
    const std::string listing = "find . -path ./.git -o -printf '%p %y %m\\n' | sort";
    EXPECT_EQ(test::run_in(ours->path, {"sh", "-c", listing}).text, test::run_in(sandbox.outside() / "theirs", {"sh", "-c", listing}).text);
    EXPECT_EQ(git_in(ours->path, {"ls-files", "--stage", "-z"}), git_in(sandbox.outside() / "theirs", {"ls-files", "--stage", "-z"}));
  }
}

TEST_F(SpareTest, SettingsThatHaveChangedSinceMakeItUseless) {
  const auto spare = make(first_)[0];
  sandbox_.git({"config", "core.autocrlf", "true"});
  EXPECT_FALSE(use_spare(request("x", first_), spare));
  EXPECT_FALSE(fs::exists(sandbox_.root() / "worktrees"));
}

TEST_F(SpareTest, IsNotUsedForFilesThatItDoesNotHold) {
  const auto second = store_commit(sandbox_, {{"100644", "other", "o\n"}});
  EXPECT_FALSE(use_spare(request("x", second), make(first_)[0]));
}

TEST_F(SpareTest, ThereIsNoneWhereGitItselfHasToCheckOut) {
  sandbox_.git({"config", "filter.up.smudge", "cat"});
  const auto start = store_commit(sandbox_, {{"100644", ".gitattributes", "* filter=up\n"}, {"100644", "x", "1\n"}});
  const auto made = make_spares(sandbox_.root(), start, 2, materialiser(), {}, {});
  EXPECT_THAT(made.spares, IsEmpty());
  EXPECT_THAT(made.impossible, HasSubstr("filter \"up\""));
  EXPECT_THAT(in_pool(), IsEmpty());
}

TEST_F(SpareTest, WhoIsToldToStopLeavesNothing) {
  std::stop_source stop;
  stop.request_stop();
  error_of(ErrorKind::cancelled, [&] { make_spares(sandbox_.root(), first_, 3, materialiser(), {}, stop.get_token()); });
  EXPECT_THAT(in_pool(), IsEmpty());
}

TEST_F(SpareTest, WhatIsFurnishedComesAlongAndIsRemembered) {
  const auto furnish = [](const fs::path& folder, Spare& spare) {
    write_file(folder / "node_modules/x/index.js", "x");
    spare.environment = "abc";
    spare.products = {"node_modules"};
  };
  make_spares(sandbox_.root(), first_, 1, materialiser(), furnish, {});
  const auto found = find_spares(sandbox_.root());
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].environment, "abc");
  EXPECT_EQ(found[0].products, std::vector<std::string>{"node_modules"});
  EXPECT_TRUE(is_pristine(found[0], Look::all));
  const auto made = use_spare(request("x", first_), found[0]);
  ASSERT_TRUE(made);
  EXPECT_EQ(read_file(made->path / "node_modules/x/index.js"), "x");
}

TEST_F(SpareTest, RemovedItIsGone) {
  const auto spares = make(first_, 2);
  remove_spare(spares[0]);
  remove_spare(spares[0]);
  EXPECT_THAT(find_spares(sandbox_.root()), SizeIs(1));
  EXPECT_THAT(in_pool(), SizeIs(1));
}

}  // namespace
}  // namespace fanout::git
