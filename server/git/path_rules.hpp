#pragma once

#include <string_view>

/// Which names git takes for files and folders of a commit. Pure. Private to server/git.
namespace fanout::git {

struct PathProtection {
  bool ntfs = true;  ///< core.protectNTFS: what Windows takes for .git, too.
  bool hfs = false;  ///< core.protectHFS: what macOS takes for .git, too.
};

/// Whether one part of a path may be written: not "", ".", "..", not with a slash, and nothing that is .git to some
/// file system; for a link nothing that is .gitmodules either.
bool is_safe_name(std::string_view name, bool is_link, const PathProtection& protection);

}  // namespace fanout::git
