#include "server/local_socket.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace fanout::local_socket {

namespace {

bool listens(int socket, int folder, const char* name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto length = std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, name);
  if (static_cast<std::size_t>(length) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  ::unlinkat(folder, name, 0);
  // Closed to others before anybody can connect; a umask would be that of all threads.
  return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
         ::fchmodat(folder, name, S_IRUSR | S_IWUSR, 0) == 0 && ::listen(socket, SOMAXCONN) == 0;
}

}  // namespace

int listen_in(int folder, const char* name) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0 || listens(socket, folder, name)) return socket;
  const int reason = errno;
  ::close(socket);
  errno = reason;
  return -1;
}

std::optional<ucred> peer_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer;
}

bool is_of_this_user(int socket) {
  const auto peer = peer_of(socket);
  return peer && peer->uid == ::geteuid();
}

}  // namespace fanout::local_socket
