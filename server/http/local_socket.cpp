#include "server/http/local_socket.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "common/error.hpp"
#include "server/local_socket.hpp"

namespace fanout::http {

int listen_at(const std::filesystem::path& path) {
  const int folder = ::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int listener = folder < 0 ? -1 : local_socket::listen_in(folder, path.filename().c_str());
  const int reason = errno;
  if (folder >= 0) ::close(folder);
  if (listener < 0) throw Error(ErrorKind::system, "cannot listen on " + path.string() + ": " + errno_text(reason));
  return listener;
}

}  // namespace fanout::http
