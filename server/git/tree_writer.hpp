#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/git/checkout_plan.hpp"
#include "server/git/folder.hpp"
#include "server/git/index_file.hpp"

namespace fanout::git {

/// Writes new files into a new checkout, in the order of an index: it stays in a folder until the next file lies in
/// another one, so that no path is walked again, and goes into folders alone, never through a link. One thread at a
/// time; several may write to the same checkout. Private to server/git.
class TreeWriter {
 public:
  /// `root` outlives it. `time` becomes the files' time of modification.
  TreeWriter(const Folder& root, timespec time) : root_(root.fd()), time_(time) {}

  /// What lies in the way is an error, and left alone. `original` is the same file in another checkout, open for
  /// reading, or -1: where the file system can, its content is shared.
  IndexStat write(const PlannedFile& file, std::string_view content, int original);
  IndexStat write_link(const PlannedFile& file, const std::string& target);
  IndexStat make_submodule_folder(const PlannedFile& file);

  /// The last file that write() made, open for reading, to be the original for others. -1: none.
  int last() const { return last_.get(); }

 private:
  struct Level {
    std::string name;
    Fd folder;
  };

  int enter(std::string_view folder);
  void descend(const std::string& name);
  int here() const { return levels_.empty() ? root_ : levels_.back().folder.get(); }

  int root_;
  timespec time_;
  std::vector<Level> levels_;
  Fd last_;
  bool can_share_ = true;  ///< Until the file system says no.
};

}  // namespace fanout::git
