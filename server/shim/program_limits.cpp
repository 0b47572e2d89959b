#include "server/shim/program_limits.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace fanout::shim {

namespace {

constexpr std::uint64_t kSlack = 4ull << 30;
// A sanitizer maps terabytes for its own ends: a limit of data would end us, not the program.
#if defined(__SANITIZE_ADDRESS__) || defined(FANOUT_THREAD_SANITIZER)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
constexpr std::uint64_t kMoreTasks = 64;  // the supervisor and the first process of the namespace among them

void lower(__rlimit_resource what, std::uint64_t most) {
  rlimit limit{};
  if (::getrlimit(what, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, most);
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, most);
  ::setrlimit(what, &limit);
}

}  // namespace

int nice_for(unsigned cpu_weight) {
  // The scheduler gives a fifth less for each step.
  const auto steps = std::log(100.0 / std::max(1u, cpu_weight)) / std::log(1.25);
  return std::clamp(static_cast<int>(std::lround(steps)), -20, 19);
}

void set_program_limits(const Limits& limits, const Kept& kept, bool own_namespace) {
  if (limits.memory > 0 && !kept.memory && !kSanitized) {
    lower(RLIMIT_DATA, std::max(limits.memory * 4, limits.memory + kSlack));
  }
  const bool counted = own_namespace && ::geteuid() != 0;
  if (limits.processes > 0 && !kept.processes && counted) lower(RLIMIT_NPROC, limits.processes + kMoreTasks);
  if (limits.cpu_weight > 0 && !kept.cpu_weight) ::setpriority(PRIO_PROCESS, 0, nice_for(limits.cpu_weight));
}

}  // namespace fanout::shim
