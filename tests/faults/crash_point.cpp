// What crash_point() does in the daemon of the fault tests, instead of common/crash_point.cpp.
#include "common/crash_point.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>

namespace fanout {

void crash_point(const char* name) {
  static std::mutex guard;
  static std::map<std::string, int> passed;
  const char* at = std::getenv("FANOUT_CRASH_AT");
  const char* list = std::getenv("FANOUT_CRASH_LIST");
  if (!at && !list) return;
  const std::lock_guard lock(guard);
  const auto here = name + ("#" + std::to_string(++passed[name]));
  if (list) {
    const int fd = open(list, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    const auto line = here + "\n";
    [[maybe_unused]] const auto written = write(fd, line.data(), line.size());
    close(fd);
  }
  if (at && here == at) kill(getpid(), SIGKILL);
}

}  // namespace fanout
