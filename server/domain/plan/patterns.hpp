#pragma once

#include <string>

namespace fanout::domain {

/// Why a worktree or branch pattern cannot work, whatever the task; empty when it can. `key` is
/// "worktree" or "branch".
std::string fault_in_pattern(const std::string& key, const std::string& pattern);

}  // namespace fanout::domain
