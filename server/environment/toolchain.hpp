#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "server/environment/fingerprint.hpp"

namespace fanout::environment {

/// The words of shell commands, with quotes and operators as spaces: enough to see what they name, not what they do.
std::set<std::string, std::less<>> words_of(const std::vector<std::string>& commands);

/// One line for each tool that the recipe's commands run and whose version matters: its place, and what it says of its
/// version. Answers are kept for ten minutes, and until the program's file changes. BLOCKS. Thread-safe.
std::vector<std::string> toolchain(const Recipe& recipe, const std::stop_token& stop);

}  // namespace fanout::environment
