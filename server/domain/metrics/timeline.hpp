#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "fanout/v1/run.pb.h"

/// Figures about runs. Pure arithmetic over the folded state.
namespace fanout::domain {

/// What a task did until its agent said something, in this order.
enum class SetupStep {
  queued,       ///< Waited for the tasks it depends on.
  worktree,
  environment,
  verify,
  slot,         ///< Waited until its agent might run.
  spawn,        ///< The agent's program was being started.
  silent,       ///< The agent was there and had said nothing yet.
};

const char* to_string(SetupStep step);

/// Time since the run started.
using Moment = std::chrono::microseconds;

struct Span {
  SetupStep step = SetupStep::queued;
  Moment begin{}, end{};
  bool open = false;  ///< Under way; `end` is the last that is known.
  Moment length() const { return end - begin; }
};

/// One task's setup. Its issue is beside the steps, since nothing waits for it.
struct Lane {
  std::string task_id;
  std::vector<Span> spans;  ///< Without gaps; steps that took no time are left out.
  std::optional<Span> issue;
  bool failed = false;      ///< Ended before its agent was there, not as completed or skipped.
  bool from_pool = false, from_cache = false;
};

/// In plan order; tasks that were skipped are left out.
std::vector<Lane> timeline(const fanout::v1::Run& run);

/// The last moment of all lanes.
Moment end_of(const std::vector<Lane>& lanes);

}  // namespace fanout::domain
