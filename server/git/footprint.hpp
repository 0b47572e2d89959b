#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

/// What a repository looks like beside its worktrees, so that it can be told afterwards what somebody has changed there. All
/// functions BLOCK and throw fanout::Error.
namespace fanout::git {

namespace fs = std::filesystem;

/// The main checkout's HEAD, index and files (as `git add -A` sees them, by size and times), the references, and what git
/// obeys: configuration, hooks, attributes.
struct Footprint;
using FootprintPtr = std::shared_ptr<const Footprint>;
FootprintPtr footprint_of(const fs::path& repository, std::stop_token stop);

struct OutsideChange {
  enum class Kind { checkout, references, settings };
  Kind kind = Kind::checkout;
  fs::path folder;                 ///< That the names are relative to.
  std::vector<std::string> names;  ///< Sorted.
};

/// One for each kind of which anything changed. Not counted are references that are checked out in a worktree, now or
/// before; those of remotes and of Fanout; the files of `own`, absolute; and settings that name nothing to run and lead
/// nowhere, such as where a branch is pushed to.
std::vector<OutsideChange> changes_between(const Footprint& before, const Footprint& after, const std::set<std::string>& own);

/// What git obeys is as it was `before` again in `names`; what was there is in the new folder `quarantine`, where nobody runs
/// it.
void put_back_settings(const Footprint& before, const std::vector<std::string>& names, const fs::path& quarantine);

}  // namespace fanout::git
