#pragma once

#include <cstddef>
#include <string_view>

#include "server/git/repository.hpp"

namespace fanout::git {

/// One object as it was read; goes with the reader's next read.
class ReadBlob {
 public:
  explicit ReadBlob(git_odb_object* object) : object_(object) {}
  std::string_view content() const {
    return {static_cast<const char*>(git_odb_object_data(object_.get())), git_odb_object_size(object_.get())};
  }

 private:
  Handle<git_odb_object, git_odb_object_free> object_;
};

/// Reads the contents of files from a repository. Belongs to one thread. Private to server/git.
class BlobReader {
 public:
  explicit BlobReader(const fs::path& common);

  /// Error not_found, system: it is not there or damaged.
  ReadBlob read(const git_oid& id, const std::string& path) const;

 private:
  Repository bare_;
  Odb odb_;
};

}  // namespace fanout::git
