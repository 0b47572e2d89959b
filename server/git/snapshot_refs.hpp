#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/git/repository.hpp"
#include "server/git/snapshot.hpp"

namespace fanout::git {

/// The references of one task's snapshots. Private to server/git.
class SnapshotRefs {
 public:
  /// Error invalid_input: git takes no such names for references.
  SnapshotRefs(const Repository& bare, const std::string& run, const std::string& task);

  std::string ref(unsigned number) const { return prefix_ + std::to_string(number); }

  /// The numbers in use, sorted.
  std::vector<unsigned> numbers() const;

  /// Empty when it is not there, or no commit.
  std::optional<Snapshot> find(unsigned number) const;

  /// The one with the greatest number.
  std::optional<Snapshot> last() const;

  /// Makes the next one of `commit`; its number.
  unsigned append(const git_oid& commit) const;

 private:
  const Repository* bare_;
  fs::path common_;
  std::string prefix_;
};

}  // namespace fanout::git
