#pragma once

#include <filesystem>

namespace fanout {

/// One daemon per state folder and per socket. Held as long as this lives; a crash frees it.
class DaemonLock {
 public:
  /// Error{already_there} with the pid of the holder.
  explicit DaemonLock(const std::filesystem::path& file);
  ~DaemonLock();
  DaemonLock(const DaemonLock&) = delete;
  DaemonLock& operator=(const DaemonLock&) = delete;

 private:
  int fd_;
};

}  // namespace fanout
