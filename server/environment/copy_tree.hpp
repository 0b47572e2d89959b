#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

#include "server/environment/files.hpp"

namespace fanout::environment {

const char* to_string(CopyMethod method);

/// What copying a tree came to.
struct Copied {
  std::uint64_t files = 0, bytes = 0;        ///< Links count as files of no bytes.
  std::uint64_t reflinked = 0, linked = 0;   ///< Bytes of it that went so.
  CopyMethod method() const;                 ///< By which most bytes went.
  Copied& operator+=(const Copied& other);
};

struct CopyTreeOptions {
  unsigned threads = 2;
  /// Files that nobody writes to in place may be the same file: see may_be_linked().
  bool hard_links = false;
  /// Absolute links that lead below this folder lead below `new_root` in the copy.
  std::filesystem::path old_root, new_root;
};

/// Copies folder `name` of the folder `from` to the folder `to`, where nothing of that name may be: all that is in it,
/// with permissions and times. Symbolic links are copied as links, those that lead nowhere too. Sockets, FIFOs and
/// devices are left out. By reflink where the file system can, else as the options say, else byte by byte; on several
/// threads. Names are never looked up through links. BLOCKS.
/// Throws Error{precondition}: it holds a repository or worktree (`.git`), which must not be copied; {already_there};
/// {cancelled}; {system}. What was copied until then is removed.
Copied copy_tree(int from, int to, const std::string& name, const CopyTreeOptions& options, const std::stop_token& stop = {});

/// Removes folder `name` of `folder` with all that is in it. BLOCKS. What cannot be removed stays.
void remove_tree(int folder, const std::string& name);

/// Whether a file is one that nobody writes to in place: it has no permission to write, or lies in the store of pnpm,
/// which links its files itself. `path`: within the tree that is copied.
bool may_be_linked(const std::string& path, unsigned mode);

}  // namespace fanout::environment
