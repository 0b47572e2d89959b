#include "server/environment/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string_view>

#include "common/error.hpp"
#include "common/whole_file.hpp"

namespace fanout::environment {

namespace {

constexpr std::size_t kLargestText = 4 << 20;
constexpr std::size_t kCopiedAtOnce = 1 << 20;
// A FIFO or a device is opened without waiting for anyone, and then refused by its kind.
constexpr int kReadOnly = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

[[noreturn]] void fail(const std::string& doing) {
  throw Error(ErrorKind::system, "cannot " + doing + ": " + errno_text(errno));
}

ssize_t read_some(int fd, char* data, std::size_t size) {
  ssize_t got = 0;
  do {
    got = ::read(fd, data, size);
  } while (got < 0 && errno == EINTR);
  return got;
}

bool copy_by_hand(int from, int to) {
  std::array<char, 64 << 10> buffer;
  for (;;) {
    const auto got = read_some(from, buffer.data(), buffer.size());
    if (got <= 0) return got == 0;
    if (!write_all(to, {buffer.data(), static_cast<std::size_t>(got)})) return false;
  }
}

bool copy_bytes(int from, int to) {
  ssize_t copied = 0;
  do {
    copied = ::copy_file_range(from, nullptr, to, nullptr, kCopiedAtOnce, 0);
  } while (copied > 0 || (copied < 0 && errno == EINTR));
  const bool unsupported = copied < 0 && errno != ENOSPC && errno != EDQUOT && errno != EIO;
  // Some file systems make their content only when it is read, and tell the kernel "nothing" before.
  return unsupported || copied == 0 ? copy_by_hand(from, to) : false;
}

}  // namespace

std::optional<CopyMethod> copy_content(int from, int to) {
  if (::ioctl(to, FICLONE, from) == 0) return CopyMethod::reflink;
  return copy_bytes(from, to) ? std::optional(CopyMethod::copy) : std::nullopt;
}

Descriptor open_folder(const std::filesystem::path& path) {
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.ok()) return folder;
  const auto kind = errno == ENOENT || errno == ENOTDIR ? ErrorKind::not_found : ErrorKind::system;
  throw Error(kind, "cannot open the folder " + path.string() + ": " + errno_text(errno));
}

Descriptor open_folder_in(int parent, const std::string& name) {
  return Descriptor(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

std::vector<std::string> names_in(int folder, const std::string& shown_as) {
  const int own = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(own < 0 ? nullptr : ::fdopendir(own), &::closedir);
  if (!stream) {
    if (own >= 0) ::close(own);
    fail("read the folder " + shown_as);
  }
  std::vector<std::string> names;
  errno = 0;
  while (const auto* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) fail("read the folder " + shown_as);
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<struct stat> status_of(int folder, const std::string& name) {
  struct stat status {};
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return status;
}

std::optional<std::string> read_text(const std::filesystem::path& file) {
  const Descriptor fd(::open(file.c_str(), kReadOnly));
  struct stat status {};
  if (!fd.ok() || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  std::string text;
  std::array<char, 16 << 10> buffer;
  for (;;) {
    const auto got = read_some(fd.get(), buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got < 0 || text.size() + static_cast<std::size_t>(got) > kLargestText) return std::nullopt;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

bool copy_new_file(int from, int to, const std::string& name, const std::string& shown_as) {
  const Descriptor source(::openat(from, name.c_str(), kReadOnly | O_NOFOLLOW));
  if (!source.ok() && (errno == ENOENT || errno == ELOOP)) return false;
  struct stat status {};
  if (!source.ok() || ::fstat(source.get(), &status) != 0) fail("read " + shown_as);
  if (!S_ISREG(status.st_mode)) return false;

  // Closed to others until it has the permissions of the original: it may hold a secret.
  const Descriptor target(
      ::openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target.ok() && errno == EEXIST) return false;
  if (!target.ok()) fail("make " + shown_as + " in the worktree");
  if (copy_content(source.get(), target.get()) && ::fchmod(target.get(), status.st_mode & 0777) == 0)
    return true;
  const int reason = errno;
  ::unlinkat(to, name.c_str(), 0);
  errno = reason;
  fail("copy " + shown_as + " to the worktree");
}

}  // namespace fanout::environment
