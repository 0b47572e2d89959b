#pragma once

#include <string>

namespace fanout::domain {

/// A name for what a task has beside its files, such as a compose project or a database: [a-z][a-z0-9_]*, at most 40
/// bytes, and another one for another run, task, or worktree of it. `given_up` counts the task's worktrees before
/// this one.
std::string worktree_slug(const std::string& run_id, const std::string& task_id, unsigned given_up = 0);

}  // namespace fanout::domain
