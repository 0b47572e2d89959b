#include "server/git/ignore.hpp"

#include <set>

#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

const std::vector<std::string> kPaths = {"a",
                                         "b.log",
                                         "g/foo",
                                         "foo/bam",
                                         "foo/bar/baz",
                                         "foo.c",
                                         "build/x",
                                         "x/build/y",
                                         "x/y/z.log",
                                         "x/y/keep.log",
                                         "doc/a.txt",
                                         "doc/s/a.txt",
                                         "abc",
                                         "a b",
                                         "a ",
                                         "#hash",
                                         "!bang",
                                         "star*",
                                         "starry",
                                         "br[ack]et",
                                         "back\\slash",
                                         "d/[x]/y",
                                         "A",
                                         "aXb",
                                         "a-b",
                                         "a]b",
                                         "dir/sub/deep/leaf",
                                         "leaf",
                                         "dir/leaf",
                                         "1.tmp",
                                         ".hidden",
                                         "x/.hidden",
                                         "caf\xc3\xa9",
                                         "\xff\xfe",
                                         "foo/a/b/c",
                                         "tail\\",
                                         "x/y/x/y",
                                         "long.name.ext"};

const std::vector<std::string> kIgnorePatterns = {"*.log",
                                            "/foo",
                                            "foo/",
                                            "foo/*",
                                            "foo/**",
                                            "**/leaf",
                                            "dir/**/leaf",
                                            "/**/y",
                                            "build/",
                                            "/build",
                                            "x/*/z.log",
                                            "doc/*.txt",
                                            "doc/**/*.txt",
                                            "a?c",
                                            "a[a-c]c",
                                            "a[!a-c]b",
                                            "a[^-]b",
                                            "a[]]b",
                                            "a[]-]b",
                                            "a[-x]b",
                                            "\\#hash",
                                            "#hash",
                                            "\\!bang",
                                            "star\\*",
                                            "star*",
                                            "br\\[ack]et",
                                            "br[[]ack]et",
                                            "back\\\\slash",
                                            "a\\ ",
                                            "a ",
                                            "a b",
                                            "[[:upper:]]",
                                            "[[:alpha:]]*[[:digit:]]",
                                            "[[:nope:]]",
                                            "[a",
                                            "[]",
                                            "**",
                                            "*",
                                            "*/",
                                            "**/",
                                            "/*",
                                            "*/*",
                                            "**/x/**",
                                            "x/**/y",
                                            "foo/bar/",
                                            "!foo",
                                            ".*",
                                            "caf*",
                                            "caf??",
                                            "\xff*",
                                            "tail\\",
                                            "*a*",
                                            "*.*.*",
                                            "d/[[]x]/y",
                                            "*[xyz]",
                                            "a**c",
                                            "x/**y",
                                            "**leaf",
                                            "dir/**leaf",
                                            "foo/ba[r/]baz",
                                            "",
                                            "/",
                                            "//",
                                            "\\a",
                                            "[\\a-c]bc",
                                            "x/y/",
                                            "/x/y/x"};

class IgnoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sandbox_.commit_file("first", "1");
    for (const auto& path : kPaths) {
      if (!fs::is_directory(sandbox_.root() / path)) write_file(sandbox_.root() / path, "x");
    }
  }

  /// What git has under untracked files that are not ignored.
  std::set<std::string> by_git() {
    std::set<std::string> paths;
    const std::vector<std::string> list = {"git", "ls-files", "-z", "--others", "--exclude-standard"};
    const std::string text = test::run_in(sandbox_.root(), list).text;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\0', at);
      paths.insert(text.substr(at, end - at));
      at = end + 1;
    }
    return paths;
  }

  static void walk(const fs::path& root, const std::string& folder, const IgnoreRules& rules,
                   std::set<std::string>& found) {
    for (const auto& entry : fs::directory_iterator(root / folder)) {
      const std::string name = entry.path().filename().string();
      const std::string path = folder.empty() ? name : folder + "/" + name;
      if (name == ".git" || rules.ignores(path, entry.is_directory())) continue;
      if (entry.is_directory())
        walk(root, path, rules, found);
      else if (path != "first")
        found.insert(path);
    }
  }

  std::set<std::string> by_us(const std::vector<std::string>& folders) {
    IgnoreRules rules;
    for (const auto& folder : folders) {
      const fs::path file = sandbox_.root() / folder / ".gitignore";
      if (fs::exists(file)) rules.add_folder(folder, read_file(file));
    }
    std::set<std::string> found;
    walk(sandbox_.root(), "", rules, found);
    return found;
  }

  GitSandbox sandbox_;
};

TEST_F(IgnoreTest, EveryPatternMeansWhatGitTakesItFor) {
  for (const auto& pattern : kIgnorePatterns) {
    write_file(sandbox_.root() / ".gitignore", pattern + "\n");
    EXPECT_EQ(by_us({""}), by_git()) << "pattern: " << pattern;
  }
}

TEST_F(IgnoreTest, EveryPatternCanBeTakenBack) {
  for (const auto& pattern : kIgnorePatterns) {
    write_file(sandbox_.root() / ".gitignore", "*.*\nfoo/*\nleaf\n!" + pattern + "\n");
    EXPECT_EQ(by_us({""}), by_git()) << "pattern: !" << pattern;
  }
}

TEST_F(IgnoreTest, ThoseOfAFolderInsideWeighMore) {
  for (const auto& pattern : kIgnorePatterns) {
    write_file(sandbox_.root() / ".gitignore", "*.log\nbar\n*.txt\nleaf\n");
    for (const char* folder : {"x", "x/y", "dir", "foo"}) {
      write_file(sandbox_.root() / folder / ".gitignore", pattern + "\n!keep.log\n!/bar\n");
    }
    EXPECT_EQ(by_us({"", "x", "x/y", "dir", "foo"}), by_git()) << "pattern: " << pattern;
  }
}

TEST_F(IgnoreTest, LineEndsSpacesAndMarksAreReadAsGitDoes) {
  for (const std::string& content :
       {std::string("\xEF\xBB\xBF*.log\n"), std::string("*.log\r\nfoo\r\n"), std::string("*.log   \nfoo"),
        std::string("\n\n\r\n# c\n*.log\n"), std::string("*.l\0og\nfoo\n", 10), std::string("  foo\n")}) {
    write_file(sandbox_.root() / ".gitignore", content);
    EXPECT_EQ(by_us({""}), by_git()) << "content: " << content;
  }
}

TEST_F(IgnoreTest, HostilePatternsEndInTime) {
  std::string stars, folders;
  for (int i = 0; i < 200; ++i) stars += "*a";
  for (int i = 0; i < 100; ++i) folders += "**/a/";
  const std::string name(250, 'a');
  std::string path = "a";
  for (int i = 0; i < 1000; ++i) path += "/a";
  EXPECT_FALSE(matches_glob(stars + "b", name));
  EXPECT_TRUE(matches_glob(stars, name));
  EXPECT_FALSE(matches_glob(folders + "b", path));
  EXPECT_TRUE(matches_glob(folders + "a", path));
}

}  // namespace
}  // namespace fanout::git
