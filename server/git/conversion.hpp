#pragma once

#include <string>

#include "server/git/handle.hpp"

namespace fanout::git {

/// Line ends and $Id$, as .gitattributes wants them: the conversions that git has built in. Filters that a
/// repository names are never run. The rules come from blobs, never from files, by an index in memory that
/// belongs to `bare` from now on. Private to server/git.
class Conversion {
 public:
  explicit Conversion(const Repository& bare);

  /// The rules in the .gitattributes of a folder ("" for the root), by content or by its blob.
  void add_rules(const std::string& folder, const std::string& content);
  void add_rules(const std::string& folder, const git_oid& blob);

  /// What git would store for a file of this content. `known` is what the index has for it, or null: whether
  /// that has line ends of Windows decides for `text=auto`.
  std::string to_blob(const std::string& path, std::string content, const git_index_entry* known) const;

  /// What git would write into the file for a blob of this content.
  std::string to_file(const std::string& path, std::string content) const;

 private:
  void put(const std::string& path, const git_oid& blob, git_filemode_t mode) const;
  std::string convert(const std::string& path, std::string content, git_filter_mode_t mode) const;

  const Repository* bare_;
  Index index_;
};

}  // namespace fanout::git
