#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/domain/plan/agent_settings.hpp"
#include "server/domain/plan/policy_settings.hpp"
#include "server/domain/plan/limit_settings.hpp"
#include "server/domain/plan/security_settings.hpp"
#include "server/domain/plan/sandbox_settings.hpp"
#include "server/domain/plan/tracker_settings.hpp"

/// The plan as the user wrote it. Values only: nothing here reads a file, a clock or the environment.
namespace fanout::domain {

/// A place in a file, both from 1; 0 means the whole file or line.
struct Place {
  std::string file;  ///< Absolute path.
  unsigned line = 0;
  unsigned column = 0;
};

/// One thing said about a plan. `message` says what is wrong and what to do.
struct Diagnostic {
  enum class Severity { error, warning, note };
  Severity severity = Severity::error;
  Place place;
  std::string field;  ///< Such as tasks[2].dependencies; may be empty.
  std::string message;
};

enum class Priority { blocker, high, medium, low };  ///< In the order in which they are served.
enum class TaskStatus { pending, in_progress, completed, blocked };

const char* to_string(Priority priority);
const char* to_string(TaskStatus status);

/// A check that runs in the worktree after the agent.
struct Gate {
  std::string name;
  std::string run;  ///< For `sh -c`.
  std::optional<std::chrono::milliseconds> timeout;
};

/// The keys that may stand in a task, a plan, `.fanout.yaml` and the user's config. Everything unset
/// falls through to the next of them.
struct Settings {
  std::optional<std::string> repo;  ///< A path; in a task the name of one of the plan's repositories.
  std::optional<std::string> base;
  std::optional<std::string> agent;
  std::optional<std::vector<std::string>> setup;   ///< Empty list: switched off.
  std::optional<std::vector<std::string>> verify;  ///< Empty list: switched off.
  std::optional<std::vector<Gate>> gates;
  std::optional<unsigned> max_parallel;
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<std::chrono::milliseconds> stall_timeout;  ///< Zero: switched off.
  std::optional<unsigned> retries;
  std::map<std::string, std::string> env;  ///< Merged key by key.
  std::optional<bool> allow_empty;
  std::optional<bool> push;
  std::optional<std::string> remote;
  std::optional<std::string> worktree;  ///< Pattern.
  std::optional<std::string> branch;    ///< Pattern.
  std::optional<bool> write_status;
  std::optional<std::string> tracker;
  TrackerSettings tracker_options;
  PolicySettings policy;
  AgentSettings agent_options;
  LimitSettings limits;
  SecuritySettings security;
  SandboxSettings sandbox;
  std::optional<bool> pull_request;
  std::optional<std::string> commit_type;
  std::optional<std::vector<std::string>> copy;  ///< Patterns of untracked files to copy.
  std::optional<std::vector<std::string>> cache;         ///< Folders that setup makes; empty list: switched off.
  std::optional<std::vector<std::string>> cache_inputs;  ///< Patterns of files that setup depends on.
  std::optional<bool> cache_wait;
  std::optional<std::uint64_t> cache_size;               ///< Bytes.
  std::optional<std::chrono::milliseconds> cache_age;
  std::optional<bool> pool;
  std::optional<unsigned> pool_size;                     ///< Worktrees.
  std::optional<std::uint64_t> pool_space;               ///< Bytes.
  std::optional<unsigned> ports;                         ///< Of a worktree.
  std::map<std::string, Place> places;           ///< Where each key's value stands, for messages.
};

struct Task {
  std::string id;
  std::string title;
  Priority priority = Priority::medium;
  TaskStatus status = TaskStatus::pending;
  std::vector<std::string> dependencies;
  std::vector<std::string> labels;
  std::uint64_t issue = 0;  ///< The tracker's, which is there already; 0: one is made for it.
  std::string file;  ///< Absolute; empty when the task is written inline.
  Place place;       ///< Where the entry begins in plan.yaml.

  // From the task file's sections, or `prompt` for an inline task.
  std::string body;  ///< All Markdown after the front matter, or the inline prompt.
  std::string objective;
  std::string approach;
  std::vector<std::string> create, modify, remove;  ///< Files to Touch.
  std::vector<std::string> tests;
  std::vector<std::string> acceptance;
  std::string conflicts;
  std::string notes;
  std::string estimated_time;

  Settings settings;
};

/// A repository that the plan names, so that tasks can say by that name where they work.
struct NamedRepository {
  std::string name;
  std::string path;  ///< As written: relative to the plan's folder, or absolute.
  Place place;
};

struct Plan {
  std::string path;  ///< Absolute.
  std::string name;
  std::string status;
  std::string overview;
  std::vector<Task> tasks;
  std::vector<NamedRepository> repositories;  ///< In the plan's order.
  Settings settings;
  bool open = false;  ///< It is still being written: more tasks may come.
};

/// A plan and everything there is to say about it. Executable only when `ok()`.
struct LoadedPlan {
  Plan plan;
  std::vector<Diagnostic> diagnostics;  ///< In order of file and place.
  bool ok() const;                      ///< No diagnostic is an error.
};

}  // namespace fanout::domain
