#include "server/daemon_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "common/error.hpp"

namespace fanout {

namespace {

std::string holder_of(int fd) {
  char text[32] = {};
  const auto length = pread(fd, text, sizeof text - 1, 0);
  const std::string pid(text, length > 0 ? static_cast<std::size_t>(length) : 0);
  return pid.empty() ? "another fanoutd" : "fanoutd with pid " + pid.substr(0, pid.find('\n'));
}

}  // namespace

DaemonLock::DaemonLock(const std::filesystem::path& file)
    : fd_(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  if (fd_ < 0) throw Error(ErrorKind::system, "cannot open " + file.string() + ": " + errno_text(errno));
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const auto message = holder_of(fd_) + " is running already (it holds " + file.string() + ")";
    close(fd_);
    throw Error(ErrorKind::already_there, message);
  }
  const auto pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd_, 0) != 0 || pwrite(fd_, pid.data(), pid.size(), 0) < 0) {
    const auto message = "cannot write " + file.string() + ": " + errno_text(errno);
    close(fd_);
    throw Error(ErrorKind::system, message);
  }
}

DaemonLock::~DaemonLock() { close(fd_); }

}  // namespace fanout
