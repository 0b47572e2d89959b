#include "server/editing/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/error.hpp"
#include "common/text.hpp"

namespace fanout::editing {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail_to_write(const fs::path& file, int code) {
  throw Error(ErrorKind::system, "cannot write " + printable(file.string()) + ": " + errno_text(code));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(fd) == 0;
}

/// 0, or the errno of what failed. Closes the descriptor.
int write_and_close(int fd, std::string_view text) {
  const int failed = write_all(fd, text) ? 0 : errno;
  const int closed = ::close(fd) == 0 ? 0 : errno;
  return failed != 0 ? failed : closed;
}

}  // namespace

void create_file(const fs::path& file, const std::string& text) {
  std::error_code failed;
  fs::create_directories(file.parent_path(), failed);
  if (failed) fail_to_write(file, failed.value());
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST)
    throw Error(ErrorKind::already_there, printable(file.string()) + " is there already, and stays as it is");
  if (fd < 0) fail_to_write(file, errno);
  if (const int code = write_and_close(fd, text); code != 0) {
    ::unlink(file.c_str());
    fail_to_write(file, code);
  }
}

void replace_file(const fs::path& named, const std::string& text) {
  std::error_code unresolved;
  const auto target = fs::canonical(named, unresolved);
  const auto& file = unresolved ? named : target;
  struct stat old {};
  if (::stat(file.c_str(), &old) != 0) fail_to_write(file, errno);
  std::string beside = file.string() + ".XXXXXX";
  const int fd = ::mkostemp(beside.data(), O_CLOEXEC);
  if (fd < 0) fail_to_write(file, errno);
  int code = ::fchmod(fd, old.st_mode & 07777) == 0 ? 0 : errno;
  if (const int written = write_and_close(fd, text); code == 0) code = written;
  if (code == 0 && ::rename(beside.c_str(), file.c_str()) != 0) code = errno;
  if (code == 0) return;
  ::unlink(beside.c_str());
  fail_to_write(file, code);
}

bool is_there(const fs::path& file) {
  std::error_code ignored;
  return fs::symlink_status(file, ignored).type() != fs::file_type::not_found;
}

void require_inside(const fs::path& folder, const fs::path& root) {
  const auto relative = fs::weakly_canonical(folder).lexically_relative(fs::weakly_canonical(root));
  if (!relative.empty() && *relative.begin() != "..") return;
  throw Error(ErrorKind::precondition, printable(folder.string()) + " leads out of " + printable(root.string()) +
                                           " by a link: nothing was written");
}

}  // namespace fanout::editing
