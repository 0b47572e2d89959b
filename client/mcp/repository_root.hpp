#pragma once

#include <filesystem>
#include <optional>

namespace fanout::mcp {

/// The root of the main checkout of the repository around `folder`, canonical: the same for all of its worktrees, and
/// what the daemon calls a run's repository. Unset: there is no repository around it, or one without a checkout.
std::optional<std::filesystem::path> repository_root(const std::filesystem::path& folder);

}  // namespace fanout::mcp
