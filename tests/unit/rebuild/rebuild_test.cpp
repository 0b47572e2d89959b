#include "server/rebuild/rebuild.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/domain/run/fold.hpp"
#include "server/rebuild/initial_state.hpp"

namespace fanout::rebuild {
namespace {

namespace v1 = fanout::v1;

class Rebuild : public testing::Test {
 protected:
  Rebuild() {
    known_.spec.set_run_id("r");
    known_.spec.set_repository("/repo");
    for (const char* id : {"a", "b"}) known_.spec.add_tasks()->set_id(id);
    known_.began = 1000;
  }

  void add(v1::Event event) {
    auto& events = known_.remains.events;
    event.set_run_id("r");
    event.set_sequence(events.size() + 1);
    event.mutable_time()->set_seconds(2000 + static_cast<std::int64_t>(events.size()));
    events.push_back(std::move(event));
  }

  void start() {
    v1::Event event;
    *event.mutable_run_started()->mutable_run() = initial_state(known_.spec);
    add(std::move(event));
  }

  void enter(const std::string& task, v1::Phase from, v1::Phase to) {
    v1::Event event;
    event.set_task_id(task);
    event.set_attempt(1);
    event.mutable_phase_changed()->set_from(from);
    event.mutable_phase_changed()->set_to(to);
    add(std::move(event));
  }

  void end() {
    v1::Event event;
    event.mutable_run_ended()->set_state(v1::RUN_STATE_COMPLETED);
    add(std::move(event));
  }

  v1::Run state_so_far() {
    v1::Run run;
    for (const auto& event : known_.remains.events) domain::apply(run, event);
    return run;
  }

  /// Rebuilds, and checks what holds in any case.
  Rebuilt rebuilt() {
    auto result = rebuild(known_);
    v1::Run folded;
    for (std::size_t i = 0; i < result.events.size(); ++i) {
      if (i > 0) EXPECT_EQ(result.events[i].sequence(), result.events[i - 1].sequence() + 1);
      domain::apply(folded, result.events[i]);
    }
    EXPECT_EQ(folded.SerializeAsString(), result.state.SerializeAsString());
    return result;
  }

  Known known_;
};

TEST_F(Rebuild, ARunWhoseEventsAreAllThereStaysAsItIs) {
  start();
  enter("a", v1::PHASE_PENDING, v1::PHASE_COMPLETED);
  enter("b", v1::PHASE_PENDING, v1::PHASE_COMPLETED);
  end();
  const auto result = rebuilt();
  EXPECT_TRUE(result.whole);
  EXPECT_EQ(result.events.size(), 4u);
}

TEST_F(Rebuild, AnOutcomeThatIsKnownStandsForTheEventsThatAreLost) {
  start();
  const auto prefix = known_.remains.events;
  enter("a", v1::PHASE_PENDING, v1::PHASE_COMPLETED);
  enter("b", v1::PHASE_PENDING, v1::PHASE_FAILED);
  end();
  known_.outcome = state_so_far();
  known_.remains.events = prefix;
  const auto result = rebuilt();
  EXPECT_FALSE(result.whole);
  ASSERT_EQ(result.events.size(), 1u);
  EXPECT_EQ(result.events[0].sequence(), 4u) << "a client that had seen all of them misses nothing";
  EXPECT_EQ(result.state.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_EQ(domain::find_subagent(result.state, "b")->phase(), v1::PHASE_FAILED);
}

TEST_F(Rebuild, TheNewerOfTwoOutcomesCounts) {
  start();
  end();
  known_.remains.snapshot = state_so_far();
  enter("a", v1::PHASE_PENDING, v1::PHASE_COMPLETED);
  end();
  known_.outcome = state_so_far();
  known_.remains.events.clear();
  EXPECT_EQ(rebuilt().state.last_sequence(), 4u);
}

TEST_F(Rebuild, ARunUnderWayIsWhereItsLastReadableEventLeftIt) {
  start();
  enter("a", v1::PHASE_PENDING, v1::PHASE_IMPLEMENTING);
  known_.attempts = {{"a", 1}};
  const auto result = rebuilt();
  EXPECT_EQ(result.state.state(), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(domain::find_subagent(result.state, "a")->phase(), v1::PHASE_IMPLEMENTING);
  ASSERT_EQ(result.events.size(), 3u);
  EXPECT_THAT(result.events[2].notice().text(), testing::HasSubstr("damaged"));
}

TEST_F(Rebuild, WithoutAnyEventItIsAtItsBeginning) {
  const auto result = rebuilt();
  EXPECT_TRUE(result.events[0].has_run_started());
  EXPECT_EQ(result.state.started_at().seconds(), 1000);
  EXPECT_EQ(result.state.subagents_size(), 2);
  EXPECT_EQ(result.state.subagents(0).phase(), v1::PHASE_PENDING);
}

TEST_F(Rebuild, AnAttemptThatTheLogHasLostIsTheOneThatGoesOn) {
  start();
  enter("a", v1::PHASE_PENDING, v1::PHASE_FAILED);
  end();
  known_.attempts = {{"a", 3}, {"b", 0}};
  const auto result = rebuilt();
  EXPECT_EQ(result.state.state(), v1::RUN_STATE_RUNNING) << "it was retried after that end";
  EXPECT_EQ(domain::find_subagent(result.state, "a")->attempt(), 3u);
  EXPECT_EQ(domain::find_subagent(result.state, "a")->phase(), v1::PHASE_PENDING);
}

}  // namespace
}  // namespace fanout::rebuild
