#pragma once

#include <map>
#include <string>
#include <vector>

#include "server/git/left_out.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

/// What a tree holds for a path: a file, a link or a submodule.
struct FileEntry {
  git_filemode_t mode = GIT_FILEMODE_BLOB;
  git_oid id = {};

  friend bool operator==(const FileEntry& one, const FileEntry& other) {
    return one.mode == other.mode && git_oid_equal(&one.id, &other.id);
  }
};

/// A tree with all its folders, by path.
using FileMap = std::map<std::string, FileEntry, std::less<>>;

/// Error precondition: it has more than two million files, or paths that no file can have.
FileMap files_of(const Tree& tree);

/// Writes `files` as trees, and returns the root's. What git takes no such name for, or what is not there as
/// an object, is left out and told.
git_oid write_tree(const Repository& repository, const FileMap& files, std::vector<LeftOut>& left_out);

/// The paths that differ, sorted.
std::vector<std::string> differences(const FileMap& one, const FileMap& other);

}  // namespace fanout::git
