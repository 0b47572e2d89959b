// The list of faults in cases.md names tests that exist.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace fanout::test {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// "Suite.Name" of every test in the tree.
std::set<std::string> all_tests(const fs::path& folder) {
  static const std::regex test(R"(TEST(?:_F|_P)?\((\w+),\s*(\w+)\))");
  std::set<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".cpp") continue;
    const auto text = text_of(entry.path());
    for (std::sregex_iterator match(text.begin(), text.end(), test), end; match != end; ++match) {
      found.insert((*match)[1].str() + "." + (*match)[2].str());
    }
  }
  return found;
}

TEST(FaultCases, EachNamesTestsThatExist) {
  const auto tests = all_tests(FANOUT_TESTS);
  const auto list = text_of(fs::path(FANOUT_TESTS) / "faults/cases.md");
  static const std::regex name(R"(`(\w+\.\w+)`)");
  std::size_t count = 0;
  for (std::sregex_iterator match(list.begin(), list.end(), name), end; match != end; ++match) {
    const auto test = (*match)[1].str();
    if (test == "cases_test.cpp") continue;
    ++count;
    EXPECT_TRUE(tests.contains(test)) << test << " is in cases.md and nowhere else";
  }
  EXPECT_GT(count, 40u);
}

}  // namespace
}  // namespace fanout::test
