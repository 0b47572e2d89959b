#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/domain/plan/plan.hpp"

namespace fanout::domain {

/// The built-in prompt: the seed's phases and its rules for subagents, for agents whose worktree,
/// environment, push and report are Fanout's business.
std::string_view default_prompt_template();

/// Names of placeholders in `text` that no value is known for, each with its place. A placeholder is
/// {name} or {name.part} in lower case; ${name}, {NAME}, { name } and the words that the seed's own
/// template leaves for the agent to fill in ({type}, {file1}, …) are text.
std::vector<Diagnostic> unknown_placeholders(std::string_view text, const std::string& file);

/// `text` with each placeholder replaced by its value; values are not expanded again. Unknown ones
/// stay as they are.
std::string render(std::string_view text, const std::map<std::string, std::string>& values);

/// {task_id}, {run_id} and {issue} in a worktree or branch pattern replaced; {issue} stays while it is not known.
std::string render_name(std::string_view pattern, const std::string& task_id, const std::string& run_id,
                        const std::string& issue = "{issue}");
/// Whether a name by this pattern has the number of the task's issue in it.
bool names_issue(std::string_view pattern);

}  // namespace fanout::domain
