#include "server/planning/inventory.hpp"

#include <sys/stat.h>

#include <fstream>

#include "common/programs.hpp"
#include "common/text.hpp"
#include "server/domain/plan/resolve.hpp"
#include "common/child.hpp"
#include "server/planning/agent_choice.hpp"
#include "server/planning/plan_files.hpp"

namespace fanout::planning {

namespace v1 = fanout::v1;
using Environment = std::map<std::string, std::string>;

namespace {

constexpr std::chrono::seconds kVersionLimit{10};
constexpr std::size_t kVersionColumns = 60;
constexpr double kUsableShare = 0.9;  // of the free memory

std::string variable(const Environment& environment, std::string_view name) {
  const auto found = environment.find(std::string(name));
  return found == environment.end() ? "" : found->second;
}

/// What the kernel thinks can be had without swapping; 0: not known.
std::uint64_t free_memory_mib() {
  std::ifstream file("/proc/meminfo");
  for (std::string word; file >> word;) {
    std::uint64_t kib = 0;
    if (word == "MemAvailable:" && file >> kib) return kib >> 10;
  }
  return 0;
}

v1::AgentLogin login_of(const agent::AgentRow& row, const Environment& environment) {
  const auto state = agent::login_state(
      row, [&](std::string_view name) { return variable(environment, name); },
      [](const std::string& file) {
        std::error_code error;
        return std::filesystem::exists(file, error);
      });
  switch (state) {
    case agent::Login::yes:
      return v1::AGENT_LOGIN_YES;
    case agent::Login::no:
      return v1::AGENT_LOGIN_NO;
    case agent::Login::unknown:
      return v1::AGENT_LOGIN_UNKNOWN;
  }
  return v1::AGENT_LOGIN_UNKNOWN;
}

void describe(const agent::AgentRow& row, const Environment& environment, std::uint64_t free, v1::AgentInfo& info) {
  info.set_title(std::string(row.title));
  info.set_kind(std::string(row.id));
  info.set_login(login_of(row, environment));
  info.set_login_hint(std::string(row.login_hint));
  info.set_level(std::string(agent::to_string(agent::level_for(row, {}))));
  info.set_memory_mib(row.memory_mib);
  if (row.memory_mib > 0 && free > 0)
    info.set_fit(static_cast<std::uint32_t>(static_cast<double>(free) * kUsableShare / row.memory_mib));
  info.set_cannot(std::string(row.cannot));
}

domain::UserConfig read_config(const std::filesystem::path& file) {
  std::vector<domain::Diagnostic> faults;  // told where a plan is read
  const auto text = read_plan_file(file, {});
  const auto* read = std::get_if<std::string>(&text);
  return read ? domain::parse_user_config(*read, file.string(), faults) : domain::UserConfig();
}

}  // namespace

std::string Inventory::version_of(const std::string& program, const std::string& flag, const Environment& environment,
                                  const std::stop_token& stop) {
  struct stat status {};
  if (flag.empty() || ::stat(program.c_str(), &status) != 0) return "";
  const auto key = program + '\0' + std::to_string(status.st_mtime) + '\0' + std::to_string(status.st_size);
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = versions_.find(key); known != versions_.end()) return known->second;
  }
  // Looked up by its name, in its own folder before all others.
  const std::filesystem::path file(program);
  auto around = environment;
  around["PATH"] = file.parent_path().string() + ":" + variable(environment, "PATH");
  const auto said = output_of({file.filename().string(), flag}, "", around, kVersionLimit, stop);
  if (!said) return "";  // it may say it another time
  const auto text = trimmed(*said);
  const auto version = fit(printable(text.substr(0, text.find('\n'))), kVersionColumns);
  const std::lock_guard lock(mutex_);
  return versions_[key] = version;
}

v1::ListAgentsResponse Inventory::list(const Environment& environment, std::stop_token stop) {
  v1::ListAgentsResponse response;
  const auto free = free_memory_mib();
  const auto path = variable(environment, "PATH");
  response.set_free_memory_mib(free);
  const auto installed = installed_agents(path);
  for (const auto& row : agent::agents()) {
    if (row.executable.empty()) continue;
    auto& info = *response.add_agents();
    info.set_name(std::string(row.id));
    describe(row, environment, free, info);
    info.set_path(find_program(std::string(row.executable), path, Folders::all).string());
    info.set_installed(!info.path().empty());
    if (info.installed()) info.set_version(version_of(info.path(), std::string(row.version_flag), environment, stop));
    info.set_taken(installed.size() == 1 && installed.front() == &row);
  }
  const auto config = read_config(user_config_);
  for (const auto& [name, of_agent] : config.agents) {
    auto spec = domain::agent_spec(name, config.defaults.agent_options, config.agents, config.defaults.agent_options);
    if (!settle_agent(spec)) continue;
    const auto& row = *agent::find_agent(spec.kind());
    auto* info = agent::find_agent(name) && of_agent.command.empty() ? nullptr : response.add_agents();
    for (auto& one : *response.mutable_agents()) {
      if (!info && one.name() == name) info = &one;
    }
    info->set_name(name);
    describe(row, environment, free, *info);
    info->set_configured(true);
    info->set_command(spec.command());
    const auto program = of_agent.command.empty() ? std::string(row.executable) : spec.command().substr(0, spec.command().find(' '));
    info->set_path(program.find('/') == std::string::npos ? find_program(program, path, Folders::all).string() : program);
    info->set_installed(!info->path().empty() && std::filesystem::exists(info->path()));
  }
  return response;
}

}  // namespace fanout::planning
