#include "server/domain/run/race.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/domain/run/fold.hpp"
#include "server/domain/subagent/progress.hpp"

namespace fanout::domain {
namespace {

using namespace fanout::v1;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// Task t, and three that race for it.
class RaceTest : public testing::Test {
 protected:
  RaceTest() {
    add("t", "", "x");
    for (const char* id : {"t@1", "t@2", "t@3"}) add(id, "t", id[2] == '2' ? "y" : "x");
  }

  void add(const std::string& id, const std::string& race_of, const std::string& name) {
    auto& agent = *run_.add_subagents();
    agent.set_task_id(id);
    agent.set_race_of(race_of);
    agent.set_agent(name);
    agent.set_phase(PHASE_IMPLEMENTING);
  }

  Subagent& agent(const std::string& id) { return *find_subagent(run_, id); }
  void end(const std::string& id, Phase phase, int second, const std::string& reason = {}) {
    agent(id).set_phase(phase);
    agent(id).set_reason(reason);
    agent(id).mutable_ended_at()->set_seconds(second);
  }

  fanout::v1::Run run_;
};

TEST_F(RaceTest, ItIsRunOnceOneHasPassedAndTheFirstComesFirst) {
  EXPECT_FALSE(is_run(race_for(run_, "t"), false));
  end("t@1", PHASE_FAILED, 1);
  EXPECT_FALSE(is_run(race_for(run_, "t"), false));
  end("t@3", PHASE_COMPLETED, 5);
  EXPECT_TRUE(is_run(race_for(run_, "t"), false));
  EXPECT_FALSE(is_run(race_for(run_, "t"), true)) << "a judge wants to see all";
  end("t@2", PHASE_COMPLETED, 4);
  EXPECT_TRUE(is_run(race_for(run_, "t"), true));
  const auto race = race_for(run_, "t");
  EXPECT_THAT(race.passed, ElementsAre("t@2", "t@3"));
  EXPECT_THAT(race.lost, ElementsAre("t@1"));
}

TEST_F(RaceTest, ItIsToldWhoIsAtWorkAndWhy) {
  end("t@1", PHASE_FAILED, 1, "no luck");
  EXPECT_EQ(race_text(run_, race_for(run_, "t")), "its race: t@2 (y) and t@3 (x) are at work, t@1 (x) did not make it");
  end("t@2", PHASE_BLOCKED, 2);
  end("t@3", PHASE_CANCELLED, 3, "cancelled on request");
  EXPECT_THAT(race_failure(run_, race_for(run_, "t")),
              AllOf(HasSubstr("t@1 (x) failed: no luck"), HasSubstr("t@2 (y) blocked"), HasSubstr("t@3 (x) cancelled: cancelled on request")));
}

TEST_F(RaceTest, OnlyTasksOfThePlanCount) {
  EXPECT_EQ(count_tasks(run_), 1u);
  EXPECT_EQ(plan_task(run_, "t@2"), "t");
  EXPECT_EQ(plan_task(run_, "t"), "t");
  end("t", PHASE_COMPLETED, 9);
  end("t@1", PHASE_FAILED, 1);
  end("t@2", PHASE_CANCELLED, 1);
  end("t@3", PHASE_INTERRUPTED, 1);
  EXPECT_EQ(outcome(run_), RUN_STATE_COMPLETED);
}

TEST_F(RaceTest, AJudgeNamesTheWinnerByIdBranchOrWorktreeInItsLastLine) {
  agent("t@2").set_branch("feature/t@2");
  agent("t@2").set_worktree("/w/t@2");
  const std::vector<std::string> candidates{"t@1", "t@2"};
  EXPECT_EQ(chosen_by(run_, candidates, "t@1\nI think\n  t@2 \n\n"), "t@2");
  EXPECT_EQ(chosen_by(run_, candidates, "feature/t@2"), "t@2");
  EXPECT_EQ(chosen_by(run_, candidates, "/w/t@2\n"), "t@2");
  EXPECT_EQ(chosen_by(run_, candidates, "t@3"), "") << "it was not asked about that one";
  EXPECT_EQ(chosen_by(run_, candidates, "the winner is t@2"), "");
  EXPECT_EQ(chosen_by(run_, candidates, ""), "") << "whose branch is not known is not named by nothing";
}

TEST_F(RaceTest, TheWinnersWorkAndAgentAreTheTasksOwnFromThenOn) {
  agent("t@2").set_agent_kind("codex");
  agent("t").set_base_commit("before");
  agent("t").set_waiting_for("its race");
  Event event;
  event.set_sequence(1);
  event.set_task_id("t");
  event.mutable_race_decided()->set_winner("t@2");
  event.mutable_race_decided()->set_base_commit("base");
  apply(run_, event);
  EXPECT_EQ(agent("t").race_winner(), "t@2");
  EXPECT_EQ(agent("t").base_commit(), "base");
  EXPECT_EQ(agent("t").agent(), "y");
  EXPECT_EQ(agent("t").agent_kind(), "codex");
  EXPECT_EQ(agent("t").waiting_for(), "");

  Progress progress;
  apply(progress, event);
  ASSERT_TRUE(progress.race);
  EXPECT_FALSE(next_attempt(progress).race) << "the state of the run remembers it";
}

TEST_F(RaceTest, AFreshStartForgetsWhoWon) {
  agent("t").set_race_winner("t@2");
  agent("t").set_worktree("/w/t");
  Event event;
  event.set_sequence(1);
  event.set_task_id("t");
  event.mutable_retry_requested();
  apply(run_, event);
  EXPECT_EQ(agent("t").race_winner(), "t@2");
  event.set_sequence(2);
  event.mutable_retry_requested()->set_fresh(true);
  apply(run_, event);
  EXPECT_EQ(agent("t").race_winner(), "");
}

}  // namespace
}  // namespace fanout::domain
