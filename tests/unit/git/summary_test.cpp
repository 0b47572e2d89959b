#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::IsEmpty;

class SummaryTest : public ::testing::Test {
 protected:
  SummaryTest() : base_(sandbox_.commit_file("code", "one\ntwo\nthree\nfour\nfive\n")) {
    sandbox_.commit_file("old", "x\n");
    base_ = sandbox_.git({"rev-parse", "HEAD"});
    sandbox_.git({"checkout", "--quiet", "-b", "work"});
  }

  const FileDelta& file(const BranchSummary& summary, const std::string& path) {
    for (const auto& delta : summary.files) {
      if (delta.path == path) return delta;
    }
    throw std::runtime_error("no " + path);
  }

  GitSandbox sandbox_;
  std::string base_;
};

TEST_F(SummaryTest, ABranchThatDidNothingIsEmpty) {
  const auto summary = summarise_branch(sandbox_.root(), base_, "work");
  EXPECT_EQ(summary.head, base_);
  EXPECT_THAT(summary.commits, IsEmpty());
  EXPECT_THAT(summary.files, IsEmpty());
}

TEST_F(SummaryTest, ListsCommitsOldestFirst) {
  const std::string first = sandbox_.commit_file("a", "1", "feat: first\n\nbody"),
                    second = sandbox_.commit_file("a", "2", "fix: second");
  const auto summary = summarise_branch(sandbox_.root(), base_, "work");
  ASSERT_EQ(summary.commits.size(), 2u);
  EXPECT_EQ(summary.commits[0].id, first);
  EXPECT_EQ(summary.commits[0].summary, "feat: first");
  EXPECT_EQ(summary.commits[1].id, second);
  EXPECT_EQ(summary.head, second);
}

TEST_F(SummaryTest, CountsLinesAsGitDoes) {
  write_file(sandbox_.root() / "code", "one\nTWO\nthree\nfour\nfive\nsix\n");
  write_file(sandbox_.root() / "new", "a\nb\n");
  fs::remove(sandbox_.root() / "old");
  commit_all(sandbox_.root(), sandbox_.root(), "work");
  const auto summary = summarise_branch(sandbox_.root(), base_, "work");
  std::string numbers;
  for (const auto& delta : summary.files) {
    numbers +=
        std::to_string(*delta.added) + "\t" + std::to_string(*delta.deleted) + "\t" + delta.path + "\n";
  }
  EXPECT_EQ(numbers, sandbox_.git({"diff", "--numstat", base_, "work"}) + "\n");
  EXPECT_EQ(file(summary, "code").kind, FileDelta::Kind::modified);
  EXPECT_EQ(file(summary, "new").kind, FileDelta::Kind::added);
  EXPECT_EQ(file(summary, "old").kind, FileDelta::Kind::deleted);
}

TEST_F(SummaryTest, FindsRenames) {
  sandbox_.git({"mv", "code", "moved"});
  sandbox_.git({"commit", "-qm", "move"});
  const auto summary = summarise_branch(sandbox_.root(), base_, "work");
  ASSERT_EQ(summary.files.size(), 1u);
  EXPECT_EQ(summary.files[0].path, "moved");
  EXPECT_EQ(summary.files[0].kind, FileDelta::Kind::renamed);
  EXPECT_EQ(summary.files[0].added, 0u);
}

TEST_F(SummaryTest, BinaryAndVeryLargeFilesHaveNoCounts) {
  write_file(sandbox_.root() / "binary", std::string("a\0b", 3));
  std::string large;
  while (large.size() <= 1024 * 1024) large += "a line like any other\n";
  write_file(sandbox_.root() / "large", large);
  commit_all(sandbox_.root(), sandbox_.root(), "work");
  const auto summary = summarise_branch(sandbox_.root(), base_, "work");
  EXPECT_EQ(file(summary, "binary").added, std::nullopt);
  EXPECT_EQ(file(summary, "large").added, std::nullopt);
  EXPECT_EQ(file(summary, "large").kind, FileDelta::Kind::added);
}

TEST_F(SummaryTest, AMissingBranchIsNotFound) {
  error_of(ErrorKind::not_found, [&] { summarise_branch(sandbox_.root(), base_, "nope"); });
}

}  // namespace
}  // namespace fanout::git
