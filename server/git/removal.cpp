#include "server/git/removal.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <sstream>

#include "common/text.hpp"
#include "server/git/checkouts.hpp"
#include "server/git/files.hpp"
#include "server/git/folder.hpp"
#include "server/git/git.hpp"
#include "server/git/lock_file.hpp"
#include "server/git/refs.hpp"
#include "server/git/registry.hpp"
#include "server/git/tree_removal.hpp"

namespace fanout::git {

namespace {

constexpr std::string_view kRemoved = "fanout-removed";
constexpr std::size_t kLargestText = 1024 * 1024;

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
  throw Error(ErrorKind::precondition, path.string() + " is not removed: " + why);
}

bool lies_in(const fs::path& inner, const fs::path& outer) {
  const auto [mismatch, end] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  (void)end;
  return mismatch == outer.end();
}

void refuse_precious(const fs::path& common, const Checkout& checkout) {
  if (checkout.is_main) refuse(checkout.folder, "it is the main checkout");
  if (const auto lock = lock_of(checkout)) {
    refuse(checkout.folder, "it is locked" + (lock->empty() ? "" : " (" + *lock + ")"));
  }
  if (lies_in(common, checkout.folder)) refuse(checkout.folder, "the repository itself lies in it");
  for (const auto& other : checkouts(common)) {
    if (other.admin == checkout.admin || !lies_in(other.folder, checkout.folder)) continue;
    refuse(checkout.folder, "another checkout lies in it, " + other.folder.string());
  }
}

/// The registration disappears at once; what is left of it after a kill is only rubbish.
void unregister(const fs::path& common, const Checkout& checkout) {
  const fs::path rubbish = common / unique_name(std::string(kRemoved));
  if (::rename(checkout.admin.c_str(), rubbish.c_str()) != 0 && errno != ENOENT) {
    throw Error(ErrorKind::system,
                "cannot unregister " + checkout.folder.string() + ": " + errno_text(errno));
  }
  if (const auto folder = Folder::open(rubbish)) remove_contents(*folder);
  ::rmdir(rubbish.c_str());
  ::rmdir((common / "worktrees").c_str());  // As git does with the last one.
}

/// The folder, when its registration is gone: of the worktree there is its .git file at most.
void remove_rest(const fs::path& path) {
  ::unlink((path / ".git").c_str());
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) {
    throw Error(ErrorKind::system, "cannot remove " + path.string() + ": " + errno_text(errno));
  }
}

/// A folder that git does not know: what a removal left behind that was cut off, or nobody's business.
bool finish_removal(const fs::path& common, const fs::path& path) {
  const auto folder = Folder::open(path);
  if (!folder && errno == ENOENT) return false;
  const auto names = folder ? folder->names() : std::vector<std::string>{"?"};
  const bool has_link = names == std::vector<std::string>{".git"};
  const auto link = has_link ? read_regular(*folder, ".git", kLargestText) : std::nullopt;
  const std::string start = "gitdir: " + (common / "worktrees").string() + "/";
  if (!names.empty() && !(link && link->starts_with(start))) {
    refuse(path, "it is no worktree of this repository");
  }
  remove_rest(path);
  return true;
}

/// What killed processes of ours left in the repository.
void remove_rubbish(const fs::path& common) {
  static constexpr std::array<std::string_view, 5> kDrafts = {"fanout-lock", "fanout-new", "fanout-index",
                                                              "new-worktree", kRemoved};
  const auto folder = Folder::open(common);
  if (!folder) return;
  for (const auto& name : folder->names()) {
    const bool dead = std::any_of(kDrafts.begin(), kDrafts.end(),
                                  [&](std::string_view prefix) { return is_of_the_dead(name, prefix); });
    if (!dead) continue;
    if (const auto inner = folder->below(name)) remove_contents(*inner);
    ::unlinkat(folder->fd(), name.c_str(), 0);
    ::rmdir((common / name).c_str());
  }
}

/// A configuration file without the section [branch "…"].
std::string without_section(const std::string& config, const std::string& branch) {
  std::string header = "[branch \"";
  for (const char c : branch) header += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  header += "\"]";
  std::istringstream lines(config);
  std::string kept;
  bool dropping = false, goes_on = false;
  for (std::string line; std::getline(lines, line);) {
    const std::string_view text = trimmed(line);
    if (!goes_on && text.starts_with('[')) dropping = text.starts_with(header);
    goes_on = line.ends_with('\\');
    if (!dropping) kept += line + "\n";
  }
  return kept;
}

/// As `git branch -d` does: another branch of that name is not to inherit them. They harm nobody if this
/// fails.
void forget_settings(const fs::path& common, const std::string& branch) {
  const fs::path file = common / "config";
  try {
    const auto before = read_regular(file, kLargestText);
    if (!before || without_section(*before, branch) == *before) return;
    const LockFile lock(common, file, std::chrono::milliseconds(1000));
    const auto now = read_regular(file, kLargestText);
    if (now) lock.replace(without_section(*now, branch));
  } catch (const Error&) {
  }
}

}  // namespace

bool remove_worktree(const fs::path& repository, const fs::path& wanted) {
  const fs::path common = common_folder(open_repository(repository));
  const fs::path path = place(wanted);
  const auto checkout = checkout_at(common, path);
  if (!checkout) return finish_removal(common, path);
  refuse_precious(common, *checkout);
  const auto folder = Folder::open(path);
  if (!folder && errno != ENOENT) refuse(path, "it cannot be read as a folder: " + errno_text(errno));
  if (folder) {
    // The link stays as long as the registration does, so that both are found again after a kill.
    const auto link = folder->look(".git");
    remove_contents(*folder, link && S_ISREG(link->st_mode) ? ".git" : "");
  }
  {
    const RegistryLock lock(common);
    unregister(common, *checkout);
  }
  if (folder) remove_rest(path);
  return true;
}

namespace {

std::vector<Checkout> prunable(const fs::path& common, const std::function<bool(const fs::path&)>& ours) {
  std::vector<Checkout> found;
  for (auto& checkout : checkouts(common)) {
    std::error_code error;
    const bool gone = fs::symlink_status(checkout.folder, error).type() == fs::file_type::not_found;
    if (checkout.is_main || !gone || lock_of(checkout) || !ours(checkout.folder)) continue;
    found.push_back(std::move(checkout));
  }
  return found;
}

std::vector<fs::path> folders_of(const std::vector<Checkout>& checkouts) {
  std::vector<fs::path> folders;
  for (const auto& checkout : checkouts) folders.push_back(checkout.folder);
  return folders;
}

}  // namespace

std::vector<fs::path> prune_worktrees(const fs::path& repository,
                                      const std::function<bool(const fs::path&)>& ours) {
  const fs::path common = common_folder(open_repository(repository));
  const RegistryLock lock(common);
  const auto gone = prunable(common, ours);
  for (const auto& checkout : gone) unregister(common, checkout);
  remove_rubbish(common);
  return folders_of(gone);
}

std::vector<fs::path> prunable_worktrees(const fs::path& repository,
                                         const std::function<bool(const fs::path&)>& ours) {
  return folders_of(prunable(common_folder(open_repository(repository)), ours));
}

bool delete_branch(const fs::path& repository, const std::string& branch, const std::string& expected) {
  if (!is_branch_name(branch)) throw Error(ErrorKind::invalid_input, "\"" + branch + "\" is no branch");
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  if (!branch_tip(repository, branch)) return false;
  const RegistryLock lock(common);
  if (const auto holder = holder_of(bare, common, branch)) {
    throw Error(ErrorKind::precondition,
                "branch " + branch + " is not deleted: it is checked out in " + holder->string());
  }
  if (delete_refs(bare, common, {{"refs/heads/" + branch, parse_id(expected)}}) == 0) return false;
  forget_settings(common, branch);
  return true;
}

}  // namespace fanout::git
