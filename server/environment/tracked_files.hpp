#pragma once

#include <filesystem>
#include <memory>
#include <string>

struct git_index;

namespace fanout::environment {

/// What git tracks in a checkout, as of now. BLOCKS; stays on one thread at a time.
class TrackedFiles {
 public:
  /// Throws Error{precondition} when `checkout` is not the root of one, or its index cannot be read.
  explicit TrackedFiles(const std::filesystem::path& checkout);
  /// In any stage: a file in the middle of a merge is tracked too.
  bool has(const std::string& path) const;
  /// Whether anything in `folder` is tracked, however deep.
  bool has_below(const std::string& folder) const;

 private:
  struct Library {
    Library();
    ~Library();
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
  };
  Library library_;  // counted by libgit2; first, so that it goes last
  std::unique_ptr<git_index, void (*)(git_index*)> index_;
};

}  // namespace fanout::environment
