#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/git/checkout_settings.hpp"
#include "server/git/line_ends.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

/// One file of a new checkout.
struct PlannedFile {
  enum class LineEnds : unsigned char { as_stored, windows, windows_if_text };
  std::string path;
  std::uint32_t mode = 0;  ///< As in an index.
  git_oid id = {};
  LineEnds line_ends = LineEnds::as_stored;
  std::optional<IdentSearch> ident;
};

/// All that a new checkout of a tree is to hold. Private to server/git.
struct CheckoutPlan {
  std::vector<PlannedFile> files;  ///< In the order of an index.
  std::string cache_tree;          ///< The index's extension TREE, which spares git to compare with HEAD.
  std::size_t depth = 0;           ///< Most folders in each other.
  bool symlinks = true;            ///< Else a link becomes a file that holds its target.
  /// Why git itself has to do it, as the end of a sentence; empty: it has not.
  std::string left_to_git;
};

/// `bare` is the common folder opened by open_bare. Error precondition: a path that git refuses, too.
CheckoutPlan plan_checkout(const Repository& bare, const std::string& tree);

/// The blob as the file is to hold it; empty: as it is.
std::optional<std::string> converted(const PlannedFile& file, std::string_view blob);

}  // namespace fanout::git
