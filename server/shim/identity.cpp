#include "server/shim/identity.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

#include "server/shim/folder.hpp"

namespace fanout::shim {

std::string read_proc(const std::string& path) {
  std::string text;
  const Handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return text;
  char buffer[4096];
  for (ssize_t size; (size = ::read(file.get(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(size));
  }
  return text;
}

std::string boot_id() {
  auto id = read_proc("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

/// "pid (name) state ppid …": the name may hold anything; the start time is the 22nd field. See proc(5).
std::optional<Process> find_process(pid_t pid) {
  const auto stat = read_proc("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 4 > stat.size()) return {};
  const char state = stat[name_end + 2];
  if (state == 'Z' || state == 'X') return {};
  auto at = name_end;
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
  if (at == std::string::npos) return {};
  return Process{pid, std::atoi(stat.c_str() + name_end + 4), std::strtoull(stat.c_str() + at + 1, nullptr, 10)};
}

Identity identity_of(pid_t pid) {
  const auto process = find_process(pid);
  return {pid, process ? process->start_time : 0, boot_id()};
}

void signal_exactly(pid_t pid, std::uint64_t start_time, int signal) {
  const Handle pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const auto process = find_process(pid);
  if (!pidfd.ok() || !process || process->start_time != start_time) return;
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0);
}

}  // namespace fanout::shim
