#include "server/agent/worktree_path.hpp"

#include <filesystem>

namespace fanout::agent {

std::optional<std::string> path_inside(std::string_view path, std::string_view worktree) {
  namespace fs = std::filesystem;
  if (path.empty() || !worktree.starts_with('/') || path.find('\0') != std::string_view::npos)
    return std::nullopt;
  const auto root = (fs::path(worktree) / "").lexically_normal();
  const auto whole = (root / fs::path(path)).lexically_normal();
  const auto relative = (whole / "").lexically_normal().lexically_relative(root);
  if (relative.empty()) return std::nullopt;
  for (const auto& part : relative) {
    if (part == ".." || part == ".git") return std::nullopt;
  }
  auto text = whole.string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

}  // namespace fanout::agent
