#include "server/git/names.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "server/git/files.hpp"

namespace fanout::git {

namespace {

constexpr int kMostVersions = 1000;
constexpr std::string_view kHeads = "refs/heads/";

/// ASCII only: enough to catch what is likely, and never wrong about what is equal.
std::string folded(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  });
  return text;
}

std::vector<std::string> branch_names(const Repository& repository) {
  ReferenceIterator iterator;
  check(git_reference_iterator_glob_new(iterator.out(), repository.get(), "refs/heads/*"),
        "list the branches");
  std::vector<std::string> names;
  const char* name = nullptr;
  int code = 0;
  while ((code = git_reference_next_name(&name, iterator.get())) == 0)
    names.emplace_back(name + kHeads.size());
  if (code != GIT_ITEROVER) check(code, "list the branches");
  return names;
}

/// The folder of the worktree that `admin`, a folder below .git/worktrees, stands for; empty: nonsense.
fs::path registered_path(const fs::path& admin) {
  const std::string text(trimmed(read_or_empty(admin / "gitdir")));
  return text.empty() ? fs::path() : real_path(admin / text).parent_path();
}

std::set<std::string> registered_worktrees(const fs::path& common) {
  std::set<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator entry(common / "worktrees", error), end; !error && entry != end;
       entry.increment(error)) {
    paths.insert(folded(registered_path(entry->path()).string()));
  }
  return paths;
}

bool has_entry_like(const fs::path& folder, const std::string& name) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (folded(entry->path().filename().string()) == folded(name)) return true;
  }
  return false;
}

}  // namespace

TakenNames::TakenNames(const Repository& repository, const fs::path& common)
    : branches_(branch_names(repository)), folded_worktrees_(registered_worktrees(common)) {
  for (const auto& branch : branches_) folded_branches_.insert(folded(branch));
}

Worktree TakenNames::next_free(const Worktree& wanted) const {
  refuse_blocked(wanted.branch);
  for (int version = 1; version <= kMostVersions; ++version) {
    const std::string suffix = version == 1 ? "" : "-v" + std::to_string(version);
    Worktree candidate{wanted.path.string() + suffix, wanted.branch + suffix, version > 1};
    if (!is_taken(candidate.branch) && !is_taken(candidate.path)) return candidate;
  }
  throw Error(ErrorKind::already_there, "branch " + wanted.branch + " or folder " + wanted.path.string() +
                                            " is taken, and so are all names up to -v" +
                                            std::to_string(kMostVersions));
}

bool TakenNames::is_taken(const std::string& branch) const {
  if (folded_branches_.contains(folded(branch))) return true;
  // Git keeps branch a/b in a folder a: as long as it is there, there can be no branch a.
  return std::any_of(branches_.begin(), branches_.end(),
                     [&](const std::string& other) { return other.starts_with(branch + "/"); });
}

bool TakenNames::is_taken(const fs::path& path) const {
  return has_entry_like(path.parent_path(), path.filename().string()) ||
         folded_worktrees_.contains(folded(real_path(path).string()));
}

void TakenNames::refuse_blocked(const std::string& branch) const {
  for (const auto& other : branches_) {
    if (!branch.starts_with(other + "/")) continue;
    throw Error(ErrorKind::precondition, "branch " + branch + " cannot be made while there is a branch " +
                                             other +
                                             ": git would keep it in a folder of that name; rename either");
  }
}

std::string administrative_name(const fs::path& path) {
  std::string name = path.filename().string();
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool fine =
        std::isalnum(byte) || byte >= 0x80 || std::string_view("-_.").find(c) != std::string_view::npos;
    if (!fine) c = '-';
  }
  if (name.empty() || name.front() == '.') name.insert(0, "worktree");
  // ".lock" and ".." are what git reserves for itself.
  if (name.ends_with(".lock") || name.find("..") != name.npos)
    std::replace(name.begin(), name.end(), '.', '-');
  return name;
}

}  // namespace fanout::git
