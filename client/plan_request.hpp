#pragma once

#include <filesystem>

#include "client/commands.hpp"

/// From what was typed to what a request holds.
namespace fanout::client {

/// The absolute path of the plan: a folder means its plan.yaml; nothing means .parallel/plans/plan.yaml or
/// plan.yaml in `folder`. Throws Error{invalid_input} when there is none.
std::filesystem::path find_plan(const std::string& typed, const std::filesystem::path& folder);

/// The absolute path of a plan that is not there yet: a folder means plan.yaml in it; nothing means
/// .parallel/plans/plan.yaml in `folder`.
std::filesystem::path new_plan_path(const std::string& typed, const std::filesystem::path& folder);

/// Throws Error{invalid_input} for a value that is none.
fanout::v1::Overrides overrides_of(const PlanOptions& options);

/// Throws Error{invalid_input} for a figure that is none.
fanout::v1::Budget budget_of(const BudgetOptions& options);

/// What the run's programs should see as the caller sees it. No other variable leaves this process: it could hold a
/// secret.
void pass_environment_on(fanout::v1::ExecutePlanRequest& request);

/// For a request that makes one run however often it is sent.
std::string random_id();

/// The same start of all requests about plans.
template <class Request>
Request plan_request(const PlanOptions& options) {
  const auto folder = present_folder();
  Request request;
  request.set_plan_path(find_plan(options.plan, folder).string());
  request.set_working_directory(folder.string());
  *request.mutable_overrides() = overrides_of(options);
  return request;
}

}  // namespace fanout::client
