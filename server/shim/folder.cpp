#include "server/shim/folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace fanout::shim {

namespace {

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

void write_all(int fd, const std::string& text, const char* name) {
  for (std::size_t done = 0; done < text.size();) {
    const auto written = ::write(fd, text.data() + done, text.size() - done);
    if (written < 0 && errno != EINTR) fail(std::string("cannot write ") + name);
    if (written > 0) done += static_cast<std::size_t>(written);
  }
}

}  // namespace

Handle::~Handle() {
  if (fd_ >= 0) ::close(fd_);
}

Folder::Folder(const std::string& path) : folder_(::open(path.c_str(), O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
  if (!folder_.ok()) fail("cannot open the folder " + path);
}

bool Folder::lock() {
  Handle file(::openat(get(), kLockFile, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.ok()) fail("cannot open the lock");
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    fail("cannot lock");
  }
  lock_ = std::move(file);
  return true;
}

bool Folder::has(const char* name) const {
  struct stat ignored;
  return ::fstatat(get(), name, &ignored, AT_SYMLINK_NOFOLLOW) == 0;
}

std::optional<std::string> Folder::read(const char* name) const {
  const Handle file(::openat(get(), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.ok()) {
    if (errno == ENOENT) return {};
    fail(std::string("cannot read ") + name);
  }
  std::string text(4096, '\0');
  const auto size = ::read(file.get(), text.data(), text.size());
  if (size < 0) fail(std::string("cannot read ") + name);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

void Folder::write(const char* name, const std::string& text) const {
  const std::string draft = std::string(name) + ".new";
  {
    const Handle file(::openat(get(), draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.ok()) fail("cannot write " + draft);
    write_all(file.get(), text, name);
    if (::fsync(file.get()) != 0) fail("cannot write " + draft);
  }
  if (::renameat(get(), draft.c_str(), get(), name) != 0) fail(std::string("cannot write ") + name);
  if (::fsync(get()) != 0) fail(std::string("cannot write ") + name);
}

Handle Folder::open_log(const std::string& name) const {
  Handle file(::openat(get(), name.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.ok()) fail("cannot write " + name);
  return file;
}

Standing inspect(const std::string& path) {
  struct stat there;
  if (::lstat(path.c_str(), &there) != 0 && errno == ENOENT) return {};
  Folder folder(path);
  Standing standing;
  const auto look = [&] {
    if (const auto text = folder.read(kEndFile)) standing.end = parse_end(*text);
    if (const auto text = folder.read(kBirthFile)) standing.birth = parse_birth(*text);
  };
  look();
  if (!standing.end && !folder.lock()) {
    standing.kind = Standing::running;
    return standing;
  }
  look();  // it may have ended between the first look and the lock
  if (standing.end) {
    standing.kind = Standing::ended;
  } else if (standing.birth || folder.has(kEndFile) || folder.has(kBirthFile)) {
    standing.kind = Standing::lost;  // a record that cannot be read is no success either
  }
  return standing;
}

}  // namespace fanout::shim
