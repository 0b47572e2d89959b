#include "server/git/folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>

#include "common/error.hpp"

namespace fanout::git {

namespace {

constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/// Calls `step` with each part of `relative` until it says no.
template <typename Step>
bool for_each_part(std::string_view relative, Step step) {
  while (!relative.empty()) {
    const std::size_t end = std::min(relative.find('/'), relative.size());
    if (end > 0 && !step(std::string(relative.substr(0, end)))) return false;
    relative.remove_prefix(std::min(end + 1, relative.size()));
  }
  return true;
}

Fd enter(int folder, const std::string& name) {
  if (name == ".." || name == ".") {
    errno = EINVAL;
    return Fd();
  }
  Fd fd(::openat(folder, name.c_str(), kFolder));
  if (!fd) refuse_exhaustion();
  return fd;
}

Fd reopen(int folder) {
  Fd fd(::openat(folder, ".", kFolder));
  if (!fd) refuse_exhaustion();
  return fd;
}

[[noreturn]] void fail_to_make(std::string_view path) {
  throw Error(ErrorKind::system, "cannot make the folder " + std::string(path) + ": " + errno_text(errno));
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

void refuse_exhaustion() {
  const int code = errno;
  if (code != EMFILE && code != ENFILE && code != ENOMEM) return;
  throw Error(ErrorKind::unavailable, "cannot read a folder for now: " + errno_text(code));
}

std::optional<Folder> Folder::open(const fs::path& path) {
  Fd fd(::open(path.c_str(), kFolder));
  if (!fd) refuse_exhaustion();
  if (!fd) return std::nullopt;
  return Folder(std::move(fd));
}

std::optional<Folder> Folder::below(std::string_view relative) const {
  Fd here = reopen(fd_.get());
  const bool found = here && for_each_part(relative, [&](const std::string& name) {
                       here = enter(here.get(), name);
                       return static_cast<bool>(here);
                     });
  if (!found) return std::nullopt;
  return Folder(std::move(here));
}

Folder Folder::make_below(std::string_view relative) const {
  Fd here = reopen(fd_.get());
  const bool made = here && for_each_part(relative, [&](const std::string& name) {
                      if (::mkdirat(here.get(), name.c_str(), 0777) != 0 && errno != EEXIST) return false;
                      here = enter(here.get(), name);
                      return static_cast<bool>(here);
                    });
  if (!made) fail_to_make(relative);
  return Folder(std::move(here));
}

std::vector<std::string> Folder::names() const {
  std::vector<std::string> names;
  Fd copy = reopen(fd_.get());
  if (!copy) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(copy.get()), ::closedir);
  if (!listing) return names;
  copy.release();
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<struct stat> Folder::look(const std::string& name) const {
  struct stat status = {};
  if (::fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return status;
}

std::optional<std::string> Folder::link_target(const std::string& name) const {
  std::array<char, PATH_MAX + 1> buffer;
  const ssize_t length = ::readlinkat(fd_.get(), name.c_str(), buffer.data(), buffer.size());
  if (length < 0) return std::nullopt;
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

Fd Folder::open_file(const std::string& name) const {
  // Looked at first, since to open a device can have an effect; and again, since it may be another by then.
  const auto before = look(name);
  if (!before || !S_ISREG(before->st_mode)) return Fd();
  Fd fd(::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) refuse_exhaustion();
  struct stat status = {};
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return Fd();
  return fd;
}

std::optional<std::string> read_up_to(int fd, std::size_t most) {
  std::string content;
  struct stat status = {};
  if (::fstat(fd, &status) == 0 && status.st_size > 0) {
    content.reserve(std::min(most, static_cast<std::size_t>(status.st_size)) + 1);
  }
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(count));
    if (content.size() > most) return std::nullopt;
  }
}

std::optional<std::string> read_regular(const Folder& folder, const std::string& name, std::size_t most) {
  const Fd file = folder.open_file(name);
  if (!file) return std::nullopt;
  return read_up_to(file.get(), most);
}

std::optional<std::string> read_regular(const fs::path& path, std::size_t most) {
  const auto folder = Folder::open(path.parent_path());
  if (!folder) return std::nullopt;
  return read_regular(*folder, path.filename().string(), most);
}

std::pair<std::string, std::string> split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace fanout::git
