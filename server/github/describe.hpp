#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/github/marker.hpp"
#include "server/github/types.hpp"

namespace fanout::github {

/// A task as its issue shows it. All texts are plain or Markdown of the user's own.
struct TaskInfo {
  Repository repository;
  std::string run_id, run_name, task_id;
  std::string title, description;
  std::string plan;  ///< Path of the plan, relative to the repository.
  std::vector<std::string> files, tests, criteria;
  std::string worktree, branch;
  std::vector<std::string> labels, assignees;  ///< Besides our own labels.
  std::string milestone;     ///< Number or title; empty: none.
  bool keep_labels = false;  ///< Labels that are missing are not made.
  std::string body;          ///< Of the issue, where it is not made of the rest.
  std::uint64_t existing_issue = 0;  ///< Somebody's, which is the task's: it is not made, and its text is left alone.
  bool part_of_run = false;  ///< It has no issue of its own: the run's is the one without a task.
  /// What the run's events say is there: a tracker whose outbox was lost does not ask for it again. Number 0: nothing.
  Issue issue;
  PullRequest pull_request;
};

struct GateLine {
  std::string name;
  bool passed = false;
  milliseconds duration{0};
};

/// Where a task is, as its one comment shows it.
struct Progress {
  std::string phase;  ///< For people: "at work", "gates", "failed" …
  std::string agent;
  unsigned attempt = 1;
  std::vector<GateLine> gates;
  std::string commit, commit_summary;  ///< The last one.
  std::string pull_request_url;
  std::string closing;      ///< What stands first when all is done.
  std::vector<std::string> files;  ///< That it has changed.
  std::string summary;      ///< The agent's own words, at the end.
  std::string problem;      ///< One sentence; of a failure.
  std::string output_name;  ///< Whose output: "gate tests".
  std::string output_tail;  ///< Shown folded, cut to its end.
};

struct CommitLine {
  std::string id, summary;
};

/// What a pull request says for itself.
struct Evidence {
  std::vector<CommitLine> commits;
  std::vector<GateLine> gates;
  std::string agent, cost;  ///< Cost: as it is to be shown; empty when not known.
  milliseconds duration{0};
  std::string text;  ///< The body, where it is not made of the rest.
};

constexpr std::size_t kMostTitle = 256;    ///< Characters that GitHub takes.
constexpr std::size_t kMostBody = 65'536;
constexpr const char* kOwnLabels[] = {"parallel-execution", "auto-created"};

/// All pure, all cut to GitHub's limits with the marker kept, all without what looks like a secret.
std::string title_of(std::string_view text);
std::string issue_body(const TaskInfo& task, const Marker& marker);
std::string progress_body(const TaskInfo& task, const Progress& progress, const Marker& marker);
std::string pull_request_body(const TaskInfo& task, const Evidence& evidence, const Marker& marker);
/// The body of a pull request that closes `issue` when it is merged. Room for this is kept.
std::string closing(std::uint64_t issue, const std::string& body);
/// The same of one that belongs to the issue, which has other pull requests too.
std::string part_of(std::uint64_t issue, const std::string& body);
/// A body of the user's own template, with the marker, cut like the others.
std::string templated_body(const std::string& text, const Marker& marker);
/// The task's labels and our own, each once.
std::vector<std::string> labels_of(const TaskInfo& task);

/// `text` within a code block that it cannot end.
std::string fenced(std::string_view text);

}  // namespace fanout::github
