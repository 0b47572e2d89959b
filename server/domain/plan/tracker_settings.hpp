#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/plan.pb.h"

namespace fanout::domain {

class Reader;

/// How the tracker is to be used. Everything unset falls through, as in Settings.
struct TrackerSettings {
  // Keys of their own, as they are about the task's life after its work.
  std::optional<bool> follow;
  std::optional<unsigned> ci_retries;
  std::optional<bool> draft;
  std::optional<std::string> auto_merge;  ///< "merge", "squash", "rebase" or "off".
  // Within `tracker: {…}`.
  std::optional<std::string> name;  ///< What `tracker: NAME` says too.
  std::optional<std::string> mode;  ///< "per-task", "tracking" or "auto".
  std::optional<std::vector<std::string>> labels, assignees;
  std::optional<bool> create_labels;
  std::optional<std::string> milestone, project;
};

inline constexpr unsigned kMostCiRetries = 10;
inline constexpr unsigned kCiRetries = 2;
/// With more tasks there is one issue for all of them, unless something else is said.
inline constexpr int kMostIssues = 80;

/// From a map of settings: the keys above, and `tracker`, which is a name or a map.
TrackerSettings read_tracker_settings(const Reader& reader);
TrackerSettings tracker_settings_from(const fanout::v1::Overrides& flags);
/// Fills what is unset in `upper` from `lower`.
void merge_tracker_settings(TrackerSettings& upper, const TrackerSettings& lower);
/// What is wrong with values that came by flags; empty: nothing. Files were checked when they were read.
std::string fault_in(const TrackerSettings& flags);

/// For a run of `tasks` tasks.
fanout::internal::v1::TrackerSpec tracker_spec(const TrackerSettings& settings, int tasks);
/// Of a task's issue.
void set_issue_extras(const TrackerSettings& settings, fanout::internal::v1::TaskSpec& task);

}  // namespace fanout::domain
