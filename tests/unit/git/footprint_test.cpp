#include "server/git/footprint.hpp"

#include <sys/stat.h>

#include "server/git/obeyed.hpp"
#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = OutsideChange::Kind;

class FootprintTest : public testing::Test {
 protected:
  FootprintTest() {
    sandbox_.commit_file("a.txt", "a\n");
    exclude_from_status(sandbox_.root(), "worktrees");
    auto request = request_for(sandbox_, "t");
    request.owner = "run/t";
    worktree_ = add_worktree(request);
    before_ = look();
  }

  FootprintPtr look(const TaskKeys& left_out = {}) const { return footprint_of(sandbox_.root(), left_out, {}); }
  std::vector<OutsideChange> changes(const std::set<std::string>& own = {}, const TaskKeys& at_work = {}) {
    return changes_between(*before_, *look(), own, at_work);
  }
  std::vector<std::string> names(Kind kind) { return names_in(changes(), kind); }
  static std::vector<std::string> names_in(const std::vector<OutsideChange>& changes, Kind kind) {
    for (const auto& change : changes) {
      if (change.kind == kind) return change.names;
    }
    return {};
  }
  fs::path git() const { return sandbox_.root() / ".git"; }

  GitSandbox sandbox_;
  Worktree worktree_;
  FootprintPtr before_;
};

TEST_F(FootprintTest, WorkInAWorktreeChangesNothingOutsideOfIt) {
  write_file(worktree_.path / "b.txt", "b\n");
  git_in(worktree_.path, {"add", "b.txt"});
  git_in(worktree_.path, {"commit", "-qm", "b"});
  git_in(worktree_.path, {"config", "branch.feature/t.remote", "origin"});
  git_in(worktree_.path, {"config", "branch.feature/t.merge", "refs/heads/feature/t"});
  git_in(worktree_.path, {"update-ref", "refs/remotes/origin/feature/t", "HEAD"});
  sandbox_.git({"status"});
  EXPECT_THAT(changes({}, {task_key("run", "t")}), IsEmpty());
}

TEST_F(FootprintTest, AWorktreeThatNobodyIsAtWorkInIsSeen) {
  write_file(worktree_.path / "a.txt", "A\n");
  write_file(worktree_.path / "b.txt", "b\n");
  EXPECT_THAT(names(Kind::worktree), ElementsAre("a.txt", "b.txt"));
  git_in(worktree_.path, {"add", "b.txt"});
  EXPECT_THAT(names(Kind::worktree), ElementsAre("the index", "a.txt", "b.txt"));
  before_ = look();
  sandbox_.git({"update-ref", "refs/heads/feature/t", sandbox_.git({"commit-tree", "-p", "feature/t", "-m", "x", "HEAD^{tree}"})});
  const auto found = changes();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, Kind::worktree);
  EXPECT_EQ(found[0].folder, worktree_.path);
  EXPECT_THAT(found[0].names, ElementsAre("HEAD"));
}

TEST_F(FootprintTest, AWorktreeIsNotComparedWhereSomebodyIsOrWasAtWork) {
  write_file(worktree_.path / "b.txt", "b\n");
  EXPECT_THAT(changes({}, {task_key("run", "t")}), IsEmpty());
  EXPECT_THAT(changes({}, {kAllTasks}), IsEmpty());
  EXPECT_THAT(changes({}, {task_key("run", "other"), task_key("ru", "n/t")}), testing::SizeIs(1));
  EXPECT_THAT(changes_between(*before_, *look({task_key("run", "t")}), {}, {}), IsEmpty());  // it was left out, and is there
  before_ = look({task_key("run", "t")});
  write_file(worktree_.path / "c.txt", "c\n");
  EXPECT_THAT(changes(), IsEmpty());
}

TEST_F(FootprintTest, ALaterWorktreeOfTheSameTaskIsTheTasks) {
  auto request = request_for(sandbox_, "t");
  request.owner = "run/t/1";
  const auto later = add_worktree(request);
  before_ = look();
  write_file(later.path / "b.txt", "b\n");
  EXPECT_THAT(changes({}, {task_key("run", "t")}), IsEmpty());
  EXPECT_THAT(names(Kind::worktree), ElementsAre("b.txt"));
}

TEST_F(FootprintTest, AWorktreeOfTheUsersIsSeenOnceItIsThere) {
  const auto mine = sandbox_.outside() / "mine";
  sandbox_.git({"worktree", "add", "-q", "-b", "mine", mine.string()});
  EXPECT_THAT(names(Kind::worktree), IsEmpty());
  before_ = look();
  write_file(mine / "b.txt", "b\n");
  EXPECT_THAT(names(Kind::worktree), ElementsAre("b.txt"));
  fs::remove_all(mine);
  EXPECT_THAT(names(Kind::worktree), ElementsAre("."));
}

TEST_F(FootprintTest, FilesThatToolsObeyAreSeenThoughTheyAreIgnored) {
  sandbox_.commit_file(".gitignore", ".env*\n.npmrc\n.claude\n.idea/\nnode_modules\nbuild.log\n");
  const auto root = sandbox_.root();
  write_file(root / ".env", "A=1\n");
  write_file(root / ".idea/workspace.xml", "1");
  write_file(root / ".claude/settings.local.json", "{}");
  write_file(root / "node_modules/x/index.js", "x");
  before_ = look();
  write_file(root / ".env", "A=1\n");
  write_file(root / ".idea/workspace.xml", "2");
  write_file(root / "node_modules/x/index.js", "y");
  write_file(root / "build.log", "y");
  EXPECT_THAT(changes(), IsEmpty());
  write_file(root / ".env", "A=2\n");
  write_file(root / ".npmrc", "registry=https://example.org\n");
  fs::remove(root / ".claude/settings.local.json");
  fs::create_symlink("elsewhere", root / ".envrc");
  EXPECT_THAT(names(Kind::checkout), ElementsAre(".claude/settings.local.json", ".env", ".envrc", ".npmrc"));
}

TEST_F(FootprintTest, FilesIndexAndHeadOfTheMainCheckoutAreSeen) {
  write_file(sandbox_.root() / "a.txt", "A\n");
  write_file(sandbox_.root() / "new/file", "x\n");
  EXPECT_THAT(names(Kind::checkout), ElementsAre("a.txt", "new/file"));
  sandbox_.git({"add", "new/file"});
  EXPECT_THAT(names(Kind::checkout), ElementsAre("the index", "a.txt", "new/file"));
  sandbox_.git({"checkout", "-q", "-b", "other"});
  EXPECT_THAT(names(Kind::checkout), ElementsAre("HEAD", "the index", "a.txt", "new/file"));
  EXPECT_THAT(names(Kind::references), ElementsAre("refs/heads/other"));
}

TEST_F(FootprintTest, AFileThatIsWrittenForATaskIsNobodys) {
  write_file(sandbox_.root() / "a.txt", "status: in_progress\n");
  EXPECT_THAT(changes({(sandbox_.root() / "a.txt").string()}), IsEmpty());
}

TEST_F(FootprintTest, BranchesAndTagsAreSeenButThoseOfWorktrees) {
  sandbox_.git({"update-ref", "refs/heads/main", sandbox_.git({"commit-tree", "-p", "HEAD", "-m", "x", "HEAD^{tree}"})});
  sandbox_.git({"tag", "v1"});
  sandbox_.git({"update-ref", "refs/fanout/snapshots/x", "HEAD"});
  add_for(sandbox_, "second");
  EXPECT_THAT(names(Kind::references), ElementsAre("refs/heads/main", "refs/tags/v1"));
}

TEST_F(FootprintTest, WhatGitObeysIsPutBackAndTheChangeIsKeptWhereNobodyRunsIt) {
  write_file(git() / "hooks/pre-push", "#!/bin/sh\nours\n");
  fs::permissions(git() / "hooks/pre-push", fs::perms::owner_all);
  before_ = look();
  const auto config = read_file(git() / "config");
  sandbox_.git({"config", "core.fsmonitor", "evil"});
  write_file(git() / "hooks/pre-push", "#!/bin/sh\nevil\n");
  write_file(git() / "hooks/post-checkout", "#!/bin/sh\nevil\n");
  fs::permissions(git() / "hooks/post-checkout", fs::perms::owner_all);
  write_file(git() / "hooks/x.sample", "nobody runs it");
  write_file(git() / "info/attributes", "* filter=evil\n");
  const auto found = names(Kind::settings);
  ASSERT_THAT(found, ElementsAre("config", "hooks/post-checkout", "hooks/pre-push", "info/attributes"));
  const auto quarantine = sandbox_.outside() / "quarantine";
  put_back_settings(*before_, found, quarantine);
  EXPECT_THAT(changes(), IsEmpty());
  EXPECT_EQ(read_file(git() / "config"), config);
  EXPECT_EQ(read_file(git() / "hooks/pre-push"), "#!/bin/sh\nours\n");
  EXPECT_FALSE(fs::exists(git() / "hooks/post-checkout"));
  EXPECT_THAT(read_file(quarantine / "config"), testing::HasSubstr("evil"));
  struct stat status {};
  ASSERT_EQ(::stat((quarantine / "hooks/post-checkout").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(FootprintTest, AHookThatIsRemovedComesBackAndALinkInItsFoldersPlaceLeadsNowhere) {
  write_file(git() / "hooks/pre-commit", "ours\n");
  before_ = look();
  const auto elsewhere = sandbox_.outside() / "elsewhere";
  fs::create_directories(elsewhere);
  fs::remove_all(git() / "hooks");
  fs::create_directory_symlink(elsewhere, git() / "hooks");
  const auto found = names(Kind::settings);
  ASSERT_THAT(found, testing::Contains("hooks/pre-commit"));
  put_back_settings(*before_, found, sandbox_.outside() / "quarantine");
  EXPECT_EQ(read_file(git() / "hooks/pre-commit"), "ours\n");
  EXPECT_TRUE(fs::is_empty(elsewhere));
}

TEST(Obeyed, SettingsThatNameNothingToRunDifferHarmlessly) {
  const std::string config = "[core]\n\tbare = false\n[user]\n\tname = A\n";
  EXPECT_TRUE(differ_harmlessly(config, config));
  EXPECT_TRUE(differ_harmlessly(config, config + "[branch \"feature/t\"]\n\tremote = origin\n\tmerge = refs/heads/feature/t\n"));
  EXPECT_TRUE(differ_harmlessly(config, "[core]\n\tbare = false\n[user]\n\tname = B\n"));
  for (const std::string more :
       {"[core]\n\tfsmonitor = evil\n", "[core] fsmonitor = evil\n", "[core] fsmonitor = \"evil ]\"\n[user]\n", "[core] fsmonitor = evil #]\n", "[alias]\n\tst = !evil\n",
        "[branch \"x\"]\n\tremote = ext::sh -c evil\n", "[branch \"x\"]\n\tremote = /tmp/evil\n", "[branch \"x\"]\n\tmergeoptions = -s evil\n", "[user]\n\tname = x\\\n[core]\n",
        "[include]\n\tpath = evil\n", "[gc]\n\trecentObjectsHook = evil\n", "[remote \"origin\"]\n\turl = https://evil\n", "[user]\n[core]\n\tpager = evil\n",
        "[user \"x\"]\n\tname = y\n", "[branch \"x\\\"]\n[core]\n\tpager = evil\n"}) {
    EXPECT_FALSE(differ_harmlessly(config, config + more)) << more;
  }
  EXPECT_FALSE(differ_harmlessly(config, "\tpager = evil\n" + config));
}

}  // namespace
}  // namespace fanout::git
