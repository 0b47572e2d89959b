#include <unistd.h>

#include "common/child.hpp"
#include "common/programs.hpp"
#include "common/text.hpp"
#include "server/agent/catalog.hpp"
#include "server/doctor/machine_checks.hpp"

namespace fanout::doctor {

namespace {

constexpr std::chrono::seconds kVersionLimit{10};  // some start an interpreter first

std::string variable(const Places& places, std::string_view name) {
  const auto found = places.environment.find(std::string(name));
  return found == places.environment.end() ? "" : found->second;
}

Check check_agent(const Places& places, const agent::AgentRow& row) {
  const auto id = "agent." + std::string(row.id), title = std::string(row.title);
  const std::string program(row.executable);
  if (find_program(program, search_path(places.environment)).empty()) return absent(id, title, "no program " + program + " is in PATH");
  const auto told = output_of({program, std::string(row.version_flag)}, "", places.environment, kVersionLimit, {});
  if (!told) return warning(id, title, program + " does not tell its version", "try " + program + " " + std::string(row.version_flag));
  const auto version = std::string(trimmed(told->substr(0, told->find('\n'))));
  const auto login = agent::login_state(
      row, [&](std::string_view name) { return variable(places, name); },
      [](const std::string& file) { return ::access(file.c_str(), F_OK) == 0; });
  switch (login) {
    case agent::Login::yes: return good(id, title, version + ", logged in");
    case agent::Login::unknown: return good(id, title, version);
    case agent::Login::no: return warning(id, title, version + ", not logged in", std::string(row.login_hint));
  }
  return unknown(id, title, version);
}

}  // namespace

Checks check_agents(const Places& places) {
  Checks checks;
  bool any = false;
  for (const auto& row : agent::agents()) {
    if (row.executable.empty()) continue;
    checks.push_back(check_agent(places, row));
    any = any || checks.back().verdict() != Check::VERDICT_ABSENT;
  }
  if (!any) {
    checks.push_back(warning("agents", "agents", "none that Fanout knows is installed",
                             "install one, or name any command: fanout execute --agent ./my-agent.sh"));
  }
  return checks;
}

}  // namespace fanout::doctor
