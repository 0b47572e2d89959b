#include "server/shim/process_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "server/shim/folder.hpp"

namespace fanout::shim {

namespace {

constexpr int kSweeps = 64;  // against what forks while it is being stopped

struct Process {
  pid_t pid, parent;
  std::uint64_t start_time;
};

std::string read_file(const std::string& path) {
  std::string text;
  const Handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return text;
  char buffer[4096];
  for (ssize_t size; (size = ::read(file.get(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(size));
  }
  return text;
}

/// "pid (name) state ppid …"; the name may hold anything.
bool parse(const std::string& stat, Process& process) {
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 4 > stat.size()) return false;
  const char state = stat[name_end + 2];
  process.parent = std::atoi(stat.c_str() + name_end + 4);
  auto at = name_end;
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
  if (at == std::string::npos) return false;
  process.start_time = std::strtoull(stat.c_str() + at + 1, nullptr, 10);
  return state != 'Z' && state != 'X';
}

template <class F>
void for_each_pid(F&& f) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  if (!proc) return;
  while (const auto* entry = ::readdir(proc.get())) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid > 0) f(pid);
  }
}

std::vector<Process> below(pid_t ancestor) {
  std::vector<Process> all;
  for_each_pid([&](pid_t pid) {
    Process process{pid, 0, 0};
    if (parse(read_file("/proc/" + std::to_string(pid) + "/stat"), process)) all.push_back(process);
  });
  std::vector<Process> found;
  std::vector<pid_t> parents{ancestor};
  while (!parents.empty()) {
    const auto parent = parents.back();
    parents.pop_back();
    for (const auto& process : all) {
      if (process.parent != parent) continue;
      found.push_back(process);
      parents.push_back(process.pid);
    }
  }
  return found;
}

/// To that very process, not to a later one of its number.
void signal_exactly(const Process& process, int signal) {
  const Handle pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!pidfd.ok() || identity_of(process.pid).start_time != process.start_time) return;
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0);
}

bool environment_has(pid_t pid, const std::string& entry) {
  const auto environment = '\0' + read_file("/proc/" + std::to_string(pid) + "/environ");
  return environment.find('\0' + entry + '\0') != std::string::npos;
}

}  // namespace

std::vector<pid_t> descendants(pid_t ancestor) {
  std::vector<pid_t> pids;
  for (const auto& process : below(ancestor)) pids.push_back(process.pid);
  return pids;
}

void signal_descendants(pid_t ancestor, int signal) {
  for (const auto& process : below(ancestor)) signal_exactly(process, signal);
}

void kill_descendants(pid_t ancestor) {
  std::vector<pid_t> stopped;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    std::size_t fresh = 0;
    for (const auto& process : below(ancestor)) {
      if (std::find(stopped.begin(), stopped.end(), process.pid) != stopped.end()) continue;
      signal_exactly(process, SIGSTOP);
      stopped.push_back(process.pid);
      ++fresh;
    }
    if (fresh == 0) break;
  }
  signal_descendants(ancestor, SIGKILL);
}

std::size_t kill_marked(const std::string& entry) {
  std::vector<pid_t> killed;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    const auto before = killed.size();
    for_each_pid([&](pid_t pid) {
      Process process{pid, 0, 0};
      if (pid == ::getpid() || std::find(killed.begin(), killed.end(), pid) != killed.end()) return;
      if (!environment_has(pid, entry)) return;
      if (!parse(read_file("/proc/" + std::to_string(pid) + "/stat"), process)) return;
      signal_exactly(process, SIGKILL);
      killed.push_back(pid);
    });
    if (killed.size() == before) break;
  }
  return killed.size();
}

}  // namespace fanout::shim
