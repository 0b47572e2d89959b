#include "common/environment.hpp"

#include <unistd.h>

#include <string_view>

namespace fanout {

std::string_view variable_in(const std::vector<std::string>& entries, std::string_view name) {
  for (const std::string_view entry : entries) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') return entry.substr(name.size() + 1);
  }
  return {};
}

Environment own_environment() {
  Environment variables;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

Environment for_helpers(Environment variables) {
  for (const char* name : {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
                           "GIT_ASKPASS", "SSH_ASKPASS"}) {
    variables.erase(name);
  }
  variables["GIT_TERMINAL_PROMPT"] = "0";
  return variables;
}

}  // namespace fanout
