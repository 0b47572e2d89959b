#pragma once

#include <optional>
#include <string>
#include <utility>

#include "server/shim/record.hpp"

namespace fanout::shim {

/// A file descriptor that is closed when it goes.
class Handle {
 public:
  Handle() = default;
  explicit Handle(int fd) : fd_(fd) {}
  Handle(Handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Handle();
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void close() { Handle gone(std::move(*this)); }

 private:
  int fd_ = -1;
};

/// The folder of one program: the authority on whether it runs, has ended, or was lost. All calls BLOCK.
/// Failures are std::system_error.
class Folder {
 public:
  /// Opens a folder that is there, and no link to one.
  explicit Folder(const std::string& path);

  /// False: somebody holds it. Held until this goes.
  bool lock();
  bool has(const char* name) const;
  /// Empty when there is no such file.
  std::optional<std::string> read(const char* name) const;
  /// Atomic and durable: afterwards the whole text is there, whatever dies; before, nothing.
  void write(const char* name, const std::string& text) const;
  /// For appending; made with mode 0600.
  Handle open_log(const std::string& name) const;
  int get() const { return folder_.get(); }

 private:
  Handle folder_, lock_;
};

/// How a program's folder stands.
struct Standing {
  enum Kind {
    fresh,    ///< Nothing was started here, and nothing is being started.
    running,  ///< Its supervisor lives.
    ended,    ///< `end` says how.
    lost,     ///< Its supervisor died without a word: how the program ended, nobody knows.
  };
  Kind kind = fresh;
  std::optional<Birth> birth;
  std::optional<End> end;
};
/// BLOCKS. A folder that is not there is fresh.
Standing inspect(const std::string& path);

}  // namespace fanout::shim
