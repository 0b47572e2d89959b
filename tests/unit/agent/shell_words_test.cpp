#include "server/agent/shell_words.hpp"

#include <gmock/gmock.h>

#include "common/text.hpp"

namespace fanout::agent {
namespace {

using testing::ElementsAre;

/// The commands as "a|b c" with words joined by "|"; "?" when it is not certain.
std::string parsed(std::string_view line) {
  const auto commands = parse_command_line(line);
  if (!commands) return "?";
  std::string all;
  for (const auto& command : *commands) {
    std::vector<std::string> words;
    for (const auto& word : command.words) words.push_back(word.plain ? word.text : "$" + word.text);
    all += (all.empty() ? "" : " ; ") + join(words, "|") + (command.redirects ? " >" : "");
  }
  return all;
}

TEST(ShellWords, SplitIntoCommandsAndWords) {
  EXPECT_EQ(parsed("git add -A && git commit -m 'a b' | cat; ls"),
            "git|add|-A ; git|commit|-m|a b ; cat ; ls");
  EXPECT_EQ(parsed("a\nb"), "a ; b");
  EXPECT_EQ(parsed("a || b"), "a ; b");
}

TEST(ShellWords, QuotesAndEscapesAreTakenOff) {
  EXPECT_EQ(parsed(R"(echo "a \"b\" \n" c\ d 'e"f'g)"), R"(echo|a "b" \n|c d|e"fg)");
}

TEST(ShellWords, WhatTheShellPutsInIsNotPlain) {
  EXPECT_EQ(parsed("cat $HOME ~/x \"$A\" src/*.cpp '$x'"), "cat|$$HOME|$~/x|$$A|src/*.cpp|$x");
  EXPECT_EQ(parsed("ls *"), "ls|$*");
}

TEST(ShellWords, RedirectionsAreSeen) {
  EXPECT_EQ(parsed("make > out"), "make >");
  EXPECT_EQ(parsed("make 2>&1"), "make");
  EXPECT_EQ(parsed("make > /dev/null 2>&1"), "make");
  EXPECT_EQ(parsed("make 2>/dev/null"), "make");
  EXPECT_EQ(parsed("cat < in"), "cat >");
  EXPECT_EQ(parsed("make > /dev/nullx"), "?");
  EXPECT_EQ(parsed("> out make all"), "make|all >");
  EXPECT_EQ(parsed("make >"), "?");
}

class Uncertain : public testing::TestWithParam<const char*> {};

TEST_P(Uncertain, IsNotRead) { EXPECT_EQ(parsed(GetParam()), "?"); }

INSTANTIATE_TEST_SUITE_P(Lines, Uncertain,
                         testing::Values("", "   ", "echo $(rm -rf x)", "echo `x`", "(ls)", "{ ls; }", "ls &",
                                         "if true; then x; fi", "for a in b; do c; done", "cat <<EOF\nx\nEOF",
                                         "cat <(ls)", "A=b ls", "ls 'a", "ls \"a", "$CMD x", "! ls",
                                         "eval ls", ". ./x", "source x", "exec ls", "f() { x; }", "ls |& cat",
                                         "echo ${x}", "echo $'a'", "echo \"$(x)\"", "a{b,c}", "ls\\",
                                         "command rm", "export A=b", "> file", "~/x", "ls\r\nrm x",
                                         "cat 3<&0", "a >| b"));

TEST(ShellWords, TheShellAroundACommandIsTakenOff) {
  EXPECT_EQ(without_shell("/bin/bash -lc 'make test'"), "make test");
  EXPECT_EQ(without_shell("/bin/bash -lc \"printf '%s' 'hi\n' > x\""), "printf '%s' 'hi\n' > x");
  EXPECT_EQ(without_shell("bash -c ls more"), "bash -c ls more");
  EXPECT_EQ(without_shell("make test"), "make test");
  EXPECT_EQ(without_shell("/bin/bash -lc 'open"), "/bin/bash -lc 'open");
  EXPECT_EQ(without_shell(std::vector<std::string>{"bash", "-lc", "a && b"}), "a && b");
  EXPECT_EQ(without_shell(std::vector<std::string>{"touch", "a b", "c"}), "touch 'a b' c");
}

}  // namespace
}  // namespace fanout::agent
