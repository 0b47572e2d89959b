#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fanout {

/// Variables by name.
using Environment = std::map<std::string, std::string>;

/// This process's. Thread-safe while nobody changes it.
Environment own_environment();

/// What `name` is in entries of the form "NAME=value"; empty where it is not among them. It lives as long as they do.
std::string_view variable_in(const std::vector<std::string>& entries, std::string_view name);

/// For a program that is asked for a login: without what would make git look elsewhere or ask somebody.
Environment for_helpers(Environment variables);

}  // namespace fanout
