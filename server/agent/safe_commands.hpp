#pragma once

#include <string_view>

#include "server/agent/shell_words.hpp"

namespace fanout::agent {

/// A command that only looks at the worktree, or does to its branch what every task does (git add, git
/// commit), with every path in it inside `worktree`. What is not certain is not safe. A commit runs the
/// repository's own hooks, as it would for a person.
bool is_safe(const ShellCommand& command, std::string_view worktree);

}  // namespace fanout::agent
