#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/environment/copy_tree.hpp"

namespace fanout::environment {

/// One folder that went into the cache or came from it.
struct CachedFolder {
  std::string path;  ///< Relative to the worktree.
  Copied copied;
};

struct CacheLimits {
  std::uint64_t bytes = 10ull << 30;
  std::chrono::hours age{14 * 24};  ///< Since it was last used.
};

/// What setup commands made, by the fingerprint of what they were made from (see fingerprint.hpp), so that the next
/// worktree gets it without running them. It lies in the repository's own git folder: on the same file system as the
/// worktrees, where blocks can be shared, and gone with the repository.
///
/// An entry appears whole or not at all, and is never changed. Several daemons may use the same folder: who loses an
/// entry while copying from it has a miss. All calls BLOCK. Thread-safe.
class EnvironmentCache {
 public:
  explicit EnvironmentCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Brings these folders into the worktree. Nothing where there is no such entry with all of them, one of them is there
  /// already, or it could not be copied: then the worktree is as it was, and `why` says so unless it is a plain miss.
  std::optional<std::vector<CachedFolder>> restore(const std::string& fingerprint, const std::filesystem::path& worktree,
                                                   const std::vector<std::string>& folders, std::string& why,
                                                   const std::stop_token& stop = {});

  /// Keeps these folders of a worktree; those that are not there are left out. Nothing where there is such an entry, or
  /// someone is just making it; or where they cannot be kept, and `why` says so.
  std::optional<std::vector<CachedFolder>> store(const std::string& fingerprint, const std::filesystem::path& worktree,
                                                 const std::vector<std::string>& folders, std::string& why,
                                                 const std::stop_token& stop = {});

  bool has(const std::string& fingerprint, const std::vector<std::string>& folders) const;

  /// Removes what was not used for long, and then what was used longest ago until all fits. Returns how many went.
  std::size_t evict(const CacheLimits& limits);

 private:
  class InUse;
  class Storing;
  struct Entry {
    std::filesystem::path path;
    std::filesystem::file_time_type used;
    std::uint64_t bytes;
    bool whole;  ///< Else it is a draft, or on its way out.
  };
  /// An entry's name: who wants other folders wants another entry.
  static std::string key(const std::string& fingerprint, const std::vector<std::string>& folders);
  std::vector<Entry> entries() const;  ///< Used longest ago first.
  bool remove_entry(const std::filesystem::path& path);
  std::filesystem::path draft_of(const std::string& name);

  const std::filesystem::path folder_;
  mutable std::mutex mutex_;
  std::multiset<std::string> in_use_;  ///< Not to be evicted just now.
  std::set<std::string> storing_;
  std::atomic<unsigned> drafts_ = 0;
};

/// The caches of all repositories. Thread-safe.
class Environments {
 public:
  /// BLOCKS. Error{system}: no repository. The cache lives as long as this.
  EnvironmentCache& of(const std::filesystem::path& repository);

 private:
  std::mutex mutex_;
  std::map<std::filesystem::path, std::unique_ptr<EnvironmentCache>> caches_;
};

}  // namespace fanout::environment
