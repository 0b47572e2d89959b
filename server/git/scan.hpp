#pragma once

#include <optional>
#include <stop_token>
#include <vector>

#include "server/git/checkouts.hpp"
#include "server/git/file_map.hpp"

namespace fanout::git {

/// What a worktree holds at this moment: what `git add -A` would put into a commit.
struct Scan {
  FileMap files;
  std::vector<LeftOut> left_out;
  std::vector<std::string> submodules;  ///< That have anything in their folder.
  FileMap staged;                       ///< What the index has, as far as it can be read.
};

/// Whether contents are put into the repository, or only named.
enum class Contents { stored, named };

/// Reads a checkout as a mere folder of files: the index, and `head` where that cannot be read, tell which
/// files git follows; what is in the folder tells the rest. `bare` gets an index of its own. Large files that
/// grew while they were to be named alone have the id zero. Error not_found: there is no such folder;
/// unavailable: out of file descriptors or memory; cancelled.
Scan scan_worktree(const Repository& bare, const Checkout& checkout, const FileMap& head, Contents contents,
                   std::stop_token stop);

}  // namespace fanout::git
