// Every state explained: what is waited for, since when, what would release it.
#include "server/domain/run/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/domain/run/fold.hpp"

namespace fanout::domain {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;

class ExplainTest : public testing::Test {
 protected:
  ExplainTest() {
    run_.set_id("run-1");
    agent_ = run_.add_subagents();
    agent_->set_task_id("t");
    agent_->set_phase(v1::PHASE_IMPLEMENTING);
  }
  v1::ExplainTaskResponse explained(const Waits& waits = {}) { return explain(run_, "t", waits); }

  v1::Run run_;
  v1::Subagent* agent_;
};

TEST_F(ExplainTest, NoPhaseIsLeftWithoutASentence) {
  for (int phase = v1::PHASE_PENDING; phase <= v1::PHASE_INTERRUPTED; ++phase) {
    agent_->set_phase(static_cast<v1::Phase>(phase));
    EXPECT_FALSE(explained().summary().empty()) << v1::Phase_Name(agent_->phase());
  }
}

TEST_F(ExplainTest, TheQueuesFiguresOfThisMomentCount) {
  agent_->set_phase(v1::PHASE_SETTING_UP);
  agent_->set_waiting_for("memory for another agent (then)");
  agent_->set_waiting_kind(v1::WAIT_KIND_MEMORY);
  agent_->mutable_waiting_since()->set_seconds(7);
  const auto answer = explained({"memory for another agent (now)", "an agent's end", 3});
  EXPECT_EQ(answer.summary(), "It waits for memory for another agent.");
  EXPECT_EQ(answer.reasons(0).text(), "it waits for memory for another agent (now); it is number 3 in the queue");
  EXPECT_EQ(answer.reasons(0).since().seconds(), 7);
  EXPECT_EQ(answer.reasons(0).release(), "an agent's end");
  EXPECT_EQ(answer.subagent().queue_position(), 3u);
}

TEST_F(ExplainTest, WhoWaitsForItsIssueIsToldWhatTheTrackerWaitsFor) {
  agent_->set_phase(v1::PHASE_SETTING_UP);
  agent_->set_waiting_for("its issue");
  agent_->set_waiting_kind(v1::WAIT_KIND_TRACKER);
  run_.set_tracker_waiting("GitHub's limit on new objects: goes on at 14:03");
  EXPECT_THAT(explained().reasons(1).text(), HasSubstr("goes on at 14:03"));
}

TEST_F(ExplainTest, WhoWaitsForNothingIsToldThatTheTrackerDoes) {
  run_.set_tracker_waiting("GitHub's limit on new objects: goes on at 14:03");
  const auto answer = explained();
  EXPECT_EQ(answer.summary(), "Its agent is at work.");
  EXPECT_THAT(answer.reasons(answer.reasons_size() - 1).text(), HasSubstr("goes on at 14:03"));
}

TEST_F(ExplainTest, AQuestionComesBeforeAllElse) {
  agent_->add_attention()->mutable_permission()->set_title("Run make");
  agent_->set_condition(v1::AGENT_CONDITION_SILENT);
  const auto answer = explained();
  EXPECT_EQ(answer.summary(), "Its agent needs an answer.");
  EXPECT_THAT(answer.reasons(0).text(), HasSubstr("Run make"));
}

TEST_F(ExplainTest, EachConditionIsASentenceOfItsOwn) {
  std::set<std::string> sentences;
  for (int i = v1::AGENT_CONDITION_UNSPECIFIED; i <= v1::AGENT_CONDITION_LOOPING; ++i) {
    agent_->set_condition(static_cast<v1::AgentCondition>(i));
    agent_->set_condition_text("because");
    sentences.insert(explained().summary());
  }
  EXPECT_EQ(sentences.size(), 5u);
}

TEST_F(ExplainTest, ARetryAndAParkedAccountAreReleasedByTime) {
  agent_->set_phase(v1::PHASE_PENDING);
  agent_->mutable_retry_at()->set_seconds(50);
  EXPECT_EQ(explained().reasons(0).until().seconds(), 50);
  agent_->mutable_parked_until()->set_seconds(90);
  EXPECT_EQ(explained().reasons(0).until().seconds(), 90);
}

TEST_F(ExplainTest, AFailureNamesItsGatesLog) {
  agent_->set_phase(v1::PHASE_FAILED);
  agent_->set_ended_in(v1::PHASE_TESTING);
  agent_->set_reason("gate \"unit\" failed");
  auto& gate = *agent_->add_gates();
  gate.set_log("gate-1-unit.log");
  EXPECT_THAT(explained().commands(), testing::Contains("fanout logs run-1 t --log gate-1-unit.log"));
}

TEST_F(ExplainTest, InterruptedIsResumed) {
  agent_->set_phase(v1::PHASE_INTERRUPTED);
  agent_->set_reason("the machine was restarted while it was under way");
  EXPECT_EQ(explained().reasons(0).release(), "fanout resume run-1 t");
}

TEST(FoldWaiting, ARunAndATaskWaitAndWaitNoLonger) {
  v1::Run run;
  run.add_subagents()->set_task_id("t");
  v1::Event event;
  event.set_sequence(1);
  event.mutable_time()->set_seconds(5);
  event.mutable_waiting()->set_for_("room");
  event.mutable_waiting()->set_kind(v1::WAIT_KIND_DISK);
  event.mutable_waiting()->set_release("space");
  apply(run, event);
  EXPECT_EQ(run.waiting_for(), "room");
  EXPECT_EQ(run.waiting_since().seconds(), 5);
  event.set_sequence(2);
  event.set_task_id("t");
  apply(run, event);
  EXPECT_EQ(run.subagents(0).waiting_release(), "space");
  event.set_sequence(3);
  event.mutable_waiting()->Clear();
  apply(run, event);
  EXPECT_EQ(run.subagents(0).waiting_for(), "");
  EXPECT_FALSE(run.subagents(0).has_waiting_since());
  EXPECT_EQ(run.waiting_for(), "room");
}

}  // namespace
}  // namespace fanout::domain
