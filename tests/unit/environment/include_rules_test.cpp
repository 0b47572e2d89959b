#include "server/environment/include_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "server/environment/environment.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::environment {
namespace {

using Verdict = IncludeRules::Verdict;

Verdict verdict(const std::string& rules, const std::string& path, bool is_folder = false) {
  IncludeRules all;
  all.add(rules);
  return all.verdict(path, is_folder);
}

bool includes(const std::string& rules, const std::string& path, bool is_folder = false) {
  return verdict(rules, path, is_folder) == Verdict::included;
}

TEST(IncludeRules, AStarStopsAtASlashAndTwoDoNot) {
  EXPECT_TRUE(includes("/a/*.env", "a/b.env"));
  EXPECT_FALSE(includes("/a/*.env", "a/b/c.env"));
  EXPECT_TRUE(includes("/a/**/c", "a/c"));
  EXPECT_TRUE(includes("/a/**/c", "a/b/b/c"));
  EXPECT_FALSE(includes("/a/**/c", "a/bc"));
  EXPECT_TRUE(includes("a/**", "a/b/c"));
  EXPECT_FALSE(includes("a/**", "a", true));
  EXPECT_TRUE(includes("**/c", "c"));
}

TEST(IncludeRules, APatternWithoutSlashMatchesInEveryFolder) {
  EXPECT_TRUE(includes("*.pem", "deep/down/key.pem"));
  EXPECT_FALSE(includes("/*.pem", "deep/key.pem"));
  EXPECT_FALSE(includes("a/key.pem", "deep/a/key.pem"));
}

TEST(IncludeRules, ASlashAtTheEndMeansFoldersOnly) {
  EXPECT_TRUE(includes("secrets/", "x/secrets", true));
  EXPECT_FALSE(includes("secrets/", "x/secrets", false));
}

TEST(IncludeRules, TheLastLineThatMatchesDecides) {
  EXPECT_EQ(verdict(".env*\n!.env.example\n", ".env.example"), Verdict::excluded);
  EXPECT_EQ(verdict("!.env.example\n.env*\n", ".env.example"), Verdict::included);
  EXPECT_EQ(verdict(".env*\n", "other"), Verdict::none);
}

TEST(IncludeRules, CommentsBlanksAndLineEndsAreNoPatterns) {
  EXPECT_TRUE(includes("\xEF\xBB\xBF# of ours\r\n\r\n  \nfoo  \r\n", "foo"));
  EXPECT_TRUE(includes("\\#foo", "#foo"));
  EXPECT_TRUE(includes("\\!foo", "!foo"));
  EXPECT_TRUE(includes("foo\\ ", "foo "));
  EXPECT_FALSE(includes("/\n!\n!/\n", "foo"));
}

TEST(IncludeRules, AMalformedPatternMatchesNothing) {
  EXPECT_FALSE(includes("a[b", "a[b"));
  EXPECT_FALSE(includes("a\\", "a\\"));
  EXPECT_FALSE(includes("[[:letter:]]", "a"));
}

TEST(IncludeRules, APatternMadeToBeSlowIsNot) {
  std::string pattern = "/";
  for (int i = 0; i < 200; ++i) pattern += "*a**/";
  EXPECT_FALSE(includes(pattern + "b", std::string(4000, 'a')));
}

TEST(IncludeRules, OnlyFoldersThatCanHoldAMatchAreLookedInto) {
  IncludeRules rules;
  rules.add("config/local/*.json\n!node_modules/x\n");
  EXPECT_TRUE(rules.may_match_inside("config"));
  EXPECT_TRUE(rules.may_match_inside("config/local"));
  EXPECT_FALSE(rules.may_match_inside("configuration"));
  EXPECT_FALSE(rules.may_match_inside("config/other"));
  EXPECT_FALSE(rules.may_match_inside("node_modules"));
  rules.add("*.pem");
  EXPECT_TRUE(rules.may_match_inside("node_modules"));
}

/// Random patterns over random trees: what `git ls-files --ignored` finds, we find.
class AgainstGit : public testing::TestWithParam<unsigned> {
 protected:
  std::string pick(std::initializer_list<const char*> choices) {
    return *(choices.begin() + std::uniform_int_distribution<std::size_t>(0, choices.size() - 1)(random_));
  }
  bool chance(int percent) { return std::uniform_int_distribution(0, 99)(random_) < percent; }

  std::string random_pattern() {
    std::string line = chance(25) ? "!" : "";
    if (chance(20)) line += "/";
    do {
      line +=
          pick({"a",     "b",    "ab",    "a.b",  "*",       "**",   "?",           "*b",
                "a*",    "[ab]", "[!a]*", "[^b]", "[a-b]*",  "[]a]", "[[:alpha:]]", "[[:upper:][:digit:]]*",
                "\\a",   "[a",   "**/b",  "a/**", "**/a/**", "a b",  "[a\\]b]",     "[b-]",
                "[[:a]", "x*y*", "***",   "[!/]"});
      if (chance(50)) line += "/";
    } while (chance(30));
    return line + pick({"", "", "", " ", "\\ ", "\r"});
  }

  std::string random_path() {
    std::string path;
    do {
      path += pick({"a", "b", "ab", "a.b", "a b", "B", "xay", "-", "]", "ba", "[a"});
      path += "/";
    } while (chance(55));
    return path + pick({"a", "b", "ab", "a.b", "B1", "a ", "xzyz", "]"});
  }

  std::mt19937 random_{GetParam()};
};

TEST_P(AgainstGit, TheSameFilesAreFound) {
  const test::GitSandbox sandbox;
  for (int i = 0; i < 60; ++i) {
    try {
      test::write_file(sandbox.root() / random_path(), "");
    } catch (const std::exception&) {
      // a file is where this path needs a folder, or the other way round
    }
  }
  for (int round = 0; round < 12; ++round) {
    std::string rules;
    const int lines = std::uniform_int_distribution(1, 5)(random_);
    for (int i = 0; i < lines; ++i) rules += random_pattern() + "\n";
    const auto file = sandbox.outside() / "rules";
    test::write_file(file, rules);
    const auto expected = test::lines_of(sandbox.git({"-c", "core.quotePath=false", "ls-files", "--others",
                                                      "--ignored", "--exclude-from=" + file.string()}));
    const test::TempDir target;
    const auto found = copy_untracked(sandbox.root(), target.path(), {rules});
    EXPECT_EQ(std::set(found.begin(), found.end()), std::set(expected.begin(), expected.end())) << rules;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgainstGit, testing::Range(1u, 21u));

}  // namespace
}  // namespace fanout::environment
