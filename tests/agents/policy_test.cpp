// What follows when a real agent does not succeed: gates that go back to it, budgets, another agent.
#include "tests/agents/agents.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::HasSubstr;

class AgentPolicy : public RealAgents, public testing::WithParamInterface<const char*> {
 protected:
  std::vector<v1::AgentLaunched> launched() {
    std::vector<v1::AgentLaunched> all;
    for (const auto& event : events()) {
      if (event.has_agent_launched()) all.push_back(event.agent_launched());
    }
    return all;
  }
};

TEST_P(AgentPolicy, AFailedGateGoesBackToTheAgentInItsSessionWithWhatItPrinted) {
  FANOUT_NEEDS(GetParam());
  add("task", GetParam(),
      {"write one.txt 1", "run git add . && git commit -qm \"feat: one\"", "say Done.", "write two.txt 2",
       "run git add . && git commit -qm \"feat: two\"", "say Mended."},
      "    gates: [{name: both, run: \"echo looking; cat one.txt two.txt\"}]\n");
  run();
  const auto end = end_of("task");
  ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason();
  EXPECT_EQ(end.attempt(), 1u);
  EXPECT_EQ(end.gate_retry(), 1u);
  const auto all = launched();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].session(), end.agent_session());
  for (const auto& event : events()) {
    if (!event.has_work_returned()) continue;
    EXPECT_EQ(event.work_returned().gate(), "both");
    EXPECT_THAT(event.work_returned().output_tail(), AllOf(HasSubstr("looking"), HasSubstr("two.txt")));
  }
}

TEST_P(AgentPolicy, TheSameGateFailureWithNothingChangedEndsItEarly) {
  FANOUT_NEEDS(GetParam());
  add("task", GetParam(),
      {"write one.txt 1", "run git add . && git commit -qm \"feat: one\"", "say Done.", "say I see nothing wrong.",
       "say Still nothing."},
      "    gates: [{name: never, run: \"test -e missing\"}]\n    gate_retries: 5\n");
  run();
  const auto end = end_of("task");
  EXPECT_EQ(end.phase(), v1::PHASE_FAILED);
  EXPECT_EQ(end.gate_retry(), 1u);
  EXPECT_THAT(end.reason(), HasSubstr("changed nothing in between"));
}

TEST_P(AgentPolicy, ABudgetThatIsUsedUpEndsTheAgentAfterASnapshot) {
  FANOUT_NEEDS(GetParam());
  std::vector<std::string> script;
  for (int i = 0; i < 40; ++i) script.push_back("run echo " + std::to_string(i) + " >> steps.txt; sleep 0.3");
  add("task", GetParam(), script, "    budget: {turns: 5}\n    retries: 1\n    approve: all\n");
  run();
  const auto end = end_of("task");
  EXPECT_EQ(end.phase(), v1::PHASE_FAILED);
  EXPECT_THAT(end.reason(), HasSubstr("the task's budget of 5 turns is used up"));
  EXPECT_EQ(end.attempt(), 1u) << "a retry would have nothing to use";
  EXPECT_LT(end.turns(), 30u);
  EXPECT_THAT(end.budget_notes(), testing::Contains(HasSubstr("used up")));
  const auto snapshots = repository_.git({"for-each-ref", "--format=%(refname)", "refs/fanout/snap/" + run_ + "/task"});
  ASSERT_NE(snapshots, "");
  EXPECT_THAT(repository_.git({"show", lines_of(snapshots).back() + ":steps.txt"}), HasSubstr("0"));
}

INSTANTIATE_TEST_SUITE_P(Of, AgentPolicy, testing::Values("claude", "codex"),
                         [](const auto& info) { return std::string(info.param); });

class Fallback : public RealAgents {};

TEST_F(Fallback, AnAgentThatIsNotThereIsFollowedByTheNext) {
  FANOUT_NEEDS("claude");
  write_file(daemon_->state().parent_path() / "config.toml", "[agents.absent]\ntype = 'codex'\ncommand = 'no-such-codex'\n");
  add("task", "[absent, claude]", {"write one.txt 1", "run git add . && git commit -qm \"feat: one\"", "say Done."});
  run();
  EXPECT_EQ(end_of("task").phase(), v1::PHASE_COMPLETED) << end_of("task").reason();
  EXPECT_EQ(end_of("task").agent(), "claude");
  EXPECT_EQ(end_of("task").attempt(), 1u);
}

}  // namespace
}  // namespace fanout::test
