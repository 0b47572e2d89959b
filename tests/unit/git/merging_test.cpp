#include "server/git/merging.hpp"

#include <map>

#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = FileConflict::Kind;

class MergingTest : public ::testing::Test {
 protected:
  MergingTest() : base_(sandbox_.commit_file("shared", "one\ntwo\nthree\nfour\nfive\n")) {}

  /// A branch off `start` with one commit for each file.
  MergeStep branch(const std::string& name, const std::vector<std::pair<std::string, std::string>>& files, std::string start = {}) {
    if (start.empty()) start = base_;
    sandbox_.git({"checkout", "--quiet", "-b", name, start});
    for (const auto& [file, content] : files) sandbox_.commit_file(file, content, "feat: " + file + " of " + name);
    sandbox_.git({"checkout", "--quiet", "main"});
    return {name, start, sandbox_.git({"rev-parse", name}), "bring in " + name + "\n", MergeMethod::merge};
  }

  Candidate at(const std::string& commit) const { return {commit, commit}; }

  Candidate merged(const Candidate& onto, MergeStep step, MergeMethod method = MergeMethod::merge) {
    step.method = method;
    auto result = merge_onto(sandbox_.root(), onto, step);
    EXPECT_TRUE(std::holds_alternative<Candidate>(result)) << step.name << " conflicts";
    return std::holds_alternative<Candidate>(result) ? std::get<Candidate>(result) : onto;
  }

  StepConflict conflict(const Candidate& onto, MergeStep step, MergeMethod method = MergeMethod::merge) {
    step.method = method;
    auto result = merge_onto(sandbox_.root(), onto, step);
    EXPECT_TRUE(std::holds_alternative<StepConflict>(result)) << step.name << " merges";
    return std::holds_alternative<StepConflict>(result) ? std::get<StepConflict>(result) : StepConflict{};
  }

  std::string tree(const std::string& commit) const { return sandbox_.git({"rev-parse", commit + "^{tree}"}); }
  std::string show(const std::string& commit, const std::string& file) const { return sandbox_.git({"show", commit + ":" + file}); }

  GitSandbox sandbox_;
  std::string base_;
};

/// git's own merge, in memory too: the tree that it comes to.
TEST_F(MergingTest, MergesToTheTreeThatGitItselfMergesTo) {
  const auto a = branch("a", {{"shared", "ONE\ntwo\nthree\nfour\nfive\n"}, {"dir/a", "a\n"}});
  const auto b = branch("b", {{"shared", "one\ntwo\nthree\nfour\nFIVE\n"}, {"dir/b", "b\n"}});
  const auto first = merged(at(base_), a), both = merged(first, b);
  EXPECT_EQ(tree(both.commit), lines_of(sandbox_.git({"merge-tree", "--write-tree", first.commit, b.head})).front());
  EXPECT_EQ(sandbox_.git({"log", "-1", "--format=%s", both.commit}), "bring in b");
  EXPECT_EQ(sandbox_.git({"rev-parse", both.commit + "^1", both.commit + "^2"}), first.commit + "\n" + b.head);
  EXPECT_EQ(both.history, both.commit);
  EXPECT_EQ(sandbox_.git({"status", "--porcelain"}), "") << "nothing is checked out";
  EXPECT_EQ(sandbox_.git({"rev-parse", "main"}), base_) << "and no branch moves";
}

TEST_F(MergingTest, WhatIsThereAlreadyChangesNothing) {
  const auto a = branch("a", {{"a", "a\n"}});
  const auto once = merged(at(base_), a);
  EXPECT_EQ(merged(once, a).commit, once.commit);
}

TEST_F(MergingTest, ASquashIsOneCommitWithTheFilesOfAMerge) {
  const auto a = branch("a", {{"one", "1\n"}, {"two", "2\n"}});
  const auto later = sandbox_.commit_file("later", "x");
  const auto squashed = merged(at(later), a, MergeMethod::squash);
  EXPECT_EQ(sandbox_.git({"rev-parse", squashed.commit + "^@"}), later);
  EXPECT_EQ(tree(squashed.commit), lines_of(sandbox_.git({"merge-tree", "--write-tree", later, a.head})).front());
}

TEST_F(MergingTest, ARebaseReplaysEachCommitAsGitDoes) {
  const auto a = branch("a", {{"one", "1\n"}, {"shared", "one\nTWO\nthree\nfour\nfive\n"}});
  const auto later = sandbox_.commit_file("later", "x");
  const auto rebased = merged(at(later), a, MergeMethod::rebase);
  sandbox_.git({"checkout", "--quiet", "--detach", a.head});
  sandbox_.git({"rebase", "--quiet", "--onto", later, base_});
  EXPECT_EQ(tree(rebased.commit), tree("HEAD"));
  EXPECT_EQ(sandbox_.git({"log", "--format=%s %an", later + ".." + rebased.commit}), sandbox_.git({"log", "--format=%s %an", later + "..HEAD"}));
}

TEST_F(MergingTest, ARebaseLeavesOutACommitWhoseChangeIsThere) {
  const auto a = branch("a", {{"one", "1\n"}, {"two", "2\n"}});
  const auto later = sandbox_.commit_file("one", "1\n");
  const auto rebased = merged(at(later), a, MergeMethod::rebase);
  EXPECT_EQ(sandbox_.git({"rev-list", "--count", later + ".." + rebased.commit}), "1");
}

TEST_F(MergingTest, ABranchWithMergeCommitsComesInAsOne) {
  branch("a", {{"one", "1\n"}});
  const auto later = sandbox_.commit_file("later", "x");
  sandbox_.git({"checkout", "--quiet", "a"});
  sandbox_.git({"merge", "--quiet", "--no-edit", "main"});
  sandbox_.git({"checkout", "--quiet", "main"});
  const MergeStep step{"a", base_, sandbox_.git({"rev-parse", "a"}), "as one\n", MergeMethod::rebase};
  const auto rebased = merged(at(later), step, MergeMethod::rebase);
  EXPECT_EQ(sandbox_.git({"rev-list", "--count", later + ".." + rebased.commit}), "1");
  EXPECT_EQ(show(rebased.commit, "one"), "1");
}

/// The branch above it changes lines that the squashed one below it added: git, which does not know that these are the
/// same, finds a conflict there.
TEST_F(MergingTest, WhatIsBuiltUponASquashedBranchMergesAsIfThatWereThereItself) {
  for (const auto method : {MergeMethod::squash, MergeMethod::rebase}) {
    const auto name = std::string(method == MergeMethod::squash ? "s" : "r");
    const auto below = branch(name + "-below", {{"new", "first\nsecond\nthird\n"}});
    const auto above = branch(name + "-above", {{"new", "first\nSECOND\nthird\n"}}, below.head);
    const auto later = sandbox_.commit_file("later-" + name, "x");
    const auto both = merged(merged(at(later), below, method), above, method);
    EXPECT_EQ(show(both.commit, "new"), "first\nSECOND\nthird");
    EXPECT_EQ(sandbox_.git({"rev-list", "--count", "--merges", later + ".." + both.commit}), "0");
  }
}

TEST_F(MergingTest, WhatWasSquashedInByOthersCountsOnceThatIsKnown) {
  const auto below = branch("below", {{"new", "first\nsecond\nthird\n"}});
  const auto above = branch("above", {{"new", "first\nSECOND\nthird\n"}}, below.head);
  sandbox_.git({"merge", "--quiet", "--squash", "below"});
  sandbox_.git({"commit", "--quiet", "-m", "squashed"});
  const auto target = sandbox_.git({"rev-parse", "main"});
  EXPECT_THAT(contained_in(sandbox_.root(), target, "main", below.head, base_, {}).value_or(""), HasSubstr("main"));
  EXPECT_FALSE(contained_in(sandbox_.root(), target, "main", above.head, base_, {}));
  const auto known = with_history(sandbox_.root(), at(target), below.head);
  EXPECT_EQ(known.commit, target);
  EXPECT_EQ(show(merged(known, above).commit, "new"), "first\nSECOND\nthird");
  EXPECT_EQ(sandbox_.git({"rev-parse", merged(known, above).commit + "^1"}), target) << "the branch knows nothing of it";
}

TEST_F(MergingTest, AConflictNamesFileAndLinesOfBothSides) {
  const auto ours = branch("ours", {{"shared", "zero\none\nours\nthree\nfour\nfive\n"}});
  const auto theirs = branch("theirs", {{"shared", "one\ntheirs\nthree\nfour\nfive\n"}});
  const auto found = conflict(at(ours.head), theirs);
  ASSERT_EQ(found.files.size(), 1u);
  const auto& file = found.files[0];
  EXPECT_EQ(file.path, "shared");
  EXPECT_EQ(file.kind, Kind::content);
  ASSERT_EQ(file.hunks.size(), 1u);
  EXPECT_EQ(file.hunks[0].ours, "ours\n");
  EXPECT_EQ(file.hunks[0].theirs, "theirs\n");
  EXPECT_EQ(file.hunks[0].before, "two\n");
  EXPECT_EQ(file.hunks[0].our_line, 3u);
  EXPECT_EQ(file.hunks[0].their_line, 2u);
}

TEST_F(MergingTest, SeveralConflictsOfAFileAreFoundEachAtItsPlace) {
  std::string text, ours, theirs;
  for (int i = 1; i <= 60; ++i) {
    const auto line = i % 2 == 0 ? "}\n" : "line " + std::to_string(i) + "\n";
    text += line;
    ours += i == 10 || i == 50 ? "ours {\n}\n" : line;
    theirs += i == 10 || i == 50 ? "theirs\n" : line;
  }
  const auto start = sandbox_.commit_file("code", text);
  const auto a = branch("a", {{"code", ours}}, start), b = branch("b", {{"code", theirs}}, start);
  const auto files = conflicts_between(sandbox_.root(), a.head, b.head);
  ASSERT_EQ(files.size(), 1u);
  ASSERT_EQ(files[0].hunk_count, 2u);
  EXPECT_EQ(files[0].hunks[0].our_line, 10u);
  EXPECT_EQ(files[0].hunks[0].their_line, 10u);
  EXPECT_EQ(files[0].hunks[1].our_line, 51u);
  EXPECT_EQ(files[0].hunks[1].their_line, 50u);
}

TEST_F(MergingTest, EveryKindOfConflictIsToldApartAndGitFindsTheSameFiles) {
  const std::string binary = std::string("\0\1", 2);
  const auto start = sandbox_.commit_file("image", binary + "0");
  const auto a = branch("a", {{"shared", "a\n"}, {"new", "a\n"}, {"image", binary + "a"}}, start);
  sandbox_.git({"checkout", "--quiet", "-b", "b", start});
  sandbox_.git({"rm", "--quiet", "shared"});
  sandbox_.commit_file("new", "b\n");
  sandbox_.commit_file("image", binary + "b");
  sandbox_.git({"commit", "--quiet", "-am", "gone", "--allow-empty"});
  const auto tip = sandbox_.git({"rev-parse", "b"});
  sandbox_.git({"checkout", "--quiet", "main"});
  std::map<std::string, Kind> kinds;
  for (const auto& file : conflicts_between(sandbox_.root(), a.head, tip)) kinds[file.path] = file.kind;
  EXPECT_EQ(kinds, (std::map<std::string, Kind>{{"image", Kind::binary}, {"new", Kind::both_added}, {"shared", Kind::changed_and_deleted}}));
  const auto theirs = sandbox_.try_git({"merge-tree", "--write-tree", "--name-only", "--no-messages", a.head, tip});
  auto named = lines_of(theirs.text);
  named.erase(named.begin());  // the tree
  std::erase(named, "");
  EXPECT_THAT(named, ::testing::UnorderedElementsAre("image", "new", "shared"));
}

TEST_F(MergingTest, ARebaseNamesTheCommitThatDoesNotApply) {
  const auto ours = branch("ours", {{"shared", "ours\n"}});
  const auto theirs = branch("theirs", {{"fine", "x"}, {"shared", "theirs\n"}});
  const auto found = conflict(at(ours.head), theirs, MergeMethod::rebase);
  EXPECT_THAT(found.commit, HasSubstr("feat: shared of theirs"));
  EXPECT_EQ(found.files.at(0).path, "shared");
}

TEST_F(MergingTest, TextThatIsNoUtf8IsToldAsUtf8) {
  const auto a = branch("a", {{"shared", "caf\xe9\n"}}), b = branch("b", {{"shared", "b\n"}});
  EXPECT_EQ(conflicts_between(sandbox_.root(), a.head, b.head).at(0).hunks.at(0).ours, "caf\xEF\xBF\xBD\n");
}

TEST_F(MergingTest, HistoriesWithNothingInCommonAreRefused) {
  sandbox_.git({"checkout", "--quiet", "--orphan", "alien"});
  const auto alien = sandbox_.commit_file("alien", "x");
  const MergeStep step{"alien", alien, alien, "m", MergeMethod::merge};
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { merge_onto(sandbox_.root(), at(base_), step); }), HasSubstr("alien cannot be merged"));
}

TEST(MayCollide, OnlyWhereAPathIsThatOfTheOtherOrAFolderOfIt) {
  EXPECT_TRUE(may_collide({"a", "b"}, {"b"}));
  EXPECT_TRUE(may_collide({"a"}, {"a/b"}));
  EXPECT_TRUE(may_collide({"a/b/c"}, {"a/b"}));
  EXPECT_FALSE(may_collide({"a", "a-b"}, {"a.b", "b/a"}));
  EXPECT_FALSE(may_collide({}, {"a"}));
}

TEST_F(MergingTest, TheFilesThatWereTouchedAreOldAndNewNames) {
  sandbox_.git({"checkout", "--quiet", "-b", "a"});
  sandbox_.git({"mv", "shared", "moved"});
  sandbox_.git({"commit", "--quiet", "-m", "move"});
  EXPECT_THAT(touched_files(sandbox_.root(), base_, sandbox_.git({"rev-parse", "a"})), ElementsAre("moved", "shared"));
}

TEST_F(MergingTest, TheStateOfAWorktreeIsACommitThatNobodyRefersTo) {
  const auto worktree = add_for(sandbox_, "t");
  EXPECT_EQ(present_state(sandbox_.root(), worktree.path, {}), base_) << "nothing is there but what is checked out";
  write_file(worktree.path / "new", "not committed\n");
  const auto refs = sandbox_.git({"for-each-ref"});
  const auto state = present_state(sandbox_.root(), worktree.path, {});
  EXPECT_EQ(show(state, "new"), "not committed");
  EXPECT_EQ(sandbox_.git({"rev-parse", state + "^"}), base_);
  EXPECT_EQ(sandbox_.git({"for-each-ref"}), refs);
  EXPECT_EQ(present_state(sandbox_.root(), worktree.path, {}), state) << "the same files, the same commit";
  EXPECT_EQ(git_in(worktree.path, {"status", "--porcelain"}), "?? new") << "the agent's index is not touched";
}

}  // namespace
}  // namespace fanout::git
