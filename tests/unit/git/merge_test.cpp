#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MergeTest : public ::testing::Test {
 protected:
  MergeTest() : base_(sandbox_.commit_file("shared", "one\ntwo\nthree\n")) {}

  /// A branch off the base with one commit that writes one file.
  Tip branch(const std::string& name, const std::string& file, const std::string& content) {
    sandbox_.git({"checkout", "--quiet", "-b", name, base_});
    const std::string commit = sandbox_.commit_file(file, content);
    sandbox_.git({"checkout", "--quiet", "main"});
    return {name, commit};
  }

  std::string merged(const std::vector<Tip>& tips) {
    auto result = merge_tips(sandbox_.root(), base_, tips);
    EXPECT_TRUE(std::holds_alternative<std::string>(result));
    return std::get<std::string>(result);
  }

  GitSandbox sandbox_;
  std::string base_;
};

TEST_F(MergeTest, WithoutTipsItIsTheBase) { EXPECT_EQ(merged({}), base_); }

TEST_F(MergeTest, OneTipThatHoldsTheBaseIsItself) {
  const Tip tip = branch("a", "a", "a");
  EXPECT_EQ(merged({tip}), tip.commit);
}

TEST_F(MergeTest, ATipThatTheBaseHoldsAddsNothing) {
  const std::string later = sandbox_.commit_file("later", "x");
  EXPECT_EQ(std::get<std::string>(merge_tips(sandbox_.root(), later, {{"old", base_}})), later);
}

TEST_F(MergeTest, SeveralTipsAreMergedInOrderWithNothingCheckedOut) {
  const std::vector<Tip> tips = {branch("a", "a", "a"), branch("b", "b", "b"), branch("c", "c", "c")};
  const std::string refs = sandbox_.git({"for-each-ref"});
  const std::string commit = merged(tips);
  EXPECT_EQ(sandbox_.git({"ls-tree", "--name-only", commit}), "a\nb\nc\nshared");
  EXPECT_EQ(sandbox_.git({"log", "--format=%s", "-1", commit}), "Merge c");
  EXPECT_EQ(sandbox_.git({"rev-parse", commit + "^2"}), tips[2].commit);
  EXPECT_EQ(sandbox_.git({"for-each-ref"}), refs);
  EXPECT_EQ(sandbox_.git({"status", "--porcelain"}), "");
  EXPECT_EQ(sandbox_.try_git({"fsck", "--full", "--strict"}).status, 0);
}

TEST_F(MergeTest, ChangesToDifferentPartsOfAFileMerge) {
  const Tip top = branch("top", "shared", "ONE\ntwo\nthree\n"),
            bottom = branch("bottom", "shared", "one\ntwo\nTHREE\n");
  // Neighbouring lines conflict in git as well; with an untouched one between them they do not.
  EXPECT_EQ(sandbox_.git({"show", merged({top, bottom}) + ":shared"}), "ONE\ntwo\nTHREE");
}

TEST_F(MergeTest, AConflictNamesTheTipAndEachFileOnce) {
  const Tip ours = branch("ours", "shared", "ours\n");
  sandbox_.git({"checkout", "--quiet", "-b", "theirs", base_});
  sandbox_.commit_file("shared", "theirs\n");
  const Tip theirs{"theirs", sandbox_.commit_file("fine", "x")};
  const auto result = merge_tips(sandbox_.root(), base_, {ours, theirs});
  ASSERT_TRUE(std::holds_alternative<MergeConflict>(result));
  EXPECT_EQ(std::get<MergeConflict>(result).with, "theirs");
  EXPECT_THAT(std::get<MergeConflict>(result).files, ElementsAre("shared"));
}

TEST_F(MergeTest, BothAddingTheSameFileConflicts) {
  const auto result =
      merge_tips(sandbox_.root(), base_, {branch("a", "new", "a\n"), branch("b", "new", "b\n")});
  ASSERT_TRUE(std::holds_alternative<MergeConflict>(result));
  EXPECT_THAT(std::get<MergeConflict>(result).files, ElementsAre("new"));
}

TEST_F(MergeTest, TheSameTipTwiceIsMergedOnce) {
  const Tip a = branch("a", "a", "a"), b = branch("b", "b", "b");
  const std::string commit = merged({a, b, a});
  EXPECT_EQ(sandbox_.git({"rev-list", "--count", "--merges", commit}), "1");
}

TEST_F(MergeTest, ATipWithoutCommonHistoryIsRefused) {
  sandbox_.git({"checkout", "--quiet", "--orphan", "alien"});
  const Tip alien{"alien", sandbox_.commit_file("alien", "x")};
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { merge_tips(sandbox_.root(), base_, {alien}); }),
              HasSubstr("alien cannot be merged"));
}

TEST_F(MergeTest, AnUnknownTipIsNotFound) {
  error_of(ErrorKind::not_found, [&] { merge_tips(sandbox_.root(), base_, {{"x", std::string(40, 'b')}}); });
  error_of(ErrorKind::invalid_input, [&] { merge_tips(sandbox_.root(), base_, {{"x", "main"}}); });
}

TEST_F(MergeTest, ManyMergesAtOnceAgree) {
  const std::vector<Tip> tips = {branch("a", "a", "a"), branch("b", "b", "b")};
  std::vector<std::string> trees(12);
  EXPECT_THAT(at_once(12,
                      [&](int i) {
                        const auto commit = std::get<std::string>(merge_tips(sandbox_.root(), base_, tips));
                        trees[static_cast<std::size_t>(i)] = sandbox_.git({"rev-parse", commit + "^{tree}"});
                      }),
              IsEmpty());
  EXPECT_THAT(trees, ::testing::Each(trees.front()));
}

}  // namespace
}  // namespace fanout::git
