#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "server/git/folder.hpp"

namespace fanout::git {

/// A lock of git's own kind: whoever makes <path>.lock may write <path>. One that a killed process of ours
/// left is recognised, by its content and since nobody holds it, and taken over. Private to server/git.
class LockFile {
 public:
  /// Waits for others up to `patience`. `common` is a folder on the same file system. Error unavailable.
  LockFile(const fs::path& common, const fs::path& path, std::chrono::milliseconds patience);
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile();

  /// Puts `content` in the place of the file, whole and durable.
  void replace(const std::string& content) const;

 private:
  bool make();
  bool take_over();

  fs::path common_, path_, lock_;
  Fd held_;
};

}  // namespace fanout::git
