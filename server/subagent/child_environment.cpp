#include "server/subagent/child_environment.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/environment.hpp"

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
  auto variables = own_environment();
  std::erase_if(variables, [](const auto& variable) { return is_withheld(variable.first); });
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

std::string search_path(const Variables& environment) {
  const auto found = environment.find("PATH");
  return found == environment.end() ? "/usr/local/bin:/usr/bin:/bin" : found->second;
}

}  // namespace fanout::subagent
