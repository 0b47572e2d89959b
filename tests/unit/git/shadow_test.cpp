// A shadow is made of a repository and looked at as data. What programs in a sandbox do to it is in
// tests/integration/sandbox_test.cpp; here a hostile one writes into it directly.
#include "server/git/shadow.hpp"

#include <sys/stat.h>

#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ShadowTest : public testing::Test {
 protected:
  ShadowTest() {
    base_ = sandbox_.commit_file("a.txt", "a\n");
    worktree_ = add_for(sandbox_, "t");
    shadows_ = sandbox_.outside() / "shadows";
  }

  Shadow shadow(bool keep = false) { return shadow_for(sandbox_.root(), worktree_.path, worktree_.branch, shadows_, keep); }
  fs::path own(const Shadow& shadow) const { return shadow.git() / "worktrees" / shadow.name; }
  fs::path branch_file(const Shadow& shadow) const { return shadow.git() / "refs/heads/feature/t"; }

  /// As the sandbox shows it: the repository's objects in their place. The commands see the shadow alone.
  std::string git_inside(const Shadow& shadow, const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"--git-dir=" + shadow.git().string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    fs::remove_all(shadow.git() / alternate(0));
    std::error_code ignored;
    fs::create_directory_symlink(shadow.objects.front(), shadow.git() / alternate(0), ignored);
    write_file(shadow.git() / "objects/info/alternates", (shadow.git() / alternate(0)).string() + "\n");
    return git_in(sandbox_.outside(), all);
  }

  /// A commit upon the branch, which is in the repository too, as after an import.
  std::string commit_of_agent(const std::string& parent, const std::string& message) {
    return sandbox_.git({"commit-tree", "-p", parent, "-m", message, parent + "^{tree}"});
  }

  GitSandbox sandbox_;
  std::string base_;
  Worktree worktree_;
  fs::path shadows_;
};

TEST_F(ShadowTest, HoldsTheBranchesAndHarmlessSettingsAndNothingThatIsRun) {
  sandbox_.git({"config", "core.hooksPath", "/nowhere/hooks"});
  sandbox_.git({"config", "core.fsmonitor", "false pwned"});
  sandbox_.git({"config", "core.sshCommand", "false pwned"});
  sandbox_.git({"config", "alias.status", "!false pwned"});
  sandbox_.git({"config", "filter.x.clean", "false pwned"});
  sandbox_.git({"config", "include.path", "/nowhere/pwned"});
  sandbox_.git({"config", "credential.helper", "store"});
  sandbox_.git({"config", "user.name", "A \"quoted\" [name]\\"});
  sandbox_.git({"remote", "add", "origin", "https://user:secret@example.com/x.git"});
  write_file(sandbox_.root() / ".git/hooks/pre-commit", "#!/bin/sh\n");
  sandbox_.git({"update-ref", "refs/fanout/kept/x", "HEAD"});
  sandbox_.git({"tag", "v1"});
  const auto made = shadow();
  const auto config = read_file(made.git() / "config");
  EXPECT_THAT(config, Not(HasSubstr("pwned")));
  for (const auto* part : {"hooksPath", "hookspath", "alias", "filter", "include", "helper", "secret"}) EXPECT_THAT(config, Not(HasSubstr(part)));
  EXPECT_EQ(git_in(sandbox_.outside(), {"config", "-f", (made.git() / "config").string(), "user.name"}), "A \"quoted\" [name]\\");
  EXPECT_FALSE(fs::exists(made.git() / "hooks"));
  EXPECT_EQ(git_inside(made, {"for-each-ref", "--format=%(refname)"}), "refs/heads/feature/t\nrefs/heads/main\nrefs/tags/v1");
  EXPECT_EQ(git_inside(made, {"show", "feature/t:a.txt"}), "a");
  EXPECT_EQ(read_file(own(made) / "HEAD"), "ref: refs/heads/feature/t\n");
}

TEST_F(ShadowTest, ItsTipIsWhereTheBranchSaysItIsLooseOrPacked) {
  const auto made = shadow();
  auto tip = tip_of(made, worktree_.branch);
  EXPECT_EQ(tip.from, base_);
  EXPECT_EQ(tip.commit, base_);
  EXPECT_EQ(tip.fault, "");
  const auto next = commit_of_agent(base_, "next");
  write_file(branch_file(made), next + "\n");
  EXPECT_EQ(tip_of(made, worktree_.branch).commit, next);
  git_inside(made, {"pack-refs", "--all"});
  EXPECT_FALSE(fs::exists(branch_file(made)));
  EXPECT_EQ(tip_of(made, worktree_.branch).commit, next);
  EXPECT_EQ(tip_of(made, worktree_.branch).from, base_);
}

TEST_F(ShadowTest, WhatIsNoTipIsAFaultAndFollowsNoLink) {
  const auto made = shadow();
  const auto fault = [&] { return tip_of(made, worktree_.branch).fault; };
  const auto secret = sandbox_.outside() / "secret";
  write_file(secret, commit_of_agent(base_, "elsewhere") + "\n");
  fs::create_directories(branch_file(made).parent_path());
  fs::create_symlink(secret, branch_file(made));
  EXPECT_EQ(tip_of(made, worktree_.branch).commit, base_) << "the packed one";
  fs::remove(branch_file(made));
  ASSERT_EQ(::mkfifo(branch_file(made).c_str(), 0600), 0);
  EXPECT_EQ(tip_of(made, worktree_.branch).commit, base_) << "and nobody waits for a writer";
  fs::remove(branch_file(made));
  write_file(branch_file(made), "ref: refs/heads/main\n");
  EXPECT_THAT(fault(), HasSubstr("deleted its branch"));
  write_file(branch_file(made), std::string(10'000, 'a'));
  EXPECT_EQ(tip_of(made, worktree_.branch).commit, base_);
  write_file(own(made) / "HEAD", "ref: refs/heads/other\x1b[2J\n");
  EXPECT_THAT(fault(), HasSubstr("the worktree is on other"));
  EXPECT_THAT(fault(), Not(HasSubstr("\x1b")));
  write_file(own(made) / "HEAD", base_ + "\n");
  EXPECT_THAT(fault(), HasSubstr("detached"));
  fs::remove_all(made.git());
  EXPECT_NE(fault(), "");
  fs::create_symlink(sandbox_.root() / ".git", made.git());
  EXPECT_NE(fault(), "");
}

TEST_F(ShadowTest, SaysWhatIsHalfDone) {
  const auto made = shadow();
  EXPECT_EQ(unfinished_in(made), "");
  fs::create_directories(own(made) / "rebase-merge");
  EXPECT_EQ(unfinished_in(made), "rebase");
}

TEST_F(ShadowTest, TheSameServesUntilSomebodyElseMovesTheBranch) {
  const auto first = shadow();
  EXPECT_FALSE(first.kept);
  write_file(first.git() / "left", "by a program");
  const auto again = shadow();
  EXPECT_TRUE(again.kept);
  EXPECT_EQ(again.place, first.place);
  EXPECT_EQ(read_file(again.git() / "left"), "by a program");
  sandbox_.git({"update-ref", "refs/heads/feature/t", commit_of_agent(base_, "ours")});
  EXPECT_TRUE(shadow(true).kept) << "a program uses it";
  const auto fresh = shadow();
  EXPECT_FALSE(fresh.kept);
  EXPECT_FALSE(fs::exists(fresh.git() / "left"));
  EXPECT_EQ(tip_of(fresh, worktree_.branch).from, sandbox_.git({"rev-parse", "feature/t"}));
}

TEST_F(ShadowTest, OneThatWasTakenOverButNotNotedIsCurrent) {
  const auto made = shadow();
  const auto next = commit_of_agent(base_, "next");
  write_file(branch_file(made), next + "\n");
  EXPECT_EQ(take_over({sandbox_.root(), worktree_.path, worktree_.branch, base_, base_, next}), "");
  const auto again = shadow();  // a daemon that was killed before note_tip()
  EXPECT_TRUE(again.kept);
  EXPECT_EQ(tip_of(again, worktree_.branch).from, next);
}

TEST_F(ShadowTest, TakingOverMovesTheBranchAndItsIndexAndNothingElse) {
  const auto main = sandbox_.git({"rev-parse", "main"});
  write_file(worktree_.path / "b.txt", "b\n");
  const auto blob = sandbox_.git({"hash-object", "-w", (worktree_.path / "b.txt").string()});
  sandbox_.git({"read-tree", "--index-output=" + (sandbox_.outside() / "index").string(), base_});
  const auto tree = git_in(sandbox_.outside(), {"-C", sandbox_.root().string(), "rev-parse", base_ + "^{tree}"});
  write_file(sandbox_.outside() / "tree", sandbox_.git({"ls-tree", tree}) + "\n100644 blob " + blob + "\tb.txt\n");
  const auto with_b = test::run_in(sandbox_.root(), {"sh", "-c", "git mktree < " + (sandbox_.outside() / "tree").string()}).text.substr(0, 40);
  const auto next = sandbox_.git({"commit-tree", "-p", base_, "-m", "b", with_b});
  EXPECT_EQ(take_over({sandbox_.root(), worktree_.path, worktree_.branch, base_, base_, next}), "");
  EXPECT_EQ(sandbox_.git({"rev-parse", "feature/t"}), next);
  EXPECT_EQ(sandbox_.git({"rev-parse", "main"}), main);
  EXPECT_EQ(git_in(worktree_.path, {"status", "--porcelain"}), "");
}

TEST_F(ShadowTest, WhatMustNotBeTheBranchsIsNotTakenOver) {
  const auto why = [&](const std::string& from, const std::string& to) { return take_over({sandbox_.root(), worktree_.path, worktree_.branch, base_, from, to}); };
  const auto orphan = sandbox_.git({"commit-tree", "-m", "alone", base_ + "^{tree}"});
  const auto next = commit_of_agent(base_, "next");
  EXPECT_THAT(why(base_, orphan), HasSubstr("does not hold"));
  EXPECT_THAT(why(base_, sandbox_.git({"rev-parse", base_ + "^{tree}"})), HasSubstr("no commit"));
  EXPECT_THAT(why(base_, std::string(40, 'a')), HasSubstr("no commit"));
  EXPECT_THAT(why(next, commit_of_agent(next, "more")), HasSubstr("somebody else moved"));
  EXPECT_EQ(sandbox_.git({"rev-parse", "feature/t"}), base_);
}

TEST_F(ShadowTest, WhatWasNotTakenOverIsKeptOnceUnderANumber) {
  const auto one = commit_of_agent(base_, "one"), two = commit_of_agent(base_, "two");
  EXPECT_EQ(keep_commit(sandbox_.root(), "run", "t", one), "refs/fanout/kept/run/t/1");
  EXPECT_EQ(keep_commit(sandbox_.root(), "run", "t", two), "refs/fanout/kept/run/t/2");
  EXPECT_EQ(keep_commit(sandbox_.root(), "run", "t", one), "refs/fanout/kept/run/t/1");
  EXPECT_EQ(sandbox_.git({"rev-parse", "refs/fanout/kept/run/t/2"}), two);
}

TEST_F(ShadowTest, TheRulesOfWhatIsIgnoredFollowTheRepositorys) {
  const auto made = shadow();
  write_file(sandbox_.root() / ".git/info/exclude", "node_modules\n");
  refresh_rules(made);
  EXPECT_EQ(read_file(made.info() / "exclude"), "node_modules\n");
}

TEST_F(ShadowTest, BorrowedObjectsAreSeenTooAndLoopsOfThemEnd) {
  const GitSandbox lender;
  lender.commit_file("b.txt", "b\n");
  write_file(sandbox_.root() / ".git/objects/info/alternates", (lender.root() / ".git/objects").string() + "\n");
  write_file(lender.root() / ".git/objects/info/alternates", (sandbox_.root() / ".git/objects").string() + "\n# a remark\n/nowhere\n");
  EXPECT_THAT(shadow().objects, ElementsAre(sandbox_.root() / ".git/objects", lender.root() / ".git/objects"));
  fs::remove(lender.root() / ".git/objects/info/alternates");
}

TEST_F(ShadowTest, APartialCloneHasNone) {
  EXPECT_EQ(no_shadow(sandbox_.root()), "");
  sandbox_.git({"config", "remote.origin.promisor", "true"});
  EXPECT_THAT(no_shadow(sandbox_.root()), HasSubstr("partial clone"));
}

TEST_F(ShadowTest, IsRemovedWhateverWasMadeOfIt) {
  const auto made = shadow();
  const auto precious = sandbox_.outside() / "precious";
  write_file(precious / "file", "x");
  fs::create_directory_symlink(precious, made.git() / "link");
  remove_shadows(shadows_);
  EXPECT_FALSE(fs::exists(shadows_));
  EXPECT_TRUE(fs::exists(precious / "file"));
}

}  // namespace
}  // namespace fanout::git
