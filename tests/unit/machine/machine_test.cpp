#include "server/domain/subagent/machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "server/domain/run/fold.hpp"

namespace fanout::domain {
namespace {

using namespace fanout::v1;
using testing::HasSubstr;

const std::vector<Phase> kUnderWay{PHASE_PENDING, PHASE_SETTING_UP, PHASE_IMPLEMENTING,
                                   PHASE_TESTING, PHASE_PUSHING,    PHASE_REPORTING};
const std::vector<Phase> kEnds{PHASE_COMPLETED, PHASE_FAILED,  PHASE_BLOCKED,
                               PHASE_CANCELLED, PHASE_SKIPPED, PHASE_INTERRUPTED};

std::vector<InputKind> all_inputs() {
  std::vector<InputKind> kinds;
  for (int kind = 0; kind <= static_cast<int>(InputKind::stopped); ++kind) kinds.push_back(static_cast<InputKind>(kind));
  return kinds;
}

State in(Phase phase) {
  State state;
  state.phase = phase;
  return state;
}

/// Feeds inputs in order; returns the phases that were passed.
std::vector<Phase> walk(const Traits& traits, const std::vector<InputKind>& inputs, State state = {}) {
  std::vector<Phase> passed{state.phase};
  for (const auto kind : inputs) {
    state = decide(traits, state, {kind, "because", {}}).state;
    if (passed.back() != state.phase) passed.push_back(state.phase);
  }
  return passed;
}

const std::vector<InputKind> kUpToGates{InputKind::begin,
                                        InputKind::worktree_ready,
                                        InputKind::environment_ready,
                                        InputKind::environment_verified,
                                        InputKind::slot_taken,
                                        InputKind::agent_succeeded,
                                        InputKind::work_committed,
                                        InputKind::gates_passed};

std::vector<InputKind> followed_by(std::vector<InputKind> first, std::initializer_list<InputKind> then) {
  first.insert(first.end(), then);
  return first;
}

TEST(Machine, ATaskThatGoesWellPassesEveryPhaseInOrder) {
  EXPECT_EQ(walk({true}, followed_by(kUpToGates, {InputKind::pushed, InputKind::reported})),
            (std::vector<Phase>{PHASE_PENDING, PHASE_SETTING_UP, PHASE_IMPLEMENTING, PHASE_TESTING, PHASE_PUSHING,
                                PHASE_REPORTING, PHASE_COMPLETED}));
}

TEST(Machine, WithoutPushingThePushingPhaseIsLeftOut) {
  EXPECT_EQ(walk({false}, followed_by(kUpToGates, {InputKind::reported})),
            (std::vector<Phase>{PHASE_PENDING, PHASE_SETTING_UP, PHASE_IMPLEMENTING, PHASE_TESTING, PHASE_REPORTING,
                                PHASE_COMPLETED}));
}

TEST(Machine, ARejectedPushIsRebasedAndTestedAgainOnceOnly) {
  const auto once = followed_by(kUpToGates, {InputKind::push_rejected, InputKind::rebased, InputKind::gates_passed});
  EXPECT_EQ(walk({true}, followed_by(once, {InputKind::pushed})).back(), PHASE_REPORTING);
  EXPECT_EQ(walk({true}, followed_by(once, {InputKind::push_rejected})).back(), PHASE_FAILED);
}

TEST(Machine, EveryEndAbsorbsEveryInput) {
  for (const auto phase : kEnds) {
    for (const auto kind : all_inputs()) {
      const auto decision = decide({true}, in(phase), {kind, "x", {}});
      EXPECT_EQ(decision.state.phase, phase) << to_string(kind);
      EXPECT_EQ(decision.effect, Effect::none) << to_string(kind);
    }
  }
}

TEST(Machine, EveryPairOfPhaseAndInputIsARowOrChangesNothing) {
  const std::set<InputKind> everywhere{InputKind::cancel, InputKind::interrupt, InputKind::effect_failed};
  for (const auto phase : kUnderWay) {
    for (const auto kind : all_inputs()) {
      if (everywhere.contains(kind)) continue;
      const auto decision = decide({false}, in(phase), {kind, "x", {}});
      bool has_row = false;
      for (const auto& row : transitions()) has_row = has_row || (row.from == phase && row.input == kind);
      const bool changes = decision.state.phase != phase || decision.effect != Effect::none;
      EXPECT_TRUE(has_row || !changes) << phase_name(phase) << " × " << to_string(kind);
    }
  }
}

TEST(Machine, AFailedEffectEndsTheTaskInThatPhaseWithItsReason) {
  for (const auto phase : kUnderWay) {
    if (phase == PHASE_PENDING) continue;  // nothing is under way that could fail
    const auto decision = decide({true}, in(phase), {InputKind::effect_failed, "disk full", {}});
    EXPECT_EQ(decision.state.phase, PHASE_FAILED);
    EXPECT_EQ(decision.reason, "disk full");
  }
}

TEST(Machine, CancellingStopsWhatIsUnderWayAndOnlyThenEnds) {
  for (const auto phase : kUnderWay) {
    auto decision = decide({true}, in(phase), {InputKind::cancel, "asked", {}});
    if (phase != PHASE_PENDING) {
      EXPECT_EQ(decision.state.phase, phase) << "still there until all has stopped";
      EXPECT_EQ(decision.effect, Effect::stop);
      // What the effect still brought meanwhile does not count.
      for (const auto kind : all_inputs()) {
        if (kind == InputKind::stopped) continue;
        const auto late = decide({true}, decision.state, {kind, "late", {}});
        EXPECT_EQ(late.state.phase, phase) << to_string(kind);
        EXPECT_EQ(late.effect, Effect::none) << to_string(kind);
      }
      decision = decide({true}, decision.state, {InputKind::stopped, {}, {}});
    }
    EXPECT_EQ(decision.state.phase, PHASE_CANCELLED);
    EXPECT_EQ(decision.reason, "asked");
  }
}

TEST(Machine, AStoppingDaemonInterruptsInsteadOfCancelling) {
  auto decision = decide({true}, in(PHASE_IMPLEMENTING), {InputKind::interrupt, "daemon", {}});
  decision = decide({true}, decision.state, {InputKind::stopped, {}, {}});
  EXPECT_EQ(decision.state.phase, PHASE_INTERRUPTED);
}

TEST(Machine, ALostDependencyBlocksAndNamesIt) {
  const auto decision = decide({true}, in(PHASE_PENDING), {InputKind::dependency_lost, "needs task-1", {"task-1"}});
  EXPECT_EQ(decision.state.phase, PHASE_BLOCKED);
  EXPECT_EQ(decision.needs, std::vector<std::string>{"task-1"});
}

/// In testing, a gate failed: the fingerprint, the files as the agent left them, and as the gate did.
Decision fail_gate(const Traits& traits, const State& state, const std::string& fingerprint,
                   const std::string& agent_tree, const std::string& tree) {
  return decide(traits, state, {InputKind::gate_failed, "gate \"t\" failed", {}, {fingerprint, tree}, agent_tree});
}

/// Back in testing after the agent has gone on.
State mended(State state, const Traits& traits) {
  for (const auto kind : {InputKind::slot_taken, InputKind::agent_succeeded, InputKind::work_committed}) {
    state = decide(traits, state, {kind, {}, {}}).state;
  }
  return state;
}

TEST(Machine, AFailedGateGoesBackToTheAgentInTheSameAttempt) {
  const Traits traits{.gate_retries = 2};
  const auto decision = fail_gate(traits, in(PHASE_TESTING), "f1", "t1", "t1");
  EXPECT_EQ(decision.state.phase, PHASE_IMPLEMENTING);
  EXPECT_EQ(decision.effect, Effect::take_slot);
  EXPECT_EQ(decision.state.gate_retries, 1u);
  EXPECT_EQ(decision.state.retries, 0u);
  EXPECT_EQ(mended(decision.state, traits).phase, PHASE_TESTING);
}

TEST(Machine, AGateThatFailsOnceTooOftenFailsTheTask) {
  const Traits traits{.gate_retries = 2};
  auto state = in(PHASE_TESTING);
  for (const char* failure : {"f1", "f2"}) state = mended(fail_gate(traits, state, failure, failure, failure).state, traits);
  const auto decision = fail_gate(traits, state, "f3", "t3", "t3");
  EXPECT_EQ(decision.state.phase, PHASE_FAILED);
  EXPECT_THAT(decision.reason, HasSubstr("all 2 gate_retries are used up"));
}

TEST(Machine, TheSameGateFailureWithNothingChangedInBetweenEndsItEarly) {
  const Traits traits{.gate_retries = 5};
  const auto state = mended(fail_gate(traits, in(PHASE_TESTING), "f", "t", "t").state, traits);
  const auto decision = fail_gate(traits, state, "f", "t", "t");
  EXPECT_EQ(decision.state.phase, PHASE_FAILED);
  EXPECT_THAT(decision.reason, HasSubstr("changed nothing in between"));
  EXPECT_EQ(fail_gate(traits, state, "f", "changed", "changed").state.phase, PHASE_IMPLEMENTING);
  EXPECT_EQ(fail_gate(traits, state, "other", "t", "t").state.phase, PHASE_IMPLEMENTING);
}

TEST(Machine, AnAttemptAfterGatesThatFailedHasItsOwnReturns) {
  const Traits traits{.retries = 1, .gate_retries = 1};
  const auto state = mended(fail_gate(traits, in(PHASE_TESTING), "f", "t1", "t1").state, traits);
  const auto decision = fail_gate(traits, state, "f", "t2", "t2");
  EXPECT_EQ(decision.state.phase, PHASE_PENDING);
  EXPECT_EQ(decision.state.gate_retries, 0u);
  EXPECT_EQ(decision.state.retries, 1u);
}

TEST(Machine, WithoutGateRetriesAGateFailsTheTaskWithItsReasonAlone) {
  const auto decision = fail_gate({}, in(PHASE_TESTING), "f", "t", "t");
  EXPECT_EQ(decision.state.phase, PHASE_FAILED);
  EXPECT_EQ(decision.reason, "gate \"t\" failed");
}

TEST(Machine, AnAgentThatCannotDoItIsFollowedByTheNextUntilNoneIsLeft) {
  const Traits traits{.retries = 3, .agents = 2};
  auto decision = decide(traits, in(PHASE_IMPLEMENTING), {InputKind::agent_unfit, "not logged in", {}});
  EXPECT_EQ(decision.state.phase, PHASE_IMPLEMENTING);
  EXPECT_EQ(decision.effect, Effect::take_slot);
  EXPECT_EQ(decision.state.agent, 1u);
  EXPECT_EQ(decision.reason, "not logged in");
  decision = decide(traits, decision.state, {InputKind::slot_taken, {}, {}});
  EXPECT_EQ(decision.effect, Effect::run_agent);
  decision = decide(traits, decision.state, {InputKind::agent_unfit, "not there", {}});
  EXPECT_EQ(decision.state.phase, PHASE_FAILED) << "trying again does not help, though retries are left";
}

TEST(Machine, ARetryGoesOnWithTheAgentThatCouldDoIt) {
  const Traits traits{.retries = 1, .agents = 2};
  auto state = decide(traits, in(PHASE_IMPLEMENTING), {InputKind::agent_unfit, "x", {}}).state;
  state = decide(traits, state, {InputKind::work_failed, "y", {}}).state;
  EXPECT_EQ(state.phase, PHASE_PENDING);
  EXPECT_EQ(state.agent, 1u);
}

TEST(Machine, ALimitIsWaitedForAndUsesUpNoRetry) {
  auto decision = decide({}, in(PHASE_IMPLEMENTING), {InputKind::limited, "limit", {}});
  EXPECT_EQ(decision.state.phase, PHASE_IMPLEMENTING);
  EXPECT_EQ(decision.effect, Effect::await_account);
  decision = decide({}, decision.state, {InputKind::account_free, {}, {}});
  EXPECT_EQ(decision.effect, Effect::take_slot);
  EXPECT_EQ(decide({}, decision.state, {InputKind::slot_taken, {}, {}}).effect, Effect::run_agent);
}

TEST(Machine, EveryRowCanBeReachedAndNoneIsWrittenTwice) {
  std::set<std::tuple<Phase, InputKind, When>> seen;
  for (const auto& row : transitions()) {
    EXPECT_TRUE(seen.insert({row.from, row.input, row.when}).second) << to_string(row.input);
    EXPECT_FALSE(is_end(row.from));
  }
}

/// A row as the manual has it, beneath the phase that it is for.
std::string as_markdown(const Transition& row) {
  std::ostringstream out;
  out << to_string(row.input);
  if (row.when != When::always) out << ", " << to_string(row.when);
  out << " | " << phase_name(row.to) << " |";
  if (row.effect != Effect::none) out << " " << to_string(row.effect);
  return out.str() + "\n";
}

TEST(Machine, TheManualPrintsTheTableAsItIs) {
  std::map<Phase, std::string> tables;
  for (const auto& row : transitions()) tables[row.from] += as_markdown(row);
  std::ifstream file(FANOUT_DESIGN_PAGE);
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  for (const auto& [phase, rows] : tables)
    EXPECT_THAT(page, HasSubstr("## " + std::string(phase_name(phase)) + "\n\nWhen | Goes to | And does\n---|---|---\n" + rows + "\n"));
}

}  // namespace
}  // namespace fanout::domain
