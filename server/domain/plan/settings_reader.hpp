#pragma once

#include <span>
#include <string>

#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

inline constexpr unsigned kMostParallel = 1000;
inline constexpr unsigned kMostRetries = 10;
inline constexpr unsigned kMostPorts = 100;  // of a worktree

/// The keys that may stand in a task, a plan, `.fanout.yaml` and the user's configuration alike.
std::span<const std::string> settings_keys();

/// Reads those keys out of a map that may hold others too.
Settings read_settings(const Reader& reader);

}  // namespace fanout::domain
