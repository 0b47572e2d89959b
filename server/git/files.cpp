#include "server/git/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "common/error.hpp"

namespace fanout::git {

namespace {

[[noreturn]] void fail(const std::string& doing, const fs::path& path) {
  const int code = errno;
  const ErrorKind kind = code == EEXIST ? ErrorKind::already_there : ErrorKind::system;
  throw Error(kind, "cannot " + doing + " " + path.string() + ": " + errno_text(code));
}

class File {
 public:
  File(const fs::path& path, int flags, mode_t mode = 0666)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, mode)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

 private:
  int fd_;
};

void make(const fs::path& path, const std::string& content, Writing how) {
  const auto failed = fanout::write_new(path, content, how);
  if (!failed) return;
  errno = failed.value();
  fail("make", path);
}

}  // namespace

fs::path real_path(const fs::path& path) {
  std::error_code error;
  fs::path result = fs::weakly_canonical(path, error);
  if (error) throw Error(ErrorKind::system, "cannot follow " + path.string() + ": " + error.message());
  return result;
}

std::string read_or_empty(const fs::path& path) {
  File file(path, O_RDONLY);
  if (!file.is_open()) {
    if (errno == ENOENT) return "";
    fail("read", path);
  }
  std::string content;
  std::array<char, 8192> buffer;
  for (;;) {
    const ssize_t count = ::read(file.fd(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("read", path);
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

void write_new(const fs::path& path, const std::string& content) {
  make(path, content, {});
}

void replace_file(const fs::path& path, const std::string& content) {
  const fs::path target = real_path(path);
  struct stat old = {};
  const mode_t mode = ::stat(target.c_str(), &old) == 0 ? old.st_mode & 0777 : 0666;
  const fs::path fresh = target.parent_path() / unique_name(target.filename().string() + ".tmp");
  make(fresh, content, {.mode = mode, .durable = true});
  if (::rename(fresh.c_str(), target.c_str()) == 0) return;
  const int code = errno;
  ::unlink(fresh.c_str());
  errno = code;
  fail("replace", target);
}

bool make_folder(const fs::path& path) {
  if (::mkdir(path.c_str(), 0777) == 0) return true;
  if (errno == EEXIST) return false;
  fail("make the folder", path);
}

std::string unique_name(const std::string& prefix) {
  static std::atomic<unsigned> counter = 0;
  return prefix + "." + std::to_string(::getpid()) + "." + std::to_string(++counter);
}

bool is_of_the_dead(const std::string& name, std::string_view prefix) {
  if (!name.starts_with(std::string(prefix) + ".")) return false;
  const pid_t process = std::atoi(name.c_str() + prefix.size() + 1);
  return process > 0 && process != ::getpid() && ::kill(process, 0) != 0 && errno == ESRCH;
}

}  // namespace fanout::git
