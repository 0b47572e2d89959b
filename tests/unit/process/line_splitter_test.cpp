#include "server/process/line_splitter.hpp"

#include <gtest/gtest.h>

namespace fanout::process {
namespace {

bool operator==(const Line& a, const Line& b) {
  return a.text == b.text && a.offset == b.offset && a.truncated == b.truncated && a.partial == b.partial;
}

std::vector<Line> split(const std::vector<std::string>& pieces) {
  LineSplitter splitter;
  std::vector<Line> lines;
  const auto take = [&](std::vector<Line> more) {
    for (auto& line : more) lines.push_back(std::move(line));
  };
  for (const auto& piece : pieces) take(splitter.feed(piece));
  take(splitter.finish());
  return lines;
}

TEST(LineSplitter, GivesTheSameLinesWhereverTheBytesAreCut) {
  const std::string text = "one\r\ntwo\n\n" + std::string(kMaxLineBytes, 'x') + "\r\n" +
                           std::string(kMaxLineBytes + 1, 'y') + "\nb\xff" + std::string("d\0e", 3) +
                           "\r\r\nlast";
  const auto whole = split({text});
  ASSERT_EQ(whole.size(), 7u);
  EXPECT_EQ(whole[1].text, "two");
  EXPECT_EQ(whole[1].offset, 5u);
  EXPECT_EQ(whole[3].text.size(), kMaxLineBytes);
  EXPECT_FALSE(whole[3].truncated);
  EXPECT_TRUE(whole[4].truncated);
  EXPECT_TRUE(whole[6].partial);
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    const auto lines = split({text.substr(0, cut), text.substr(cut)});
    ASSERT_EQ(lines.size(), whole.size()) << cut;
    for (std::size_t i = 0; i < lines.size(); ++i) ASSERT_TRUE(lines[i] == whole[i]) << cut << " line " << i;
  }
  std::vector<std::string> bytes;
  for (char c : text) bytes.emplace_back(1, c);
  const auto lines = split(bytes);
  ASSERT_EQ(lines.size(), whole.size());
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_TRUE(lines[i] == whole[i]) << i;
}

TEST(LineSplitter, ALineWithoutEndIsToldOnceAndNotKept) {
  LineSplitter splitter;
  std::size_t told = 0;
  for (int i = 0; i < 1000; ++i) told += splitter.feed(std::string(60'000, 'z')).size();
  EXPECT_EQ(told, 1u);
  EXPECT_TRUE(splitter.finish().empty());
}

TEST(LineSplitter, AReturnAtTheVeryEndDoesNotMakeALineLongerThanTheLimit) {
  const auto lines = split({std::string(kMaxLineBytes, 'x') + "\r"});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].text.size(), kMaxLineBytes);
  EXPECT_TRUE(lines[0].truncated);
  EXPECT_TRUE(lines[0].partial);
}

TEST(LineSplitter, AnEmptyStreamHasNoLines) { EXPECT_TRUE(split({}).empty()); }

}  // namespace
}  // namespace fanout::process
