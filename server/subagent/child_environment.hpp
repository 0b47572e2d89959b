#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "server/agent/catalog.hpp"

namespace fanout::subagent {

using Variables = std::map<std::string, std::string>;

/// This process's environment, without what no child of ours may see: tracker tokens, git's own
/// variables (they would point it at another repository), and what belongs to the daemon alone.
/// The user's own programs, such as a notify command, get all of it; programs of a task get what passed_on() takes.
Variables inheritable_environment();

/// Of `all` what programs of a task get: what programs usually need (where things lie, language, proxies, homes of
/// languages' tools), and what `patterns` (names, or with *) ask for. Pure.
Variables passed_on(const Variables& all, std::span<const std::string> patterns);

/// Of `all` what that agent gets besides: its own settings and keys. Pure.
Variables agents_own(const Variables& all, const agent::AgentRow& agent);

/// Of the daemon's variables and the run's what a task's programs get, with those that the plan sets.
Variables surroundings_of(const Variables& all, const fanout::internal::v1::RunSpec& run,
                          const fanout::internal::v1::TaskSpec& task);

/// Whether a variable of that name is kept from children.
bool is_withheld(const std::string& name);

/// Variables of a caller that may replace the daemon's own.
bool is_callers_business(const std::string& name);

/// Later maps win. In the form that processes are started with: "NAME=value".
std::vector<std::string> merged(std::initializer_list<const Variables*> layers);

}  // namespace fanout::subagent
