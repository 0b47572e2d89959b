#include "server/doctor/machine_checks.hpp"

#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "common/byte_size.hpp"
#include "common/child.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/plan/resolve.hpp"
#include "server/git/facts.hpp"
#include "server/git/git.hpp"
#include "server/planning/plan_files.hpp"
#include "server/subagent/child_environment.hpp"

namespace fanout::doctor {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds kProgramLimit{10};
constexpr std::int64_t kEarliest = 1'735'689'600;  // 2025: before this was written
constexpr std::uint64_t kLittleMemory = 512ull << 20;

std::string first_line(const std::string& text) { return std::string(trimmed(text.substr(0, text.find('\n')))); }

/// A folder that others may enter is no door that holds.
Check check_private(const std::string& id, const std::string& title, const fs::path& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    return broken(id, title, folder.string() + " is not there", "fanout daemon restart makes it");
  }
  if (status.st_uid != ::geteuid()) return broken(id, title, folder.string() + " is somebody else's", "make it yours with chown");
  if ((status.st_mode & 0077) != 0) {
    return broken(id, title, folder.string() + " may be entered by others", "chmod 700 " + shell_quoted(folder.string()));
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return broken(id, title, folder.string() + " cannot be written: " + errno_text(errno), "make it writable");
  }
  return good(id, title, folder.string() + ", for this user alone");
}

Check check_limit(const std::string& name, const std::string& title, bool kept, const std::string& otherwise) {
  const auto id = "limits." + name;
  if (kept) return good(id, title, "kept by the kernel, for each program and all it starts");
  return warning(id, title, otherwise, "a user manager of systemd (loginctl enable-linger) that has the " + name +
                                           " controller makes the kernel keep it");
}

}  // namespace

Checks check_git(const Places& places) {
  Checks checks;
  const auto library = git::library_info();
  const auto features = std::string(library.https ? "https" : "no https") + ", " + (library.ssh ? "ssh" : "no ssh");
  if (!library.threads) {
    checks.push_back(broken("libgit2", "libgit2", library.version + " without threads", "install the distribution's libgit2"));
  } else if (!library.https) {
    checks.push_back(warning("libgit2", "libgit2", library.version + ", " + features, "pushing over https needs one with https"));
  } else {
    checks.push_back(good("libgit2", "libgit2", library.version + ", " + features));
  }
  const auto version = output_of({"git", "--version"}, "", places.environment, kProgramLimit, {});
  checks.push_back(version ? good("git", "git", first_line(*version))
                           : warning("git", "git", "no program git is in PATH",
                                     "apt install git: agents use it, and remotes over ssh and credential helpers need it"));
  return checks;
}

Checks check_places(const Places& places) {
  Checks checks{check_private("socket", "socket", places.socket.parent_path()),
                check_private("state", "state", places.state)};
  const bool runs = ::access(places.shim.c_str(), X_OK) == 0;
  checks.push_back(runs ? good("supervisor", "supervisor", places.shim.string())
                        : broken("supervisor", "supervisor", places.shim.string() + " is not there", "install Fanout again"));
  return checks;
}

Checks check_configuration(const Places& places) {
  const auto file = places.config.string();
  std::error_code error;
  if (!fs::exists(places.config, error)) return {absent("config", "configuration", file + " is not there: defaults hold")};
  const auto text = planning::read_plan_file(places.config, {});
  if (const auto* failure = std::get_if<domain::ReadFailure>(&text)) {
    return {broken("config", "configuration", file + " " + failure->reason, "make it readable, or move it away")};
  }
  std::vector<domain::Diagnostic> faults;
  domain::parse_user_config(std::get<std::string>(text), file, faults);
  if (faults.empty()) return {good("config", "configuration", file)};
  const auto& first = faults.front();
  return {broken("config", "configuration", file + ":" + std::to_string(first.place.line) + ": " + first.message,
                 "correct it" + (faults.size() > 1 ? ", and " + counted(faults.size() - 1, "fault") + " more" : std::string()))};
}

Checks check_variables(const Places& places) {
  constexpr std::size_t kMostNamed = 12;
  auto told = subagent::passed_on(places.environment, {});
  for (const auto& row : agent::agents()) told.merge(subagent::agents_own(places.environment, row));
  std::vector<std::string> left_out;
  for (const auto& [name, value] : places.environment) {
    if (!told.contains(name)) left_out.push_back(printable(name));
  }
  if (left_out.empty()) return {good("variables", "variables", "programs get all of the daemon's variables but its own")};
  const auto named = join(std::span(left_out).first(std::min(left_out.size(), kMostNamed)), ", ");
  const auto more = left_out.size() > kMostNamed ? " and " + std::to_string(left_out.size() - kMostNamed) + " more" : std::string();
  return {good("variables", "variables", "programs do not get " + named + more + " unless pass_env names them")};
}

Checks check_clock() {
  timex state{};
  const int told = ::adjtimex(&state);
  if (::time(nullptr) < kEarliest) {
    return {broken("clock", "clock", "it is years behind", "set it: certificates and GitHub's limits depend on it")};
  }
  if (told < 0 || (state.status & STA_UNSYNC) != 0) {
    return {absent("clock", "clock", "plausible; no one here says that it is kept in time")};
  }
  return {good("clock", "clock", "kept in time")};
}

Checks check_repository(const Question& question) {
  if (question.repository.empty()) return {};
  try {
    const auto root = git::find_repository(question.repository);
    const auto head = git::resolve_commit(root, "HEAD");
    Checks checks{good("repository", "repository", root.string() + " at " + head.substr(0, 8))};
    const auto settings = root / ".fanout.yaml";
    const auto text = planning::read_plan_file(settings, {});
    if (const auto* found = std::get_if<std::string>(&text)) {
      std::vector<domain::Diagnostic> faults;
      domain::parse_repository_settings(*found, settings.string(), faults);
      checks.push_back(faults.empty() ? good("repository.settings", "its settings", settings.string())
                                      : broken("repository.settings", "its settings",
                                               settings.string() + ":" + std::to_string(faults[0].place.line) + ": " + faults[0].message,
                                               "correct it"));
    }
    return checks;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) {
      return {absent("repository", "repository", error.what(), "run it in the repository that agents are to work in")};
    }
    return {broken("repository", "repository", error.what(), "agents cannot work here")};
  }
}

Checks check_containment(const process::Containment& containment) {
  const auto title = "ending agents", id = "tree-kill";
  Checks checks;
  switch (containment.kind) {
    case process::TreeKill::scope:
      checks.push_back(good(id, title, "a systemd scope and a control group for each program: nothing can leave it"));
      break;
    case process::TreeKill::cgroup:
      checks.push_back(good(id, title, "a control group for each program, below " + containment.group + ": nothing can leave it (no scopes: " + containment.no_scope + ")"));
      break;
    case process::TreeKill::pid_namespace:
      checks.push_back(good(id, title, "a process namespace for each program: it ends with its supervisor (no scopes: " + containment.no_scope +
                                           "; no control groups: " + containment.no_cgroup + ")"));
      break;
    case process::TreeKill::supervisor:
      checks.push_back(warning(id, title, "the supervisor alone; one that is killed leaves programs behind until the daemon has found them by a mark "
                               "(no scopes: " + containment.no_scope + "; no control groups: " + containment.no_cgroup +
                               "; no process namespaces: " + containment.no_namespace + ")",
                               "a user manager of systemd, or user namespaces (sysctl kernel.unprivileged_userns_clone=1)"));
      break;
  }
  checks.push_back(check_limit("memory", "max_memory", containment.kept.memory,
                               "not kept by the kernel: the supervisor looks ten times a second and ends what has more"));
  checks.push_back(check_limit("pids", "max_processes", containment.kept.processes,
                               "not kept by the kernel: the supervisor looks ten times a second and ends what has more"));
  checks.push_back(check_limit("cpu", "cpu_weight", containment.kept.cpu_weight, "by the nice value of each process, not for all together"));
  return checks;
}

Check check_sandbox(const sandbox::Availability& found) {
  if (found.bwrap.empty()) return warning("sandbox", "sandbox", "only off, with all the user's rights: " + found.why_not, found.remedy);
  return good("sandbox", "sandbox", "workspace and strict work, by " + found.bwrap.string());
}

Checks check_memory(const domain::admission::State& state) {
  const auto& memory = state.memory;
  if (memory.total == 0) return {unknown("memory", "memory", "the kernel does not tell")};
  const auto reserve = domain::admission::reserve_of(state.settings, memory);
  auto text = format_byte_size(memory.available) + " of " + format_byte_size(memory.total) + " available, " + format_byte_size(reserve) + " stay free";
  if (memory.pressure) {
    char percent[16];
    std::snprintf(percent, sizeof percent, "%.1f", *memory.pressure);
    text += std::string("; something waited for it ") + percent + " % of the last ten seconds";
  } else {
    text += "; this kernel does not tell its pressure";
  }
  const bool little = memory.available < reserve + kLittleMemory;
  return {little ? warning("memory", "memory", text, "agents start one at a time until there is more; memory_reserve under [admission] is what stays free")
                 : good("memory", "memory", text)};
}

Checks check_disks(const domain::admission::Settings& settings, const std::vector<domain::admission::Disk>& disks) {
  Checks checks;
  for (const auto& disk : disks) {
    const auto id = "disk." + std::to_string(checks.size() + 1), title = std::string("disk");
    const auto reserve = domain::admission::reserve_of(settings, disk);
    const auto text = format_byte_size(disk.free) + " of " + format_byte_size(disk.total) + " free at " + disk.path + ", " + format_byte_size(reserve) + " stay free";
    const auto fix = "free space there, or lower disk_reserve and disk_reserve_percent under [admission]; until then runs wait";
    if (disk.total == 0) checks.push_back(unknown(id, title, disk.path + " does not tell"));
    else if (disk.free < reserve) checks.push_back(broken(id, title, text, fix));
    else checks.push_back(good(id, title, text));
  }
  return checks;
}

}  // namespace fanout::doctor
