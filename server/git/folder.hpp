#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Folders that somebody else writes to at this moment. Everything here goes from an open folder to what lies
/// in it and follows no symbolic link, so that nothing outside of it is ever read, written or removed; and
/// only regular files are opened, so that nothing waits for the other end of a FIFO. Private to server/git.
namespace fanout::git {

namespace fs = std::filesystem;

/// Owns one file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Throws when errno says that descriptors or memory have run out: that a file cannot be opened for now says
/// nothing about the file. Error unavailable.
void refuse_exhaustion();

class Folder {
 public:
  /// Empty, with errno, when there is no folder or it cannot be read. The last part of `path` must be no
  /// link.
  static std::optional<Folder> open(const fs::path& path);

  /// The folder at a relative path below this one; "" is this one again. Empty as with open.
  std::optional<Folder> below(std::string_view relative) const;

  /// The same, where what is missing is made. Error system: something else is in the way.
  Folder make_below(std::string_view relative) const;

  /// Sorted, without "." and "..". What cannot be listed counts as empty.
  std::vector<std::string> names() const;

  /// As lstat; empty when there is nothing.
  std::optional<struct stat> look(const std::string& name) const;

  /// The text of a symbolic link; empty when it is none.
  std::optional<std::string> link_target(const std::string& name) const;

  /// A regular file, open for reading. Not open, when it is something else or cannot be read.
  Fd open_file(const std::string& name) const;

  int fd() const { return fd_.get(); }

 private:
  explicit Folder(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

/// What is left to read in `fd`. Empty when that is more than `most` bytes, or cannot be read.
std::optional<std::string> read_up_to(int fd, std::size_t most);

/// The content of a regular file. Empty when it is none, is longer than `most` bytes, or cannot be read.
std::optional<std::string> read_regular(const Folder& folder, const std::string& name, std::size_t most);
std::optional<std::string> read_regular(const fs::path& path, std::size_t most);

/// "a/b" and "c" for "a/b/c"; "" and "c" for "c".
std::pair<std::string, std::string> split(const std::string& path);

}  // namespace fanout::git
