#pragma once

#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "server/agent/catalog.hpp"
#include "server/domain/plan/plan.hpp"

/// Which agent a word of the plan means, and what of it is on this machine. All functions BLOCK for a moment.
namespace fanout::planning {

/// The agents of the catalogue whose programs are in `search_path`.
std::vector<const agent::AgentRow*> installed_agents(const std::string& search_path);

/// Fills in what only the catalogue tells of `spec`: kind and command. False: there is no such kind.
bool settle_agent(fanout::internal::v1::AgentSpec& spec);

/// Each task's agent; where none is named and just one is installed, that one. Faults are added to `diagnostics`.
void settle_agents(fanout::internal::v1::RunSpec& spec, const std::string& search_path,
                   std::vector<domain::Diagnostic>& diagnostics);

}  // namespace fanout::planning
