#include "client/mcp/nesting.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace fanout::mcp {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;

namespace {

constexpr int kMostAncestors = 64;  // against a table of processes that changes while it is walked

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The second field of /proc/PID/stat is a name in parentheses, which may hold anything; the fourth is the parent.
pid_t parent_of(pid_t pid) {
  const auto stat = content_of("/proc/" + std::to_string(pid) + "/stat");
  const auto end = stat.rfind(')');
  if (end == std::string::npos || end + 4 >= stat.size()) return 0;
  return std::atoi(stat.c_str() + end + 4);
}

std::string value_in(std::string_view environment, std::string_view name) {
  for (std::size_t at = 0; at < environment.size();) {
    const auto end = std::min(environment.find('\0', at), environment.size());
    const auto entry = environment.substr(at, end - at);
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return std::string(entry.substr(name.size() + 1));
    at = end + 1;
  }
  return {};
}

void add_canonical(std::vector<fs::path>& all, const std::string& folder) {
  std::error_code error;
  if (!folder.empty()) all.push_back(fs::weakly_canonical(folder, error));
}

/// How much of the path the deepest of the folders takes that it lies in; 0: it lies in none.
std::size_t depth_within(const fs::path& path, std::span<const fs::path> folders) {
  std::size_t deepest = 0;
  for (const auto& folder : folders) {
    if (lies_in(path, {&folder, 1})) deepest = std::max(deepest, folder.native().size());
  }
  return deepest;
}

/// The run in a worktree of which the plan of `run` was made; null: no agent made it. Worktrees may lie in worktrees.
const v1::Run* run_above(const v1::Run& run, std::span<const v1::Run> all) {
  const v1::Run* above = nullptr;
  std::size_t deepest = 0;
  for (const auto& other : all) {
    if (other.id() == run.id()) continue;
    for (const auto& agent : other.subagents()) {
      const auto depth = depth_within(run.plan_path(), worktrees_of(other, agent.task_id()));
      if (depth > deepest) above = &other;
      deepest = std::max(deepest, depth);
    }
  }
  return above;
}

}  // namespace

std::optional<Place> place_in(std::string_view environment) {
  Place place{value_in(environment, "FANOUT_RUN_ID"), value_in(environment, "FANOUT_TASK_ID")};
  if (place.run_id.empty() || place.task_id.empty()) return std::nullopt;
  return place;
}

std::optional<Place> enclosing_task() {
  pid_t pid = getpid();
  for (int i = 0; i < kMostAncestors && pid > 0; ++i, pid = parent_of(pid)) {
    if (auto place = place_in(content_of("/proc/" + std::to_string(pid) + "/environ"))) return place;
  }
  return std::nullopt;
}

std::vector<fs::path> worktrees_of(const v1::Run& run, const std::string& task_id) {
  std::vector<fs::path> all;
  for (const auto& agent : run.subagents()) {
    if (agent.task_id() != task_id) continue;
    add_canonical(all, agent.worktree());
    for (const auto& left : agent.left_work()) add_canonical(all, left.worktree());
  }
  return all;
}

bool lies_in(const fs::path& path, std::span<const fs::path> folders) {
  return std::any_of(folders.begin(), folders.end(), [&](const fs::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
  });
}

unsigned depth_of(const v1::Run& run, std::span<const v1::Run> all) {
  unsigned depth = 0;
  for (const auto* above = run_above(run, all); above && depth < all.size(); above = run_above(*above, all)) ++depth;
  return depth;
}

std::size_t tasks_started_from(std::span<const fs::path> folders, std::span<const v1::Run> all) {
  std::size_t tasks = 0;
  for (const auto& run : all) {
    if (lies_in(run.plan_path(), folders)) tasks += static_cast<std::size_t>(run.subagents_size());
  }
  return tasks;
}

}  // namespace fanout::mcp
