#pragma once

#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/run.pb.h"

/// A run may work in several repositories. Each of them is looked at as if it were the only one: these functions give the run,
/// or its spec, as it is for one.
namespace fanout::domain {

/// What of a run's spec depends on the repository: all that is told apart, and nothing else, goes from one to the other.
void take_repository_part(const fanout::internal::v1::RunSpec& from, fanout::internal::v1::RunSpec& to);

/// All of them, as clients are told; none where the plan names none.
std::vector<fanout::v1::RunRepository> told_repositories(const fanout::internal::v1::RunSpec& spec);

/// The names of a run's repositories, its own first; one that is empty where the plan names none.
std::vector<std::string> repositories_of(const fanout::internal::v1::RunSpec& spec);
std::vector<std::string> repositories_of(const fanout::v1::Run& run);

/// What depends on the repository is as it is for `name`, all else is the run's: all tasks, those of other repositories too.
fanout::internal::v1::RunSpec in_repository(const fanout::internal::v1::RunSpec& spec, const std::string& name);

/// The same with its own tasks alone, and of what these need only what is among them.
fanout::internal::v1::RunSpec alone_in_repository(const fanout::internal::v1::RunSpec& spec, const std::string& name);

/// The run as if it had only those of its subagents that work there, and what these need of each other.
fanout::v1::Run in_repository(const fanout::v1::Run& run, const std::string& name);

/// The run as it is for the repository that one of its subagents works in.
fanout::v1::Run around(const fanout::v1::Run& run, const fanout::v1::Subagent& agent);

}  // namespace fanout::domain
