#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "server/domain/plan/checks.hpp"
#include "server/domain/plan/plan.hpp"

namespace fanout::domain {

/// Reads one file for the loader: its bytes, or why not, in words such as "no such file" or
/// "is larger than 1 MiB". The reader decides what may be read; `inside` is the folder that the file
/// must lie in, with all links resolved (empty: anywhere).
struct ReadFailure {
  std::string reason;
};
using ReadFile = std::function<std::variant<std::string, ReadFailure>(const std::filesystem::path& file,
                                                                      const std::filesystem::path& inside)>;

/// Largest accepted sizes; beyond them the plan is refused with one clear message.
inline constexpr std::size_t kMaxPlanBytes = 4u << 20;
inline constexpr std::size_t kMaxTaskFileBytes = 1u << 20;
inline constexpr std::size_t kMaxAllFilesBytes = 32u << 20;  ///< The plan and all its task files.
inline constexpr std::size_t kMaxTasks = 1000;

/// More faults than this help nobody: the rest is counted, not listed.
inline constexpr std::size_t kMaxDiagnostics = 1000;

/// Loads plan.yaml and its task files and checks everything, telling all faults at once. Never throws
/// on bad input. `plan_path` is absolute.
LoadedPlan load_plan(const std::filesystem::path& plan_path, const ReadFile& read);

/// Of a plan that is still being written: what it is to be read with, and at most one of its tasks.
struct OpenPlanText {
  std::string head = {};                    ///< A JSON object of the plan's own keys; empty: it has none.
  std::optional<std::string> entry = {};    ///< A JSON object of one task's keys.
  std::vector<KnownTask> known = {};        ///< The tasks that came before it.
};

/// Largest accepted sizes of each of these objects.
inline constexpr std::size_t kMaxEntryBytes = 1u << 20;

/// Loads and checks what there is of such a plan. `folder`, absolute, is what paths in it are relative to; `origin` is where
/// it comes from. A dependency on a task that has not come is none of its faults. Diagnostics about the objects themselves
/// have no place.
LoadedPlan load_open_plan(const std::filesystem::path& folder, const std::string& origin, const OpenPlanText& text,
                          const ReadFile& read);

}  // namespace fanout::domain
