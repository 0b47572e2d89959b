#include "server/process/containment.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <sstream>
#include <string_view>

#include "common/error.hpp"
#include "common/process_end.hpp"
#include "server/process/scope.hpp"
#include "server/shim/identity.hpp"

namespace fanout::process {

namespace fs = std::filesystem;

namespace {

constexpr const char* kOwnLeaf = "/fanoutd";  // processes and limited groups must not be side by side
constexpr std::chrono::seconds kPatience{2};

/// Where version 2 is mounted; empty: nowhere.
std::string mounted_at() {
  std::istringstream lines(shim::read_proc("/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);) {
    const auto type = line.find(" - cgroup2 ");
    if (type == std::string::npos) continue;
    std::istringstream fields(line);
    std::string id, parent, device, root, place;
    fields >> id >> parent >> device >> root >> place;
    return place;
  }
  return {};
}

bool has_attribute(const std::string& path, const char* name) {
  char value[2] = {};
  return ::getxattr(path.c_str(), name, value, sizeof value) == 1 && value[0] == '1';
}

/// Root may write anywhere, and on a machine of systemd's that does not make it ours.
bool is_ours(const std::string& path, bool is_top) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || ::access(path.c_str(), W_OK) != 0) return false;
  if (::geteuid() != 0) return status.st_uid == ::geteuid();
  return is_top || has_attribute(path, "trusted.delegate") || has_attribute(path, "user.delegate");
}

/// A group can be made, moved into and killed. `procs` of a top group may stay where they are.
std::string try_group(const std::string& group) {
  const auto path = group + "/fanout-probe-" + std::to_string(::getpid());
  shim::Cgroup probe(path);
  if (!probe.ok()) return "no group can be made in " + group + " (" + errno_text(errno) + ")";
  if (!shim::kill_cgroup(path)) return "the kernel has no cgroup.kill";
  return {};
}

/// So that groups below it may have limits.
void leave_alone(const std::string& group, bool is_top) {
  if (!is_top) {
    ::mkdir((group + kOwnLeaf).c_str(), 0755);
    shim::write_cgroup(group + kOwnLeaf, "cgroup.procs", "0");
  }
  shim::enable_controllers(group);
}

void take_cgroup(Containment& found, std::string root) {
  if (root.empty()) root = mounted_at();
  if (root.empty()) {
    found.no_cgroup = "no control groups of version 2 are mounted";
    return;
  }
  auto own = shim::own_cgroup(shim::read_proc("/proc/self/cgroup"));
  if (own.ends_with(kOwnLeaf)) own.resize(own.size() - std::string(kOwnLeaf).size());  // an earlier daemon's doing
  const bool is_top = own.empty() || own == "/";
  const auto group = is_top ? root : root + own;
  if (!is_ours(group, is_top)) {
    found.no_cgroup = "the control group " + group + " is not delegated to us";
    return;
  }
  found.no_cgroup = try_group(group);
  if (!found.no_cgroup.empty()) return;
  leave_alone(group, is_top);
  found.kind = TreeKill::cgroup;
  found.group = group;
  found.kept = limits_kept_in(group);
}

bool namespace_works(const fs::path& shim) {
  std::string program = shim.string(), probe = "--probe", what = "pid-namespace";
  char* argv[] = {program.data(), probe.data(), what.data(), nullptr};
  char* environment[] = {nullptr};
  pid_t pid = -1;
  if (posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv, environment) != 0) return false;
  const bool ended = child_ends_within(pid, kPatience);
  if (!ended) ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void take_namespace(Containment& found, const fs::path& shim) {
  if (!namespace_works(shim)) {
    found.no_namespace = "the kernel lets this user make no process namespace";
  } else {
    found.kind = TreeKill::pid_namespace;
  }
}

/// Until nobody lives in the group or below it: the kernel says when its cgroup.events change.
void wait_until_empty(const std::string& group) {
  const shim::Handle events(::open((group + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (events.ok()) {
    std::array<char, 256> text;
    const auto size = ::pread(events.get(), text.data(), text.size(), 0);
    const bool populated = size > 0 && std::string_view(text.data(), static_cast<std::size_t>(size)).find("populated 1") != std::string_view::npos;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (!populated || left <= 0) return;
    pollfd changed{events.get(), POLLPRI, 0};
    ::poll(&changed, 1, static_cast<int>(left));
  }
}

}  // namespace

const char* to_string(TreeKill kind) {
  switch (kind) {
    case TreeKill::scope: return "systemd scope";
    case TreeKill::cgroup: return "control group";
    case TreeKill::pid_namespace: return "process namespace";
    case TreeKill::supervisor: return "supervisor";
  }
  return "";
}

Containment find_containment(const fs::path& shim, Allowed allowed, std::string root) {
  Containment found;
  if (allowed.scope) {
    found.no_scope = try_scope(found.kept);
    if (found.no_scope.empty()) found.kind = TreeKill::scope;
  } else {
    found.no_scope = "it was not asked for";
  }
  if (found.kind != TreeKill::supervisor) return found;
  if (allowed.cgroup) take_cgroup(found, std::move(root));
  else found.no_cgroup = "it was not asked for";
  if (found.kind != TreeKill::supervisor) return found;
  if (allowed.pid_namespace) take_namespace(found, shim);
  else found.no_namespace = "it was not asked for";
  return found;
}

shim::Kept limits_kept_in(const std::string& group) {
  const shim::Cgroup probe(group + "/fanout-limits-" + std::to_string(::getpid()));
  return probe.limit({std::uint64_t{1} << 40, 1'000'000, 100});
}

void end_group(const std::string& group) {
  if (group.empty()) return;
  shim::kill_cgroup(group);
  wait_until_empty(group);
  shim::remove_cgroup(group);
}

}  // namespace fanout::process
