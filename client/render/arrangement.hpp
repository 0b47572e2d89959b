#pragma once

#include <cstddef>
#include <vector>

#include "fanout/v1/run.pb.h"

namespace fanout::client {

/// A task's place in a list: which of the run's subagents it is, and how deep it stands below what it waits for.
struct Placed {
  int index = 0;
  std::size_t depth = 0;
};

/// A run's tasks, each below the dependency that takes longest to reach; else in plan order.
std::vector<Placed> arranged(const fanout::v1::Run& run);

/// So many of them as there is room for, in their order: those around place `around`, or, without one, the most
/// important: who waits for a person, those at work, then those that failed.
std::vector<Placed> chosen(const fanout::v1::Run& run, const std::vector<Placed>& all, std::size_t count,
                           const std::size_t* around);

}  // namespace fanout::client
