#pragma once

#include <filesystem>

#include "server/editing/add_tasks.hpp"
#include "server/github/repository_name.hpp"

/// Tasks from issues. All functions BLOCK.
namespace fanout::editing {

/// Where the issues of the plan's repository are, by its remote (as plan, repository and user have it).
/// Error not_found: no plan, no repository, no such remote; precondition: the remote is not at GitHub.
github::Repository place_of_issues(const std::filesystem::path& plan, const std::filesystem::path& user_config);

/// Adds a task for each issue that the plan has no task of; in the order of `issues`. See add_tasks().
AddedTasks add_issues(const std::filesystem::path& plan, const std::vector<ForeignIssue>& issues,
                      const github::Repository& repository);

}  // namespace fanout::editing
