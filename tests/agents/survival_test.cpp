// A real agent's session outlives what may die around it.
#include <csignal>
#include <map>

#include "tests/agents/agents.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;

class AgentSurvival : public RealAgents, public testing::WithParamInterface<const char*> {
 protected:
  std::string go() const { return (repository_.outside() / "go").string(); }

  /// The agent's own file of its session, once the outcome of a step is in it.
  std::string saved() const {
    const auto home = home_.path().string();
    return GetParam() == std::string("claude") ? home + "/.claude/projects/*/*.jsonl \"tool_result\""
                                               : home + "/.codex/sessions/**/*.jsonl _output\"";
  }

  /// The second step comes when the first is on disk: an agent writes it down in its own time, and a session that it has
  /// not written down cannot be gone on with.
  void add_waiting(const std::string& more = {}) {
    add("task", GetParam(),
        {"write one.txt 1", "saved " + saved(), "write saved.txt yes", "wait " + go(), "write two.txt 2",
         "run git add . && git commit -qm \"feat: both\"", "say Done."},
        more);
  }

  /// Until the agent has done the first two steps.
  void wait_for_work() {
    int done = 0;
    const auto events = wait_for([&](const auto& event) { return event.agent_activity().has_tool_result() && ++done == 2; });
    for (const auto& event : events) {
      if (event.has_command_started() && event.command_started().role() == "agent") pid_ = event.command_started().pid();
    }
    ASSERT_GT(pid_, 0);
  }

  void expect_completed() {
    const auto end = end_of("task");
    ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason() << "\n" << daemon_->log();
    EXPECT_EQ(on_branch("task", "one.txt") + on_branch("task", "two.txt"), "12");
  }

  std::vector<v1::AgentLaunched> launched() {
    std::vector<v1::AgentLaunched> all;
    for (const auto& event : events()) {
      if (event.has_agent_launched()) all.push_back(event.agent_launched());
    }
    return all;
  }

  int pid_ = 0;
};

TEST_P(AgentSurvival, OfTheDaemonsDeathItGoesOnAndNothingIsToldTwice) {
  FANOUT_NEEDS(GetParam());
  add_waiting();
  start();
  wait_for_work();
  daemon_->stop(SIGKILL);
  daemon_->start();
  write_file(go(), "");
  watch_to_the_end();
  expect_completed();
  EXPECT_EQ(launched().size(), 1u) << "the same process of the agent did it all";
  std::map<std::uint64_t, int> told;
  for (const auto& activity : activities_of("task")) {
    if (activity.ordinal() > 0) ++told[activity.ordinal()];
  }
  EXPECT_GT(told.size(), 3u);
  for (const auto& [ordinal, times] : told) EXPECT_EQ(times, 1) << ordinal;
}

TEST_P(AgentSurvival, OfItsOwnDeathTheNextAttemptGoesOnInTheSameSession) {
  FANOUT_NEEDS(GetParam());
  add_waiting("    retries: 1\n");
  start();
  wait_for_work();
  kill(-pid_, SIGKILL);
  wait_for([](const auto& event) { return event.has_retry_scheduled(); });
  write_file(go(), "");
  watch_to_the_end();
  expect_completed();
  const auto all = launched();
  ASSERT_EQ(all.size(), 2u) << daemon_->log();
  EXPECT_NE(all[1].session(), "");
  EXPECT_EQ(all[1].session(), end_of("task").agent_session());
  EXPECT_EQ(end_of("task").attempt(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Of, AgentSurvival, testing::Values("claude", "codex"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace fanout::test
