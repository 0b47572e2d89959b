#pragma once

#include <string>
#include <vector>

#include "server/git/handle.hpp"

namespace fanout::git {

/// The paths in conflict in `index`, sorted, each once.
std::vector<std::string> conflicting_files(const Index& index);

}  // namespace fanout::git
