#pragma once

#include <map>
#include <string>

namespace fanout {

/// Variables by name.
using Environment = std::map<std::string, std::string>;

/// This process's. Thread-safe while nobody changes it.
Environment own_environment();

/// For a program that is asked for a login: without what would make git look elsewhere or ask somebody.
Environment for_helpers(Environment variables);

}  // namespace fanout
