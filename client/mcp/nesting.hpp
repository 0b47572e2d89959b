#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/v1/run.pb.h"

/// An agent of Fanout's that starts agents of its own, and how far that may go.
namespace fanout::mcp {

/// A task whose programs this process is one of.
struct Place {
  std::string run_id;
  std::string task_id;
};

/// The task that this process works for, by what the daemon puts into the environment of its programs; looked for in
/// this process and in all those above it, so that a cleared environment hides nothing. Unset: for none.
std::optional<Place> enclosing_task();

/// The same by one environment: NAME=value, each ended by a zero byte.
std::optional<Place> place_in(std::string_view environment);

/// The worktrees that a task has or had, canonical. Empty: the run has no such task, or that has none yet.
std::vector<std::filesystem::path> worktrees_of(const fanout::v1::Run& run, const std::string& task_id);

/// Whether the path is in one of the folders.
bool lies_in(const std::filesystem::path& path, std::span<const std::filesystem::path> folders);

/// How many runs stand above this one: it was started from a task's worktree, that task's run perhaps from another's.
unsigned depth_of(const fanout::v1::Run& run, std::span<const fanout::v1::Run> all);

/// How many tasks the runs have whose plans lie in these folders.
std::size_t tasks_started_from(std::span<const std::filesystem::path> folders, std::span<const fanout::v1::Run> all);

}  // namespace fanout::mcp
