#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "server/git/file_map.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

/// An index that somebody else writes, read once and never touched: which paths git follows in a checkout,
/// and what they held when their size and times were as noted there. What it says is checked before use: an
/// agent may have written anything into it. Private to server/git.
class StatCache {
 public:
  /// The index at `file`; when there is none that can be read, the files of `instead` without their times.
  static StatCache read(const fs::path& file, const FileMap& instead = {});

  /// What the index has for the path, a conflict's side too; null when git does not follow it.
  const git_index_entry* find(const std::string& path) const;

  /// Whether git follows anything in this folder.
  bool has_below(const std::string& folder) const;

  /// Whether size and times of the file are those that `entry` says.
  bool looks_same(const git_index_entry& entry, const struct stat& file) const;

  /// Whether the file still is what `entry` says, as far as size and times can tell.
  bool is_unchanged(const git_index_entry& entry, const struct stat& file) const;

  /// The paths in conflict, sorted, each once.
  std::vector<std::string> conflicts() const;

  /// For each entry that is no conflict.
  template <typename Call>
  void for_each(Call call) const {
    for (std::size_t i = 0; i < git_index_entrycount(index_.get()); ++i) {
      const git_index_entry* entry = git_index_get_byindex(index_.get(), i);
      if (git_index_entry_stage(entry) == 0) call(*entry);
    }
  }

 private:
  bool load(const fs::path& file);

  Index index_;
  struct timespec written_ = {};
};

}  // namespace fanout::git
