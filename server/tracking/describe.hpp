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
/// For the task's one comment.
github::Progress progress_of(const fanout::v1::Subagent& agent);
/// `base`: the branch it is to be merged into.
github::PullRequestWanted pull_request_of(const fanout::v1::Subagent& agent, std::string base);

/// A pull request of a task with exactly one dependency is stacked on that one's branch, where it was pushed.
std::string pull_request_base(const RunSpec& spec, const TaskSpec& task, const fanout::v1::Run& run);

}  // namespace fanout::tracking
