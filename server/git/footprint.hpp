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

/// Tasks, as task_key() writes them.
using TaskKeys = std::set<std::string>;
/// Stands for all of them, and for worktrees that are no task's.
inline constexpr const char* kAllTasks = "*";
/// Of the task that a worktree was made for; see WorktreeRequest::owner.
std::string task_key(const std::string& run_id, const std::string& task_id);

/// HEAD, index and files (as `git add -A` sees them, by size and times, and those that tools obey) of the main checkout and of
/// the worktrees, the newest 64, but for those of the tasks in `left_out`; the references, and what git obeys: configuration,
/// hooks, attributes.
struct Footprint;
using FootprintPtr = std::shared_ptr<const Footprint>;
FootprintPtr footprint_of(const fs::path& repository, const TaskKeys& left_out, std::stop_token stop);

struct OutsideChange {
  enum class Kind { checkout, references, settings, worktree };
  Kind kind = Kind::checkout;
  fs::path folder;                 ///< That the names are relative to.
  std::vector<std::string> names;  ///< Sorted.
};

/// One for each kind of which anything changed, and for each worktree. Not counted are references that are checked out in a
/// worktree, now or before; those of remotes and of Fanout; the files of `own`, absolute; settings that name nothing to run and
/// lead nowhere, such as where a branch is pushed to; worktrees that are new; and those of the tasks in `at_work`.
std::vector<OutsideChange> changes_between(const Footprint& before, const Footprint& after, const std::set<std::string>& own,
                                           const TaskKeys& at_work);

/// The checkout that the file lies in, whosever it is; empty: it lies in none, or in the git folder.
fs::path checkout_holding(const Footprint& footprint, const fs::path& file);
bool is_main_checkout(const Footprint& footprint, const fs::path& folder);

/// What git obeys is as it was `before` again in `names`; what was there is in the new folder `quarantine`, where nobody runs
/// it.
void put_back_settings(const Footprint& before, const std::vector<std::string>& names, const fs::path& quarantine);

}  // namespace fanout::git
