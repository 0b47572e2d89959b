#include "server/shim/usage.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "server/shim/identity.hpp"

namespace fanout::shim {

namespace {

constexpr std::size_t kMostProcesses = 100'000;  // against what forks faster than it is looked at

/// Its threads, and what each of them has started.
std::size_t add_children(pid_t pid, std::vector<pid_t>& found) {
  const auto folder = "/proc/" + std::to_string(pid) + "/task";
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(::opendir(folder.c_str()), &::closedir);
  std::size_t threads = 0;
  while (const auto* entry = tasks ? ::readdir(tasks.get()) : nullptr) {
    if (std::atoi(entry->d_name) <= 0) continue;
    ++threads;
    const auto children = read_proc(folder + "/" + entry->d_name + "/children");
    for (const char* at = children.c_str(); *at != '\0';) {
      char* end = nullptr;
      const auto child = std::strtol(at, &end, 10);
      if (end == at) break;
      found.push_back(static_cast<pid_t>(child));
      for (at = end; *at == ' ';) ++at;
    }
  }
  return threads;
}

}  // namespace

Usage usage_below(pid_t ancestor) {
  Usage usage;
  std::vector<pid_t> left;
  add_children(ancestor, left);
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t most_shared = 0;
  for (std::size_t seen = 0; !left.empty() && seen < kMostProcesses; ++seen) {
    const auto pid = left.back();
    left.pop_back();
    usage.tasks += add_children(pid, left);
    const auto statm = read_proc("/proc/" + std::to_string(pid) + "/statm");  // size resident shared …
    char* at = nullptr;
    std::strtoull(statm.c_str(), &at, 10);
    const std::uint64_t resident = std::strtoull(at, &at, 10) * page;
    const std::uint64_t shared = std::strtoull(at, &at, 10) * page;
    usage.memory += resident - std::min(resident, shared);
    most_shared = std::max(most_shared, std::min(resident, shared));
  }
  usage.memory += most_shared;
  return usage;
}

}  // namespace fanout::shim
