#pragma once

#include <optional>
#include <string>

#include "server/git/conversion.hpp"
#include "server/git/file_map.hpp"
#include "server/git/folder.hpp"
#include "server/git/scan.hpp"

namespace fanout::git {

/// Makes blobs, or their names, out of files. Private to server/git.
class FileReader {
 public:
  FileReader(const Repository& bare, Contents contents);

  Conversion& conversion() { return conversion_; }

  /// What a tree would hold for the file or link; `known` is what the index has for it, or null. Empty: it
  /// cannot be read.
  std::optional<FileEntry> read(const Folder& folder, const std::string& name, const std::string& path,
                                const struct stat& status, const git_index_entry* known) const;

 private:
  git_filemode_t mode_of(const struct stat& status, const git_index_entry* known) const;
  std::optional<git_oid> blob_of(const std::string& content) const;
  std::optional<git_oid> large_blob(int fd, const struct stat& status) const;

  const Repository* bare_;
  Contents contents_;
  Conversion conversion_;
  bool trusts_exec_bits_ = true;
  bool has_links_ = true;
};

}  // namespace fanout::git
