#include "common/text.hpp"

#include <gtest/gtest.h>

#include <random>

namespace fanout {
namespace {

TEST(ValidUtf8, KeepsWhatIsValidAndReplacesTheRest) {
  EXPECT_EQ(valid_utf8("héllo 日本 🎉"), "héllo 日本 🎉");
  EXPECT_EQ(valid_utf8("caf\xe9!"), "caf\uFFFD!");
  EXPECT_EQ(valid_utf8(std::string("a\0b", 3)), std::string("a\0b", 3));
  EXPECT_EQ(valid_utf8("\xc0\xaf"), "\uFFFD\uFFFD") << "an overlong form";
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
  EXPECT_EQ(valid_utf8("end\xe6\x97"), "end\uFFFD\uFFFD") << "cut in the middle";
  EXPECT_EQ(valid_utf8("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD") << "beyond U+10FFFF";
}

TEST(Printable, DropsEscapeSequencesWhole) {
  EXPECT_EQ(printable("\x1b[31mred\x1b[0m"), "red");
  EXPECT_EQ(printable("\x1b[38;2;1;2;3mx\x1b[?25l"), "x");
  EXPECT_EQ(printable("\x1b]0;title\ax"), "x");
  EXPECT_EQ(printable("\x1b]8;;http://a.b\x1b\\link\x1b]8;;\x1b\\"), "link");
  EXPECT_EQ(printable("\x1bPq#0~\x1b\\x\x1b_app\x1b\\y\x1b^pm\x1b\\z\x1bXsos\x1b\\!"), "xyz!");
  EXPECT_EQ(printable("\x1b(B\x1b=\x1b"
                      "7x"),
            "x");
}

TEST(Printable, DropsSequencesWithEightBitIntroducers) {
  EXPECT_EQ(printable("\u009b31mred\u009b0m"), "red");
  EXPECT_EQ(printable("\u009d0;title\u009cx\u0090q\u009cy\u0098s\u009cz\u009ep\u009c!\u009fa\u009c"), "xyz!");
  EXPECT_EQ(printable("a\x9b"
                      "31mb"),
            "ab");
  EXPECT_EQ(printable("a\x9d"
                      "0;title\x9c"
                      "b\x90q\x1b\\c"),
            "abc");
}

TEST(Printable, AByteOfAnotherEncodingDoesNotSwallowTheLine) {
  EXPECT_EQ(printable("\x80\x9d, she said"), "\uFFFD\uFFFD, she said")
      << "the end of a quotation mark that was cut";
}

TEST(Printable, ABrokenSequenceDoesNotTakeItsSuccessorAlong) {
  EXPECT_EQ(printable("\x1b\x1b[31mx"), "x");
  EXPECT_EQ(printable("\x1b[3\x1b[0mx"), "x");
  EXPECT_EQ(printable("\x1b[3é"), "é");
  EXPECT_EQ(printable("\x1bé"), "é");
  EXPECT_EQ(printable("x\x1b"), "x");
  EXPECT_EQ(printable("x\x1b["), "x");
  EXPECT_EQ(printable("x\x1b]0;never ended"), "x");
}

TEST(Printable, DropsControlsAndOverrides) {
  EXPECT_EQ(printable(std::string("a\0\b\x7f\u0085"
                                  "b",
                                  7)),
            "ab");
  EXPECT_EQ(printable("a\u202Eb\u202Ac\u2066d\u2069e\u200Ef\u200Fg\uFEFFh\u061Ci\u2028j"), "abcdefghij");
  EXPECT_EQ(printable("e\u0301 👩\u200D🚀"), "e\u0301 👩\u200D🚀") << "these belong to the text";
}

TEST(Printable, IsOneLineWithTabsAsSpaces) {
  EXPECT_EQ(printable("a\tb\nc"), "a b c");
  EXPECT_EQ(printable("line\n"), "line");
}

TEST(Printable, KeepsWhatAProgressBarShowsLast) {
  EXPECT_EQ(printable("10%\r50%\r90%"), "90%");
  EXPECT_EQ(printable("10%\r90%\r"), "90%");
  EXPECT_EQ(printable("10%\r90%\r\r\n"), "90%");
  EXPECT_EQ(printable("90%\r\x1b[K"), "90%") << "what only erases is no text";
  EXPECT_EQ(printable("\r\r"), "");
}

TEST(Printable, IsSafeForAnyBytes) {
  std::mt19937 random(1);
  const std::string bytes = "\x1b[]P\\\a\r\n\t;m0a\x9b\x9d\x90\x9c\xc2\xe2\x80\xae\x8e\xff";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) text += bytes[random() % bytes.size()];
    const auto clean = printable(text);
    EXPECT_EQ(valid_utf8(clean), clean);
    EXPECT_EQ(printable(clean), clean);
    for (char c : clean) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
}

TEST(DisplayWidth, CountsWideAndCombiningCharacters) {
  EXPECT_EQ(display_width(""), 0u);
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
  EXPECT_EQ(display_width("🎉"), 2u);
  EXPECT_EQ(display_width("✓…"), 2u);
}

TEST(Fit, CutsByColumnsAndSaysSo) {
  EXPECT_EQ(fit("abcdef", 6), "abcdef");
  EXPECT_EQ(fit("abcdef", 5), "abcd…");
  EXPECT_EQ(fit("日本語", 5), "日本…");
  EXPECT_EQ(fit("日本語", 4), "日…") << "half a character is none";
  EXPECT_EQ(fit("e\u0301abc", 2), "e\u0301…");
  EXPECT_EQ(fit("abc", 1), "…");
  EXPECT_EQ(fit("abc", 0), "");
}

TEST(Tail, BeginsAtALineWhereItCan) {
  EXPECT_EQ(tail("one\ntwo\nthree\n", 100), "one\ntwo\nthree\n");
  EXPECT_EQ(tail("one\ntwo\nthree\n", 8), "three\n");
  EXPECT_EQ(tail("one\ntwo\nthree\n", 10), "two\nthree\n") << "the cut is at the line's beginning";
  EXPECT_EQ(tail("one long line", 4), "line");
  EXPECT_EQ(tail("one long line\n", 5), "line\n");
  EXPECT_EQ(tail("日本", 4), "本");
  EXPECT_EQ(tail("abc", 0), "");
}

TEST(Head, DoesNotSplitACharacter) {
  EXPECT_EQ(head("abc", 5), "abc");
  EXPECT_EQ(head("日本", 4), "日");
  EXPECT_EQ(head("日本", 2), "");
  EXPECT_EQ(head("abc", 0), "");
}

TEST(Nearest, FindsWhatWasProbablyMeant) {
  const std::vector<std::string> names = {"frontend", "backend", "task-10", "docs"};
  EXPECT_EQ(nearest("fronted", names), "frontend");
  EXPECT_EQ(nearest("bakcend", names), "backend") << "neighbours swapped";
  EXPECT_EQ(nearest("task-01", names), "task-10");
  EXPECT_EQ(nearest("docs", names), "docs");
  EXPECT_EQ(nearest("database", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest("docs", {}), "");
  EXPECT_EQ(nearest(std::string(1'000'000, 'a'), names), "") << "a long word is not compared";
}

TEST(Trimmed, DropsWhiteSpaceAtBothEnds) {
  EXPECT_EQ(trimmed(" \t\r\n a b \v\f"), "a b");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(Join, PutsTheSeparatorBetween) {
  EXPECT_EQ(join(std::vector<std::string>{"a", "", "c"}, ", "), "a, , c");
  EXPECT_EQ(join(std::vector<std::string>{"a"}, ", "), "a");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(ShellQuoted, IsOneWordForTheShell) {
  EXPECT_EQ(shell_quoted("a b$c`d`\n"), "'a b$c`d`\n'");
  EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quoted(""), "''");
}

TEST(Counted, HasTheRightNumber) {
  EXPECT_EQ(counted(0, "task"), "0 tasks");
  EXPECT_EQ(counted(1, "task"), "one task");
  EXPECT_EQ(counted(3, "task"), "3 tasks");
}

}  // namespace
}  // namespace fanout
