// Real agents meet limits of their account: it is parked, not the task, and everything goes on by itself.
#include <google/protobuf/util/time_util.h>

#include "tests/agents/agents.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;
using testing::HasSubstr;

class Limits : public RealAgents {
 protected:
  // The first parking lasts six times as long at most, and half of that at least.
  Limits() : RealAgents("1s") {}
};

TEST_F(Limits, ATaskThatMeetsOneWaitsAndGoesOnInItsSession) {
  FANOUT_NEEDS("claude");
  add("met", "claude",
      {"write one.txt 1", "limit 1", "write two.txt 2", "run git add . && git commit -qm \"feat: met\"", "say Done."});
  run();
  const auto end = end_of("met");
  ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason();
  EXPECT_EQ(end.attempt(), 1u) << "a limit uses up no attempt";
  EXPECT_EQ(on_branch("met", "one.txt") + on_branch("met", "two.txt"), "12");
  std::vector<v1::AgentLaunched> launched;
  std::vector<v1::AgentParked> parked;
  for (const auto& event : events()) {
    if (event.has_agent_launched()) launched.push_back(event.agent_launched());
    if (event.has_agent_parked()) parked.push_back(event.agent_parked());
  }
  ASSERT_EQ(parked.size(), 1u);
  EXPECT_EQ(parked[0].agent(), "claude");
  EXPECT_THAT(parked[0].reason(), HasSubstr("tries again at"));
  ASSERT_EQ(launched.size(), 2u);
  EXPECT_EQ(launched[0].session(), "");
  EXPECT_EQ(launched[1].session(), end.agent_session());
}

TEST_F(Limits, SiblingsOfTheSameAccountDoNotStartIntoTheWallAndOthersGoOn) {
  FANOUT_NEEDS("claude");
  FANOUT_NEEDS("codex");
  const std::vector<std::string> work{"write done.txt x", "run git add . && git commit -qm \"feat: x\"", "say Done."};
  auto limited = work;
  limited.insert(limited.begin(), "limit 8");
  // One at a time: the first, which is the most urgent, meets the limit before the others begin. Long enough for another
  // agent to begin meanwhile, on a slow machine too.
  add("first", "claude", limited, "    priority: blocker\n");
  add("sibling", "claude", work, "    priority: high\n");
  add("other", "codex", work, "    priority: low\n");
  run("max_parallel: 1\n");
  for (const char* id : {"first", "sibling", "other"}) {
    EXPECT_EQ(end_of(id).phase(), v1::PHASE_COMPLETED) << id << ": " << end_of(id).reason();
  }
  EXPECT_EQ(model_.count("anthropic", "limit"), 1u);
  std::int64_t until = 0, sibling_began = 0, other_began = 0;
  for (const auto& event : events()) {
    if (event.has_agent_parked()) until = TimeUtil::TimestampToMilliseconds(event.agent_parked().until());
    if (!event.has_command_started() || event.command_started().role() != "agent") continue;
    if (event.task_id() == "sibling") sibling_began = TimeUtil::TimestampToMilliseconds(event.time());
    if (event.task_id() == "other") other_began = TimeUtil::TimestampToMilliseconds(event.time());
  }
  EXPECT_GE(sibling_began, until);
  EXPECT_LT(other_began, until);
}

TEST_F(Limits, WhoWaitsSaysForWhatAndUntilWhen) {
  FANOUT_NEEDS("claude");
  add("met", "claude", {"limit 1", "write one.txt 1", "say Done."});
  start();
  wait_for([](const auto& event) { return event.has_agent_parked(); });
  const auto waiting = end_of("met");
  if (waiting.phase() == v1::PHASE_IMPLEMENTING && waiting.has_parked_until()) {
    EXPECT_THAT(waiting.waiting_for(), HasSubstr("Claude Code"));
  }
  watch_to_the_end();
  EXPECT_EQ(end_of("met").phase(), v1::PHASE_COMPLETED) << end_of("met").reason();
  EXPECT_FALSE(end_of("met").has_parked_until());
}

TEST_F(Limits, OfAUsedUpQuotaTheNextAgentTakesTheTask) {
  FANOUT_NEEDS("claude");
  FANOUT_NEEDS("codex");
  add("task", "[codex, claude]",
      {"exhausted 600", "write one.txt 1", "run git add . && git commit -qm \"feat: one\"", "say Done."});
  run();
  const auto end = end_of("task");
  ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason();
  EXPECT_EQ(end.agent(), "claude");
  EXPECT_EQ(on_branch("task", "one.txt"), "1");
  bool passed = false;
  for (const auto& event : events()) {
    if (event.has_agent_passed_over()) passed = event.agent_passed_over().next() == "claude";
  }
  EXPECT_TRUE(passed);
}

}  // namespace
}  // namespace fanout::test
