#pragma once

#include <string>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/run.pb.h"
#include "server/github/describe.hpp"
#include "server/github/tracker.hpp"

/// What a run's state comes to at the tracker. Pure.
namespace fanout::tracking {

using RunSpec = fanout::internal::v1::RunSpec;
using TaskSpec = fanout::internal::v1::TaskSpec;

/// "HOST/OWNER/NAME" as RunSpec.tracker_repository has it.
github::Repository repository_of(const RunSpec& spec);

github::TaskInfo task_info(const RunSpec& spec, const TaskSpec& task, const fanout::v1::Subagent& agent);
/// Its issue's body by the repository's own template; empty where there is none.
std::string issue_text(const RunSpec& spec, const TaskSpec& task, const fanout::v1::Subagent& agent);
/// Its pull request is not followed any more.
bool is_over(const fanout::v1::Following& following);
/// For the task's one comment.
github::Progress progress_of(const fanout::v1::Subagent& agent);
/// `base`: the branch it is to be merged into. What it cost holds what all have used that raced for the task.
github::PullRequestWanted pull_request_of(const RunSpec& spec, const TaskSpec& task, const fanout::v1::Run& run,
                                          std::string base);

/// There is one issue for the whole run instead of one for each task.
bool has_one_issue(const RunSpec& spec);
/// That issue, with all tasks in its body, in less detail where there are so many that it would be too long.
github::TaskInfo run_info(const RunSpec& spec, const fanout::v1::Run& run);

/// A pull request of a task with exactly one dependency is stacked on that one's branch, where it was pushed; once that
/// one is merged, it goes to where that one went.
std::string pull_request_base(const RunSpec& spec, const TaskSpec& task, const fanout::v1::Run& run);

}  // namespace fanout::tracking
