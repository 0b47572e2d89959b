#include "server/agent/command.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace fanout::agent::test {
namespace {

namespace v1 = fanout::v1;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Activity> lines(const std::string& text, bool events_only = false) {
  CommandLines command(events_only);
  return read(command, text);
}

TEST(CommandLines, LinesAreWords) {
  EXPECT_THAT(told(lines("one\r\n\ntwo")), ElementsAre("says one", "says two"));
}

TEST(CommandLines, AnEventIsToldInTheSameModel) {
  const auto all = lines(
      "FANOUT_EVENT {\"toolCall\":{\"id\":\"1\",\"title\":\"make "
      "test\",\"kind\":\"AGENT_TOOL_KIND_EXECUTE\"}}\n"
      "FANOUT_EVENT "
      "{\"usage\":{\"scope\":\"SCOPE_TURN\",\"inputTokens\":\"5\",\"cost\":{\"amount\":0.5,\"currency\":"
      "\"USD\"}}}\n"
      "FANOUT_EVENT {\"result\":{\"outcome\":\"OUTCOME_SUCCEEDED\",\"summary\":\"done\",\"novelty\":1}}\n");
  EXPECT_THAT(told(all), ElementsAre("tool make test (EXECUTE)", "usage TURN in 5 cost 0.500000",
                                     "result SUCCEEDED: done"));
}

TEST(CommandLines, ABrokenEventIsKeptAsRaw) {
  EXPECT_THAT(told(lines("FANOUT_EVENT {\nFANOUT_EVENT {}\nFANOUT_EVENT {\"usage\":{\"inputTokens\":-1}}\n")),
              ElementsAre(HasSubstr("raw not an event"), "raw an event of no known kind",
                          HasSubstr("raw not an event")));
}

TEST(CommandLines, WhatOnlyFanoutMayTellIsNotTaken) {
  EXPECT_THAT(
      told(lines("FANOUT_EVENT {\"answer\":{\"id\":\"1\",\"allowed\":true}}\n"
                 "FANOUT_EVENT {\"fileChange\":{\"path\":\"a\",\"source\":\"SOURCE_GIT\"}}\n")),
      ElementsAre("raw an event that only Fanout may tell", "raw an event that only Fanout may tell"));
}

TEST(CommandLines, OnADescriptorOfTheirOwnEventsNeedNoWord) {
  EXPECT_THAT(told(lines("{\"message\":{\"text\":\"hi\"}}\nplain\n", true)),
              ElementsAre("says hi", HasSubstr("raw not an event")));
}

TEST(CommandLines, ALineWithoutEndIsToldOnceAndCut) {
  const auto all = lines(std::string(LineBuffer::kMaxLineBytes + 10, 'x') + "\nnext\n");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_TRUE(all[0].has_raw());
  EXPECT_TRUE(all[0].raw().truncated() || all[0].raw().text().size() <= 4096);
  EXPECT_EQ(all[1].message().text(), "next");
}

}  // namespace
}  // namespace fanout::agent::test
