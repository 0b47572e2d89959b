#include "server/shim/process_tree.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <vector>

namespace fanout::shim {

namespace {

constexpr int kSweeps = 64;  // against what forks while it is being stopped

template <class F>
void for_each_pid(F&& f) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  if (!proc) return;
  while (const auto* entry = ::readdir(proc.get())) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid > 0) f(pid);
  }
}

bool environment_has(pid_t pid, const std::string& entry) {
  const auto environment = '\0' + read_proc("/proc/" + std::to_string(pid) + "/environ");
  return environment.find('\0' + entry + '\0') != std::string::npos;
}

}  // namespace

std::vector<Process> descendants(pid_t ancestor) {
  std::vector<Process> all;
  for_each_pid([&](pid_t pid) {
    if (const auto process = find_process(pid)) all.push_back(*process);
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

void signal_descendants(pid_t ancestor, int signal, pid_t spared) {
  for (const auto& process : descendants(ancestor)) {
    if (process.pid != spared) signal_exactly(process.pid, process.start_time, signal);
  }
}

void stop_descendants(pid_t ancestor) {
  std::vector<pid_t> stopped;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    std::size_t fresh = 0;
    for (const auto& process : descendants(ancestor)) {
      if (std::find(stopped.begin(), stopped.end(), process.pid) != stopped.end()) continue;
      signal_exactly(process.pid, process.start_time, SIGSTOP);
      stopped.push_back(process.pid);
      ++fresh;
    }
    if (fresh == 0) break;
  }
}

void kill_descendants(pid_t ancestor) {
  stop_descendants(ancestor);
  signal_descendants(ancestor, SIGKILL);
}

std::size_t kill_marked(const std::string& entry) {
  std::vector<pid_t> killed;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    const auto before = killed.size();
    for_each_pid([&](pid_t pid) {
      if (pid == ::getpid() || std::find(killed.begin(), killed.end(), pid) != killed.end()) return;
      const auto process = find_process(pid);  // Before its environment: a later one of its number is not meant.
      if (!process || !environment_has(pid, entry)) return;
      signal_exactly(pid, process->start_time, SIGKILL);
      killed.push_back(pid);
    });
    if (killed.size() == before) break;
  }
  return killed.size();
}

}  // namespace fanout::shim
