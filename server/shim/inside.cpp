#include "server/shim/inside.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <system_error>

#include "server/shim/forwarder.hpp"
#include "server/shim/landlock.hpp"

namespace fanout::shim {

namespace {

constexpr int kExitNotRun = 126, kExitNotFound = 127;  // as shells have it
constexpr long kJoinSessionKeyring = 1;                 // see keyctl(2)

/// The keyring of the user's login is handed on to all that is started. In its place comes an empty one of our own.
void leave_keyring() {
  const bool left = ::syscall(SYS_keyctl, kJoinSessionKeyring, nullptr) >= 0;
  const bool there_are_none = errno == ENOSYS || errno == EPERM;  // the kernel has none, or lets nobody at them
  if (!left && !there_are_none) throw std::system_error(errno, std::generic_category(), "keyctl");
}

}  // namespace

int run_inside(const Inside& inside) {
  try {
    leave_keyring();
    if (!inside.forward_to.empty()) Forwarder(inside.forward_to, inside.port).run_aside();
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (inside.landlock) restrict_by_landlock(inside.writable);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fanout-shim: the sandbox cannot be made: %s\n", error.what());
    return kExitNotRun;
  }
  std::vector<char*> argv;
  for (const auto& word : inside.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv.front(), argv.data());
  const int reason = errno;
  std::fprintf(stderr, "fanout-shim: cannot run %s: %s\n", argv.front(), std::strerror(reason));
  return reason == ENOENT ? kExitNotFound : kExitNotRun;
}

}  // namespace fanout::shim
