#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

namespace fanout::git {

/// Holds, for as long as it lives, this process's one lock on what the checkouts of a repository share:
/// the names of branches and worktrees, and info/exclude. `common` is its canonical common git folder.
/// Never held while files are checked out or a network is waited for.
class RegistryLock {
 public:
  explicit RegistryLock(const std::filesystem::path& common);

 private:
  std::shared_ptr<std::mutex> mutex_;
  std::lock_guard<std::mutex> guard_;
};

}  // namespace fanout::git
