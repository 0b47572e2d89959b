#pragma once

#include <string>
#include <vector>

#include "server/domain/plan/tree.hpp"

namespace fanout::domain {

/// Why `id` cannot be the name of a task, a folder and part of a branch; empty when it can.
std::string fault_in_id(const std::string& id);

/// The id of the nth agent that races for a task, from 1: fit for the names of a folder and a branch, and no task has it.
std::string contender_id(const std::string& task, unsigned number);

/// Where a task's dependencies are written, for messages.
struct DependencyPlace {
  std::string task;
  std::string dependency;
  Place place;
  std::string field;
};

/// Faults that only show when all tasks are known: repeated ids, dependencies on nobody or oneself, cycles.
void check_graph(const Plan& plan, const std::vector<DependencyPlace>& places, Diagnostics& diagnostics);

/// Tasks that say to work in a repository which the plan does not name.
void check_repositories(const Plan& plan, Diagnostics& diagnostics);

/// A task that is part of a plan already, to check those against that come later.
struct KnownTask {
  std::string id;
  std::vector<std::string> dependencies;
};

/// The same of tasks that come into a plan which is still being written: whom they depend on may come later.
void check_open_graph(const Plan& plan, const std::vector<KnownTask>& known, const std::vector<DependencyPlace>& places,
                      Diagnostics& diagnostics);

}  // namespace fanout::domain
