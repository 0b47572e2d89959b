#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "server/process/process.hpp"

namespace fanout::process {

/// A descriptor that is closed when it goes.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  bool ok() const { return fd_ >= 0; }
  void close() { *this = Descriptor(); }

 private:
  int fd_ = -1;
};

/// A program that runs. Whoever holds it must reap it: until then its pid, which is its process group
/// too, cannot be given to anyone else, and so it may be signalled.
struct Spawned {
  pid_t pid = -1;
  Descriptor pidfd;     ///< Readable once it has ended.
  Descriptor out, err;  ///< Read ends; `err` is not ok when both streams are one.
};

/// Starts `command` by posix_spawn: own session, default signals, no descriptor of ours but 0 to 2.
/// Error as run().
Spawned spawn(const Command& command);

/// Appends to a log, made with mode 0600. BLOCKS.
class LogFile {
 public:
  explicit LogFile(const std::filesystem::path& file);
  /// Error{system}: no space left, or what else the system says.
  void append(const char* data, std::size_t size);

 private:
  std::string name_;
  Descriptor fd_;
};

}  // namespace fanout::process
