#include "server/http/local_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "common/error.hpp"

namespace fanout::http {

namespace {

constexpr int kBacklog = 128;

/// Closed when it goes.
struct Descriptor {
  int number = -1;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

}  // namespace

int listen_at(const std::filesystem::path& path) {
  const Descriptor folder{::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  Descriptor listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const auto name = path.filename().string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto length = std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder.number, name.c_str());
  bool works = folder.number >= 0 && listener.number >= 0 && static_cast<std::size_t>(length) < sizeof address.sun_path;
  if (works) ::unlinkat(folder.number, name.c_str(), 0);
  works = works && ::bind(listener.number, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  // Before anybody can connect; a umask would be that of all threads.
  works = works && ::fchmodat(folder.number, name.c_str(), S_IRUSR | S_IWUSR, 0) == 0 && ::listen(listener.number, kBacklog) == 0;
  if (!works) throw Error(ErrorKind::system, "cannot listen on " + path.string() + ": " + errno_text(errno));
  return std::exchange(listener.number, -1);
}

bool is_of_this_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

}  // namespace fanout::http
