#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "server/git/git.hpp"

/// Branches brought together in memory, and what hinders it: no file is checked out and no branch moves (see landing.hpp
/// for that). Functions BLOCK, are thread-safe, and throw fanout::Error; ids are 40 hexadecimal digits.
namespace fanout::git {

/// Lines that both sides changed.
struct ConflictHunk {
  std::size_t our_line = 1, their_line = 1;  ///< Where it begins on either side.
  std::string ours, theirs, before;          ///< Valid UTF-8, at most 2 KiB each.
};

/// A file in which two sides do not merge.
struct FileConflict {
  enum class Kind {
    content,              ///< Both changed the same lines.
    both_added,           ///< Both added a file of that name.
    changed_and_deleted,  ///< One changed what the other deleted.
    binary,               ///< Both changed it, and it is no text, or above 1 MiB.
    other,                ///< Of different types, or renamed differently.
  };
  std::string path;
  Kind kind = Kind::content;
  std::vector<ConflictHunk> hunks;  ///< At most 20.
  std::size_t hunk_count = 0;
};

/// By path. "Ours" is the first of the two. Error not_found; precondition: they have no history in common.
std::vector<FileConflict> conflicts_between(const fs::path& repository, const std::string& ours, const std::string& theirs);

/// "a.txt, b.txt and 3 more".
std::string names_of(const std::vector<FileConflict>& conflicts);

/// The paths that differ between two commits, sorted; of a file that was renamed both.
std::vector<std::string> touched_files(const fs::path& repository, const std::string& from, const std::string& to);

/// Whether a path of one is among those of the other, or a folder of one, or in one: else two sides that began at the same
/// commit merge in any case. Pure; both sorted.
bool may_collide(const std::vector<std::string>& one, const std::vector<std::string>& other);

enum class MergeMethod { merge, squash, rebase };

/// A merged result, in memory. Two commits with the same files: what a branch would be moved to; and the same with all
/// that was merged among its ancestors, which a squashed or rebased commit does not have, so that what was built upon a
/// branch that is in already merges as if it were there itself.
struct Candidate {
  std::string commit;
  std::string history;
};

struct MergeStep {
  std::string name;     ///< Of the task, for messages.
  std::string base;     ///< Where its branch begins.
  std::string head;     ///< Its tip.
  std::string message;  ///< Of the commit that brings it in; a rebase keeps those of its own commits.
  MergeMethod method = MergeMethod::merge;
};

struct StepConflict {
  std::vector<FileConflict> files;
  std::string commit;  ///< "1a2b3c4 feat: x", the commit that does not apply; empty where it is the whole.
};

/// The candidate with that branch in it; unchanged where it holds it already. A branch that holds merge commits is not
/// replayed commit by commit: it comes in as one.
std::variant<Candidate, StepConflict> merge_onto(const fs::path& repository, const Candidate& onto, const MergeStep& step);

/// The same candidate, where it is known that its files have all that `head` brought.
Candidate with_history(const fs::path& repository, const Candidate& candidate, const std::string& head);

/// Why all that `commit` brings is in `tip` already: by its history, or because its changes are there in other commits;
/// a sentence without its end. Empty: it is not, as far as can be proven. `base`: where its branch begins.
std::optional<std::string> contained_in(const fs::path& repository, const std::string& tip, const std::string& name,
                                        const std::string& commit, const std::string& base, std::stop_token stop);

/// What a worktree holds at this moment, as a commit that no branch and no reference knows of; what is checked out there
/// where nothing else is there. Untracked files belong to it, ignored ones do not. The same files upon the same commit
/// are the same commit. Error not_found: there is no such worktree; cancelled.
std::string present_state(const fs::path& repository, const fs::path& worktree, std::stop_token stop);

}  // namespace fanout::git
