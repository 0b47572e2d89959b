#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/v1/run.pb.h"

/// The life of a subagent as a pure machine: (state, input) → (state, effect). It reads no clock and does
/// nothing; `server/subagent` performs the effects and brings their outcome back as the next input.
namespace fanout::domain {

using fanout::v1::Phase;

/// What has happened, each told to the machine once.
enum class InputKind {
  resume,                ///< A new daemon takes it up. Its effects look before they do, so they may be asked for again.
  begin,                 ///< All dependencies completed.
  retry_due,             ///< The time before a retry has passed.
  dependency_lost,       ///< A dependency ended without completing; `needs` names them.
  worktree_ready,        ///< Branch and worktree hold the base.
  merge_conflict,        ///< The dependencies' branches do not merge; `needs` names the files.
  environment_ready,     ///< Untracked files copied, setup commands passed.
  environment_verified,  ///< Verify commands passed.
  slot_taken,            ///< One of `max_parallel` agent slots is ours.
  agent_succeeded,       ///< The agent ended with 0.
  work_committed,        ///< The branch holds at least one commit of ours, or may be empty.
  nothing_changed,       ///< The agent left neither a commit nor a change.
  work_failed,           ///< The agent, a gate or the remote failed it: an agent may do better next time.
  agent_unfit,           ///< The agent cannot do it here: not there, not logged in, out of quota. Another may.
  limited,               ///< The agent's account met a limit: it goes on when that is over.
  account_free,          ///< It is over.
  gate_failed,           ///< The agent may mend what it did.
  gates_passed,          ///< All of them.
  pushed,                ///< The branch is on the remote.
  push_rejected,         ///< The remote has commits that we have not.
  rebased,               ///< Our commits now stand upon the remote's.
  reported,              ///< The report is recorded.
  effect_failed,         ///< An effect could not be done; `reason` says why.
  cancel,                ///< Someone asked for an end.
  interrupt,             ///< The daemon is stopping.
  stopped,               ///< Everything under way has ended, as asked by Effect::stop.
};

/// A failure as it is compared with the one before.
struct Failure {
  std::string fingerprint;  ///< See retry.hpp.
  std::string tree;         ///< The worktree's files afterwards; empty: not known.
};

struct Input {
  InputKind kind;
  std::string reason;              ///< One sentence; for kinds that lead to an end.
  std::vector<std::string> needs;  ///< For dependency_lost and merge_conflict.
  Failure failure = {};            ///< For kinds that a retry may follow.
  std::string agent_tree = {};     ///< Then: the worktree's files as the agent left them; empty: not known.
};

/// What the shell must do next. Each ends with exactly one input, at the latest after `stop`.
enum class Effect {
  none,
  make_worktree,        ///< → worktree_ready, merge_conflict or effect_failed
  prepare_environment,  ///< → environment_ready or effect_failed
  verify_environment,   ///< → environment_verified or effect_failed
  take_slot,            ///< → slot_taken
  run_agent,            ///< → agent_succeeded, work_failed, agent_unfit, limited or effect_failed
  await_account,        ///< → account_free
  commit_work,          ///< → work_committed, nothing_changed, work_failed or effect_failed
  run_gates,            ///< → gates_passed, gate_failed or effect_failed
  push,                 ///< → pushed, push_rejected or effect_failed
  rebase,               ///< → rebased or effect_failed
  report,               ///< → reported or effect_failed
  await_retry,          ///< → retry_due
  stop,                 ///< End all that is under way, then → stopped
};

/// Where a subagent stands.
struct State {
  Phase phase = fanout::v1::PHASE_PENDING;
  bool rebased = false;         ///< The one retry of a rejected push is used up.
  unsigned retries = 0;         ///< Used up.
  bool backing_off = false;     ///< Pending again, until the next retry is due.
  Failure failure = {};         ///< Of the last attempt.
  unsigned gate_retries = 0;    ///< Used up in this attempt.
  Failure gate_failure = {};    ///< The last that went back to the agent.
  unsigned agent = 0;           ///< Which of the task's agents is at it, from 0.
  std::optional<Input> ending;  ///< Set while it is being stopped: the cancel or interrupt.
};

/// What differs from task to task.
struct Traits {
  bool push = false;
  unsigned retries = 0;       ///< How often it may be tried again by itself.
  unsigned gate_retries = 0;  ///< How often a failed gate goes back to the agent at it, in one attempt.
  unsigned agents = 1;        ///< How many there are to try, one after the other.
};

/// A condition on a row of the table.
enum class When {
  always,
  pushing_on,
  pushing_off,
  not_rebased,
  already_rebased,
  retry_left,
  backing_off,
  gate_retry_left,
  agent_left,
};

/// One row: in `from`, on `input`, if `when`: go to `to` and do `effect`.
struct Transition {
  Phase from;
  InputKind input;
  When when;
  Phase to;
  Effect effect;
};

/// The whole table, printed in fanout-design(7). The first row that fits is taken; where none fits the input
/// changes nothing. Not in it, since they hold for every phase under way: effect_failed → failed;
/// cancel and interrupt → stop, and once stopped → cancelled or interrupted.
std::span<const Transition> transitions();

struct Decision {
  State state;
  Effect effect = Effect::none;
  std::string reason;              ///< When the new phase is an end: why.
  std::vector<std::string> needs;  ///< When it is blocked: what it needs.
};

/// What follows from `input` in `state`.
Decision decide(const Traits& traits, const State& state, const Input& input);

std::string_view to_string(InputKind kind);
std::string_view to_string(Effect effect);
std::string_view to_string(When when);

}  // namespace fanout::domain
