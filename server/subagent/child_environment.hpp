#pragma once

#include <map>
#include <string>
#include <vector>

namespace fanout::subagent {

using Variables = std::map<std::string, std::string>;

/// This process's environment, without what no child of ours may see: tracker tokens, git's own
/// variables (they would point it at another repository), and what belongs to the daemon alone.
Variables inheritable_environment();

/// Whether a variable of that name is kept from children.
bool is_withheld(const std::string& name);

/// Variables of a caller that may replace the daemon's own.
bool is_callers_business(const std::string& name);

/// PATH of theirs.
std::string search_path(const Variables& environment);

/// Later maps win. In the form that processes are started with: "NAME=value".
std::vector<std::string> merged(std::initializer_list<const Variables*> layers);

}  // namespace fanout::subagent
