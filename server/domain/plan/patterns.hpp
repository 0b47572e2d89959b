#pragma once

#include <string>

namespace fanout::domain {

/// Why a worktree or branch pattern cannot work, whatever the task; empty when it can. `key` is
/// "worktree" or "branch".
std::string fault_in_pattern(const std::string& key, const std::string& pattern);

/// Whether `folder` is a relative path that leads to a place below where it begins, and not into `.git`.
bool is_path_inside(const std::string& folder);

}  // namespace fanout::domain
