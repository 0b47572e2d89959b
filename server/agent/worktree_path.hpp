#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fanout::agent {

/// `path` (absolute, or relative to `worktree`) made absolute and normal, when by its text it lies inside
/// `worktree` and is no part of git's own files there. Links are not looked at: who opens it must not follow
/// one out of the worktree.
std::optional<std::string> path_inside(std::string_view path, std::string_view worktree);

}  // namespace fanout::agent
