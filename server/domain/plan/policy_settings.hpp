#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/plan.pb.h"

namespace fanout::domain {

class Reader;

/// What agents may use, and what follows when one does not succeed. Everything unset falls through, as in Settings.
struct PolicySettings {
  std::optional<unsigned> gate_retries;
  std::vector<std::string> fallbacks;  ///< What `agents` names after the first, which is `agent`.
  std::optional<unsigned> race;        ///< How many agents race for a task; 1: it is none.
  std::vector<std::string> racers;     ///< Their names, where they are told; else the task's own agents take turns.
  std::optional<std::string> judge;    ///< The command that chooses.
  fanout::v1::Budget task, run, day;
};

inline constexpr unsigned kMostGateRetries = 10;
inline constexpr unsigned kMostRacers = 4;

/// From a map of settings. `agent` becomes what the key of that name says, or the first of a list of agents.
PolicySettings read_policy_settings(const Reader& reader, std::optional<std::string>& agent);
PolicySettings policy_settings_from(const fanout::v1::Overrides& flags);
/// Fills what is unset in `upper` from `lower`. Fallbacks and racers belong to the agent that they stand with, and go
/// with it: `with_agent` when it is taken from `lower`.
void merge_policy_settings(PolicySettings& upper, const PolicySettings& lower, bool with_agent);
/// What is wrong with values that came by flags; empty: nothing. Files were checked when they were read.
std::string fault_in(const PolicySettings& flags);

/// `[prices.MODEL]` of the user's configuration.
std::vector<fanout::internal::v1::Price> read_prices(const Reader& reader);

}  // namespace fanout::domain
