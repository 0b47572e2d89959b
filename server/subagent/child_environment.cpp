#include "server/subagent/child_environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace fanout::subagent {

namespace {

constexpr std::array<std::string_view, 18> kWithheld{
    "GH_TOKEN",       "GITHUB_TOKEN",         "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN",
    "GIT_DIR",        "GIT_WORK_TREE",        "GIT_INDEX_FILE",      "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR", "GIT_NAMESPACE",        "GIT_PREFIX",          "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "NOTIFY_SOCKET",  "LISTEN_FDS",           "LISTEN_PID",          "LISTEN_FDNAMES",
    "WATCHDOG_USEC",  "WATCHDOG_PID"};

constexpr std::array<std::string_view, 5> kCallers{"PATH", "SHELL", "LANG", "TZ", "SSH_AUTH_SOCK"};

}  // namespace

bool is_withheld(const std::string& name) {
  return name.starts_with("FANOUT_") || std::find(kWithheld.begin(), kWithheld.end(), name) != kWithheld.end();
}

bool is_callers_business(const std::string& name) {
  return name.starts_with("LC_") || std::find(kCallers.begin(), kCallers.end(), name) != kCallers.end();
}

Variables inheritable_environment() {
  Variables variables;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string_view::npos) continue;
    std::string name(text.substr(0, equals));
    if (!is_withheld(name)) variables.emplace(std::move(name), text.substr(equals + 1));
  }
  return variables;
}

std::vector<std::string> merged(std::initializer_list<const Variables*> layers) {
  Variables all;
  for (const auto* layer : layers) {
    for (const auto& [name, value] : *layer) all[name] = value;
  }
  std::vector<std::string> entries;
  for (const auto& [name, value] : all) entries.push_back(name + "=" + value);
  return entries;
}

}  // namespace fanout::subagent
