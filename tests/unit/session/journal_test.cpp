#include "server/session/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/git_sandbox.hpp"

namespace fanout::session {
namespace {

using test::read_file;
using test::TempDir;
using test::write_file;

Input told(const std::string& text, std::uint64_t after) {
  Input input;
  input.set_after(after);
  input.set_tell(text);
  return input;
}

TEST(Journal, WhatWasWrittenIsReadInOrder) {
  const TempDir folder;
  EXPECT_TRUE(read_journal(folder / "inputs").empty());
  append_to_journal(folder / "inputs", told("one", 1));
  append_to_journal(folder / "inputs", told("", 2));
  append_to_journal(folder / "inputs", told(std::string(100'000, 'x'), 3));
  const auto inputs = read_journal(folder / "inputs");
  ASSERT_EQ(inputs.size(), 3u);
  EXPECT_EQ(inputs[0].tell(), "one");
  EXPECT_EQ(inputs[1].after(), 2u);
  EXPECT_EQ(inputs[2].tell().size(), 100'000u);
}

/// A daemon may be killed between any two bytes.
TEST(Journal, WhatIsHalfWrittenIsCutOffAtEveryByte) {
  const TempDir folder;
  const auto file = folder / "inputs";
  append_to_journal(file, told("whole", 5));
  const auto whole = std::filesystem::file_size(file);
  append_to_journal(file, told("half", 9));
  const auto bytes = read_file(file);
  for (auto size = whole; size < bytes.size(); ++size) {
    write_file(file, bytes.substr(0, size));
    EXPECT_EQ(read_journal(file).size(), 1u) << size;
    append_to_journal(file, told("next", 9));
    EXPECT_EQ(read_journal(file).size(), 2u) << size;
  }
}

TEST(Journal, AnAnswerComesBackAsItWas) {
  agent::Answer answer{"id", true, "option", "text", {{"a", {"1", "2"}}, {"b", {}}}, fanout::v1::AgentAnswer::BY_POLICY};
  const auto back = from_wire(to_wire(answer));
  EXPECT_EQ(back.id, "id");
  EXPECT_TRUE(back.allow);
  EXPECT_EQ(back.option, "option");
  EXPECT_EQ(back.text, "text");
  EXPECT_EQ(back.fields, answer.fields);
  EXPECT_EQ(back.by, answer.by);
}

TEST(Journal, EachReplyComesBackAsItWas) {
  const auto back = [](decltype(agent::HostReply::what) what) { return from_wire(to_wire({"id", std::move(what)})).what; };
  EXPECT_TRUE(std::holds_alternative<agent::HostDone>(back(agent::HostDone{})));
  EXPECT_EQ(std::get<agent::FileText>(back(agent::FileText{"\xff text"})).text, "\xff text");
  EXPECT_EQ(std::get<agent::TerminalCreated>(back(agent::TerminalCreated{"t"})).terminal, "t");
  const auto output = std::get<agent::TerminalOutput>(back(agent::TerminalOutput{"o", true, agent::TerminalExit{3, ""}}));
  EXPECT_EQ(output.text, "o");
  EXPECT_TRUE(output.truncated);
  EXPECT_EQ(output.exit->code, 3);
  EXPECT_FALSE(std::get<agent::TerminalOutput>(back(agent::TerminalOutput{})).exit);
  EXPECT_EQ(std::get<agent::TerminalExit>(back(agent::TerminalExit{{}, "SIGTERM"})).signal, "SIGTERM");
  EXPECT_TRUE(std::get<agent::HostFailure>(back(agent::HostFailure{"no", true})).not_found);
}

}  // namespace
}  // namespace fanout::session
