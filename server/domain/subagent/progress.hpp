#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fanout/v1/event.pb.h"

namespace fanout::domain {

/// What is on record of one program of an attempt.
struct ProgramProgress {
  bool started = false, ended = false;
  std::optional<std::uint64_t> out_line, err_line;  ///< Offsets of the last lines that became events.
  std::uint64_t output_bytes = 0;                   ///< Of those lines.
  bool muted = false;
  bool stalled = false;  ///< It was told that it is ended because it is silent.
};

/// One session of the attempt's agent, as it is on record.
struct SessionProgress {
  fanout::v1::AgentLaunched launched;
  std::optional<fanout::v1::AgentVerdict> verdict;
  std::uint64_t ordinal = 0;     ///< Of its last activity.
  std::uint64_t git_changes = 0;  ///< File changes that git showed after its end.
};

/// Why an agent begins again in the same attempt.
enum class Again { no, after_gate, after_limit, as_another };

/// How far an attempt has come: what a daemon that takes it up need not do, or say, again. A fold over its events,
/// as pure as the run's.
struct Progress {
  std::optional<fanout::v1::RetryScheduled> retry;  ///< What led to this attempt, where it was no person.
  std::optional<fanout::v1::Feedback> feedback;     ///< What the agent is to react to, over retries too.
  std::optional<fanout::v1::WorktreeReady> worktree;
  std::optional<fanout::v1::EnvironmentReady> environment;
  std::optional<fanout::v1::WorkCommitted> committed;
  std::vector<fanout::v1::GateResult> gates;  ///< Since the last rebase.
  bool rebased = false;
  bool untested = false;          ///< Rebased, and the gates have not begun again.
  bool cancel_requested = false;
  std::optional<fanout::v1::RaceDecided> race;  ///< Who won, where this attempt's agent was a race.
  std::optional<fanout::v1::Pushed> pushed;
  std::string last_pushed;  ///< Tip of the branch on the remote as we left it, in whatever attempt; empty: never.
  bool reported = false;
  /// How often an agent of this attempt has begun again: after a gate, after a limit, as another agent.
  unsigned rounds = 0;
  Again again = Again::no;  ///< Why, the last time.
  std::optional<fanout::v1::WorkReturned> returned;      ///< The last gate that went back to the agent.
  std::optional<fanout::v1::AgentParked> parked;         ///< A limit that the agent has not gone on after.
  std::optional<fanout::v1::AgentPassedOver> passed_over;  ///< The last agent that could not do it in this attempt.
  unsigned agent = 0;  ///< Which of the task's agents is at it, over all attempts.
  std::map<std::string, ProgramProgress> programs;
  std::vector<SessionProgress> sessions;
  std::size_t sessions_before = 0;  ///< Of those, before the agent was last put to work.
};

/// What the attempt after this one begins with, which comes by itself.
Progress next_attempt(Progress before);

/// Takes in the next event of the task. Another attempt begins from nothing.
void apply(Progress& progress, const fanout::v1::Event& event);

}  // namespace fanout::domain
