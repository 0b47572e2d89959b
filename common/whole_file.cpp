#include "common/whole_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "common/error.hpp"

namespace fanout {

namespace fs = std::filesystem;

namespace {

std::error_code last_error() { return {errno, std::generic_category()}; }

/// Closes the descriptor of `file`, which is new, and takes it away again where it did not become whole.
std::error_code fill(int fd, const fs::path& file, std::string_view text, bool durable) {
  std::error_code failed;
  if (!write_all(fd, text) || (durable && ::fsync(fd) != 0)) failed = last_error();
  if (::close(fd) != 0 && !failed) failed = last_error();
  if (failed) ::unlink(file.c_str());
  return failed;
}

std::error_code move_to(const fs::path& draft, const fs::path& file) {
  if (::rename(draft.c_str(), file.c_str()) == 0) return {};
  const auto failed = last_error();
  ::unlink(draft.c_str());
  return failed;
}

}  // namespace

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::error_code write_new(const fs::path& file, std::string_view text, Writing how) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, how.mode);
  return fd < 0 ? last_error() : fill(fd, file, text, how.durable);
}

void write_whole(const fs::path& file, std::string_view text, Writing how) {
  const fs::path draft = file.string() + ".new";
  ::unlink(draft.c_str());  // of one who died before it was whole
  auto failed = write_new(draft, text, how);
  if (!failed) failed = move_to(draft, file);
  if (failed) throw Error(ErrorKind::system, "cannot write " + file.string() + ": " + errno_text(failed.value()));
}

std::error_code replace_file(const fs::path& named, std::string_view text) {
  std::error_code unresolved;
  const auto target = fs::canonical(named, unresolved);
  const auto& file = unresolved ? named : target;
  struct stat old {};
  if (::stat(file.c_str(), &old) != 0) return last_error();
  std::string draft = file.string() + ".XXXXXX";
  const int fd = ::mkostemp(draft.data(), O_CLOEXEC);
  if (fd < 0) return last_error();
  std::error_code failed;
  if (::fchmod(fd, old.st_mode & 07777) != 0) failed = last_error();
  const auto unwritten = fill(fd, draft, text, true);
  if (!failed) failed = unwritten;
  if (!failed) return move_to(draft, file);
  ::unlink(draft.c_str());
  return failed;
}

}  // namespace fanout
