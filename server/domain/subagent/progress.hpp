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

/// How far an attempt has come: what a daemon that takes it up need not do, or say, again. A fold over its events,
/// as pure as the run's.
struct Progress {
  std::optional<fanout::v1::RetryScheduled> retry;  ///< What led to this attempt, where it was no person.
  std::optional<fanout::v1::WorktreeReady> worktree;
  std::optional<fanout::v1::EnvironmentReady> environment;
  std::optional<fanout::v1::WorkCommitted> committed;
  std::vector<fanout::v1::GateResult> gates;  ///< Since the last rebase.
  bool rebased = false;
  bool untested = false;          ///< Rebased, and the gates have not begun again.
  bool cancel_requested = false;
  std::optional<fanout::v1::Pushed> pushed;
  bool reported = false;
  std::map<std::string, ProgramProgress> programs;
};

/// Takes in the next event of the task. Another attempt begins from nothing.
void apply(Progress& progress, const fanout::v1::Event& event);

}  // namespace fanout::domain
