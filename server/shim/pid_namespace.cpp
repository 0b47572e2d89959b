#include "server/shim/pid_namespace.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace fanout::shim {

namespace {

bool write_file(const char* path, const char* text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const auto size = std::strlen(text);
  const bool written = ::write(file, text, size) == static_cast<ssize_t>(size);
  ::close(file);
  return written;
}

/// The same numbers inside as outside.
bool map_ids(uid_t user, gid_t group) {
  char line[64];
  std::snprintf(line, sizeof line, "%u %u 1", user, user);
  if (!write_file("/proc/self/uid_map", line) || !write_file("/proc/self/setgroups", "deny")) return false;
  std::snprintf(line, sizeof line, "%u %u 1", group, group);
  return write_file("/proc/self/gid_map", line);
}

bool make_namespaces() {
  if (::unshare(CLONE_NEWPID) == 0) return true;
  const auto user = ::geteuid();
  const auto group = ::getegid();
  return ::unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0 && map_ids(user, group);
}

/// Whom it adopts is reaped by the kernel. It lives for as long as the other end of `life` is open, which only the
/// caller has; and it holds nothing open that anyone waits to see closed.
[[noreturn]] void be_first(int life) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGCHLD, SIG_IGN);
  if (life > 0) ::dup2(life, 0);
  for (int fd = 1; fd < 256; ++fd) ::close(fd);
  ::prctl(PR_SET_NAME, "fanout-first");
  char nothing;
  while (::read(0, &nothing, 1) < 0 && errno == EINTR) {
  }
  ::_exit(0);
}

}  // namespace

pid_t enter_pid_namespace() {
  int life[2];
  if (!make_namespaces() || ::pipe2(life, O_CLOEXEC) != 0) return -1;
  const pid_t first = ::fork();
  if (first == 0) be_first(life[0]);
  ::close(life[0]);  // the other end is closed by our death, and by nothing else
  return first;
}

bool mount_own_proc() {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0 &&
         ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
}

bool pid_namespace_works() {
  const pid_t first = enter_pid_namespace();
  const pid_t second = first > 0 ? ::fork() : -1;
  if (second == 0) ::_exit(mount_own_proc() ? 0 : 1);
  int status = 1;
  while (second > 0 && ::waitpid(second, &status, 0) < 0 && errno == EINTR) {
  }
  if (first > 0) ::kill(first, SIGKILL);
  return second > 0 && status == 0;
}

}  // namespace fanout::shim
