#include "common/process_end.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace fanout {

int watch_process(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

bool readable_within(int descriptor, std::chrono::milliseconds limit) {
  if (descriptor < 0) return false;
  const auto until = std::chrono::steady_clock::now() + limit;
  for (auto left = limit;; left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now())) {
    pollfd watched{descriptor, POLLIN, 0};
    const int ready = ::poll(&watched, 1, static_cast<int>(std::max<long long>(0, left.count())));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

bool child_ends_within(pid_t child, std::chrono::milliseconds limit) {
  const int process = watch_process(child);
  const bool ended = readable_within(process, limit);
  if (process >= 0) ::close(process);
  return ended;
}

}  // namespace fanout
