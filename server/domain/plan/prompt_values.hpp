#pragma once

#include <map>
#include <string>

#include "server/domain/plan/plan.hpp"

namespace fanout::domain {

/// What the seed's placeholders stand for, as far as it is known before the worktree is there. Holds no
/// variable of the environment: a prompt may go anywhere.
std::map<std::string, std::string> prompt_values(const Plan& plan, const Task& task, const std::string& base);

}  // namespace fanout::domain
