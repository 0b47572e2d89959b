#include "server/domain/subagent/machine.hpp"

#include <array>

#include "server/domain/run/fold.hpp"

namespace fanout::domain {

using namespace fanout::v1;

namespace {

using In = InputKind;
using Do = Effect;

// clang-format off
constexpr std::array kTransitions{
    //         from                input                     when                   to                  effect
    Transition{PHASE_PENDING,      In::begin,                When::backing_off,     PHASE_PENDING,      Do::await_retry},
    Transition{PHASE_PENDING,      In::begin,                When::always,          PHASE_SETTING_UP,   Do::make_worktree},
    Transition{PHASE_PENDING,      In::retry_due,            When::backing_off,     PHASE_SETTING_UP,   Do::make_worktree},
    Transition{PHASE_PENDING,      In::dependency_lost,      When::always,          PHASE_BLOCKED,      Do::none},
    Transition{PHASE_SETTING_UP,   In::worktree_ready,       When::always,          PHASE_SETTING_UP,   Do::prepare_environment},
    Transition{PHASE_SETTING_UP,   In::merge_conflict,       When::always,          PHASE_BLOCKED,      Do::none},
    Transition{PHASE_SETTING_UP,   In::environment_ready,    When::always,          PHASE_SETTING_UP,   Do::verify_environment},
    Transition{PHASE_SETTING_UP,   In::environment_verified, When::always,          PHASE_SETTING_UP,   Do::take_slot},
    Transition{PHASE_SETTING_UP,   In::slot_taken,           When::always,          PHASE_IMPLEMENTING, Do::run_agent},
    Transition{PHASE_IMPLEMENTING, In::agent_succeeded,      When::always,          PHASE_IMPLEMENTING, Do::commit_work},
    Transition{PHASE_IMPLEMENTING, In::work_failed,          When::retry_left,      PHASE_PENDING,      Do::await_retry},
    Transition{PHASE_IMPLEMENTING, In::work_failed,          When::always,          PHASE_FAILED,       Do::none},
    Transition{PHASE_IMPLEMENTING, In::nothing_changed,      When::retry_left,      PHASE_PENDING,      Do::await_retry},
    Transition{PHASE_IMPLEMENTING, In::nothing_changed,      When::always,          PHASE_FAILED,       Do::none},
    Transition{PHASE_IMPLEMENTING, In::agent_unfit,          When::agent_left,      PHASE_IMPLEMENTING, Do::take_slot},
    Transition{PHASE_IMPLEMENTING, In::agent_unfit,          When::always,          PHASE_FAILED,       Do::none},
    Transition{PHASE_IMPLEMENTING, In::limited,              When::always,          PHASE_IMPLEMENTING, Do::await_account},
    Transition{PHASE_IMPLEMENTING, In::account_free,         When::always,          PHASE_IMPLEMENTING, Do::take_slot},
    Transition{PHASE_IMPLEMENTING, In::slot_taken,           When::always,          PHASE_IMPLEMENTING, Do::run_agent},
    Transition{PHASE_IMPLEMENTING, In::work_committed,       When::always,          PHASE_TESTING,      Do::run_gates},
    Transition{PHASE_TESTING,      In::gates_passed,         When::pushing_on,      PHASE_PUSHING,      Do::push},
    Transition{PHASE_TESTING,      In::gates_passed,         When::pushing_off,     PHASE_REPORTING,    Do::report},
    Transition{PHASE_TESTING,      In::gate_failed,          When::gate_retry_left, PHASE_IMPLEMENTING, Do::take_slot},
    Transition{PHASE_TESTING,      In::gate_failed,          When::retry_left,      PHASE_PENDING,      Do::await_retry},
    Transition{PHASE_TESTING,      In::gate_failed,          When::always,          PHASE_FAILED,       Do::none},
    Transition{PHASE_PUSHING,      In::pushed,               When::always,          PHASE_REPORTING,    Do::report},
    Transition{PHASE_PUSHING,      In::push_rejected,        When::not_rebased,     PHASE_PUSHING,      Do::rebase},
    Transition{PHASE_PUSHING,      In::push_rejected,        When::retry_left,      PHASE_PENDING,      Do::await_retry},
    Transition{PHASE_PUSHING,      In::push_rejected,        When::already_rebased, PHASE_FAILED,       Do::none},
    Transition{PHASE_PUSHING,      In::work_failed,          When::retry_left,      PHASE_PENDING,      Do::await_retry},
    Transition{PHASE_PUSHING,      In::work_failed,          When::always,          PHASE_FAILED,       Do::none},
    Transition{PHASE_PUSHING,      In::rebased,              When::always,          PHASE_TESTING,      Do::run_gates},
    Transition{PHASE_REPORTING,    In::reported,             When::always,          PHASE_COMPLETED,    Do::none},
    // Taken up by a new daemon: the phase's first effect, which finds what was done already.
    Transition{PHASE_SETTING_UP,   In::resume,               When::always,          PHASE_SETTING_UP,   Do::make_worktree},
    Transition{PHASE_IMPLEMENTING, In::resume,               When::always,          PHASE_IMPLEMENTING, Do::run_agent},
    Transition{PHASE_TESTING,      In::resume,               When::always,          PHASE_TESTING,      Do::run_gates},
    Transition{PHASE_PUSHING,      In::resume,               When::always,          PHASE_PUSHING,      Do::push},
    Transition{PHASE_REPORTING,    In::resume,               When::always,          PHASE_REPORTING,    Do::report},
};
// clang-format on

/// The same failure again, and the agent has changed nothing since: the next one would be paid for the same.
bool same_again(const Failure& before, const Input& input) {
  return !input.failure.fingerprint.empty() && input.failure.fingerprint == before.fingerprint && !before.tree.empty() &&
         before.tree == input.agent_tree;
}

bool repeats(const State& state, const Input& input) { return state.retries > 0 && same_again(state.failure, input); }

bool gate_repeats(const State& state, const Input& input) {
  return state.gate_retries > 0 && same_again(state.gate_failure, input);
}

bool holds(When when, const Traits& traits, const State& state, const Input& input) {
  switch (when) {
    case When::always: return true;
    case When::pushing_on: return traits.push;
    case When::pushing_off: return !traits.push;
    case When::not_rebased: return !state.rebased;
    case When::already_rebased: return state.rebased;
    case When::retry_left: return state.retries < traits.retries && !repeats(state, input);
    case When::backing_off: return state.backing_off;
    case When::gate_retry_left: return state.gate_retries < traits.gate_retries && !gate_repeats(state, input);
    case When::agent_left: return state.agent + 1 < traits.agents;
  }
  return false;
}

Decision end(const State& state, Phase phase, const Input& why) {
  Decision decision{state, Effect::none, why.reason, why.needs};
  decision.state.phase = phase;
  decision.state.ending.reset();
  return decision;
}

Phase end_of(const Input& ending) {
  return ending.kind == InputKind::cancel ? PHASE_CANCELLED : PHASE_INTERRUPTED;
}

constexpr const char* kRepeated =
    "; it is the same failure as before, and the agent changed nothing in between, so it is not tried again";

/// Why nothing follows the failure, where a retry might have.
std::string without_retry(const Traits& traits, const State& state, const Input& input) {
  if (state.retries < traits.retries && repeats(state, input)) return input.reason + kRepeated;
  const bool back_to_agent = input.kind == InputKind::gate_failed && traits.gate_retries > 0;
  if (traits.retries == 0 && !back_to_agent) return input.reason;
  if (back_to_agent && gate_repeats(state, input)) return input.reason + kRepeated;
  const auto most = traits.retries > 0 ? traits.retries : traits.gate_retries;
  const auto* what = traits.retries > 0 ? " retries are used up" : " gate_retries are used up";
  return input.reason + "; all " + std::to_string(most) + what;
}

/// A pending subagent has nothing under way and ends at once; any other is stopped first.
Decision begin_stopping(const State& state, const Input& input) {
  if (state.phase == PHASE_PENDING && !state.backing_off) return end(state, end_of(input), input);
  Decision decision{state, Effect::stop, {}, {}};
  decision.state.ending = input;
  return decision;
}

/// The next attempt begins from nothing but the count and the failure.
State before_retry(const State& state, const Input& input) {
  State next;
  next.retries = state.retries + 1;
  next.backing_off = true;
  next.failure = input.failure;
  next.agent = state.agent;  // one that could not do it will not now
  return next;
}

/// The agent goes on where it was; what follows its work begins anew.
State back_to_agent(const State& state, const Input& input) {
  auto next = state;
  next.phase = PHASE_IMPLEMENTING;
  ++next.gate_retries;
  next.gate_failure = input.failure;
  return next;
}

bool may_be_retried(InputKind kind) {
  return kind == In::work_failed || kind == In::nothing_changed || kind == In::push_rejected || kind == In::gate_failed;
}

Decision follow(const Traits& traits, const Transition& row, const State& state, const Input& input) {
  Decision decision{state, row.effect, {}, {}};
  decision.state.phase = row.to;
  if (row.effect == Effect::rebase) decision.state.rebased = true;
  if (row.effect == Effect::make_worktree) decision.state.backing_off = false;
  if (row.effect == Effect::await_retry && row.from != row.to) {
    decision.state = before_retry(state, input);
    decision.reason = input.reason;
  }
  if (row.input == In::gate_failed && row.to == PHASE_IMPLEMENTING) {
    decision.state = back_to_agent(state, input);
    decision.reason = input.reason;
  }
  if (row.when == When::agent_left) {
    ++decision.state.agent;
    decision.reason = input.reason;
  }
  if (is_end(row.to)) {
    decision.reason = may_be_retried(input.kind) ? without_retry(traits, state, input) : input.reason;
    decision.needs = input.needs;
  }
  return decision;
}

}  // namespace

std::span<const Transition> transitions() { return kTransitions; }

Decision decide(const Traits& traits, const State& state, const Input& input) {
  const Decision unchanged{state, Effect::none, {}, {}};
  if (is_end(state.phase)) return unchanged;
  if (state.ending) {
    // While it is being stopped, what the effects still bring no longer counts.
    return input.kind == InputKind::stopped ? end(state, end_of(*state.ending), *state.ending) : unchanged;
  }
  if (input.kind == InputKind::cancel || input.kind == InputKind::interrupt) return begin_stopping(state, input);
  const bool at_work = state.phase != PHASE_PENDING || state.backing_off;
  if (input.kind == InputKind::effect_failed && at_work) return end(state, PHASE_FAILED, input);
  for (const auto& row : kTransitions) {
    if (row.from == state.phase && row.input == input.kind && holds(row.when, traits, state, input)) {
      return follow(traits, row, state, input);
    }
  }
  return unchanged;
}

std::string_view to_string(InputKind kind) {
  switch (kind) {
    case In::resume: return "resume";
    case In::begin: return "begin";
    case In::dependency_lost: return "dependency lost";
    case In::retry_due: return "retry due";
    case In::work_failed: return "work failed";
    case In::agent_unfit: return "agent unfit";
    case In::limited: return "limited";
    case In::account_free: return "account free";
    case In::gate_failed: return "gate failed";
    case In::worktree_ready: return "worktree ready";
    case In::merge_conflict: return "merge conflict";
    case In::environment_ready: return "environment ready";
    case In::environment_verified: return "environment verified";
    case In::slot_taken: return "slot taken";
    case In::agent_succeeded: return "agent succeeded";
    case In::work_committed: return "work committed";
    case In::nothing_changed: return "nothing changed";
    case In::gates_passed: return "gates passed";
    case In::pushed: return "pushed";
    case In::push_rejected: return "push rejected";
    case In::rebased: return "rebased";
    case In::reported: return "reported";
    case In::effect_failed: return "effect failed";
    case In::cancel: return "cancel";
    case In::interrupt: return "interrupt";
    case In::stopped: return "stopped";
  }
  return "";
}

std::string_view to_string(Effect effect) {
  switch (effect) {
    case Do::none: return "";
    case Do::make_worktree: return "make worktree";
    case Do::prepare_environment: return "prepare environment";
    case Do::verify_environment: return "verify environment";
    case Do::take_slot: return "take an agent slot";
    case Do::run_agent: return "run agent";
    case Do::await_account: return "wait for the account";
    case Do::commit_work: return "commit work";
    case Do::run_gates: return "run gates";
    case Do::push: return "push";
    case Do::rebase: return "rebase";
    case Do::report: return "report";
    case Do::await_retry: return "wait for the retry";
    case Do::stop: return "stop";
  }
  return "";
}

std::string_view to_string(When when) {
  switch (when) {
    case When::always: return "";
    case When::pushing_on: return "pushing is on";
    case When::pushing_off: return "pushing is off";
    case When::not_rebased: return "first time";
    case When::already_rebased: return "second time";
    case When::retry_left: return "a retry is left";
    case When::backing_off: return "between two attempts";
    case When::gate_retry_left: return "a gate retry is left";
    case When::agent_left: return "another agent is left";
  }
  return "";
}

}  // namespace fanout::domain
