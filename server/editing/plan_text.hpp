#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/domain/plan/plan.hpp"

/// The text of plans. Pure.
namespace fanout::editing {

/// A task as plan.yaml lists it. All of it is fit to be written.
struct Entry {
  std::string id, title;
  std::string file;  ///< From the plan's folder.
  domain::Priority priority = domain::Priority::medium;
  std::vector<std::string> dependencies;
};

/// A plan with more entries, and which of its lines are new, from 1.
struct EditedPlan {
  std::string text;
  unsigned first_line = 0, lines = 0;
};

/// `plan` with `entries` at the end of its tasks. All other bytes stay, and it is made sure that all that the plan said
/// before it says still. `path` is for messages. Throws PlanFaultsError for what is no YAML, Error{precondition} where
/// no entry can be added, such as to a list in brackets.
EditedPlan with_entries(const std::string& plan, const std::vector<Entry>& entries, const std::string& path);

/// A plan without tasks. `created`: such as 20251028-011700.
std::string new_plan_text(std::string_view name, std::string_view created);

}  // namespace fanout::editing
