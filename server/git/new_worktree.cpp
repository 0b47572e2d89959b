#include "server/git/new_worktree.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <sstream>

#include "common/crash_point.hpp"
#include "common/text.hpp"

#include "server/git/checkouts.hpp"
#include "server/git/dead_lock.hpp"
#include "server/git/files.hpp"
#include "server/git/names.hpp"
#include "server/git/own_settings.hpp"
#include "server/git/refs.hpp"
#include "server/git/registry.hpp"
#include "server/git/spare_files.hpp"

namespace fanout::git {

namespace {

constexpr int kMostNames = 1000;
constexpr const char* kDraftPrefix = "new-worktree";
constexpr const char* kOwnerFile = "fanout";
constexpr const char* kFromPool = "fanout-from-pool";

void remove_tree(const fs::path& path) noexcept {
  std::error_code ignored;
  if (!path.empty()) fs::remove_all(path, ignored);
}

/// What stands in an owner file.
struct Owned {
  std::string owner;
  Worktree names;
};

std::optional<Owned> read_owner(const fs::path& admin) {
  std::istringstream lines(read_or_empty(admin / kOwnerFile));
  Owned owned;
  std::string path;
  const bool whole = std::getline(lines, owned.owner) && std::getline(lines, path) &&
                     std::getline(lines, owned.names.branch) && !lines.eof();
  owned.names.path = path;
  if (whole) std::getline(lines, owned.names.start);  // older ones do not say it
  return whole ? std::optional(owned) : std::nullopt;
}

/// What its branch was made at, which need not be what would be taken now: a merge that is made again is another commit.
std::optional<git_oid> begun_at(const Worktree& names) {
  git_oid id;
  const bool known = names.start.size() == GIT_OID_HEXSZ && git_oid_fromstr(&id, names.start.c_str()) == 0;
  return known ? std::optional(id) : std::nullopt;
}

/// The folder below `parent` that is `owner`'s.
fs::path find_owned(const fs::path& parent, const std::string& prefix, const std::string& owner) {
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->path().filename().string().starts_with(prefix)) continue;
    const auto owned = read_owner(entry->path());
    if (owned && owned->owner == owner) return entry->path();
  }
  return {};
}

/// Those that do not say yet whose they are, and whose process (their name tells it) is gone: it died in the first
/// moment, when there was nothing else.
void remove_dead_drafts(const fs::path& common) {
  std::error_code error;
  for (fs::directory_iterator entry(common, error), end; !error && entry != end; entry.increment(error)) {
    int pid = 0;
    const bool is_draft = std::sscanf(entry->path().filename().c_str(), "new-worktree.%d.", &pid) == 1;
    const bool is_dead = is_draft && ::kill(pid, 0) != 0 && errno == ESRCH;
    if (is_dead && !read_owner(entry->path())) remove_tree(entry->path());
  }
}

/// Whether a branch that has come to `tip` can have begun where it is said to: an agent may have written anything there.
bool is_begin_of(const fs::path& common, const Worktree& names, const std::string& tip) {
  const auto start = begun_at(names);
  const Repository bare = open_bare(common);
  Commit commit;
  return start && git_commit_lookup(commit.out(), bare.get(), &*start) == 0 && holds(bare, parse_id(tip), *start);
}

/// Whether nothing is in a folder but, at most, a link to a registration that is not there.
bool holds_nothing(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().filename() != ".git") return false;
  }
  const auto link = read_or_empty(folder / ".git");
  return !error && (link.empty() || (link.starts_with("gitdir: ") && !fs::exists(trimmed(link.substr(8)))));
}

/// Whether a folder is the one that was moved here out of the pool, and not registered: nobody has worked in it.
bool came_from_pool(const fs::path& draft, const fs::path& folder) {
  struct stat status = {};
  const auto inode = read_or_empty(draft / kFromPool);
  if (inode.empty() || ::lstat(folder.c_str(), &status) != 0 || std::to_string(status.st_ino) != inode) return false;
  const auto link = read_or_empty(folder / ".git");
  return link.empty() || (link.starts_with("gitdir: ") && !fs::exists(trimmed(link.substr(8))));
}

/// Moves a folder to a name that must be free. False when it is not.
bool rename_to_free(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  // Some network file systems lack the flag. A plain rename refuses all but an empty folder.
  if (errno == EINVAL && !fs::exists(fs::symlink_status(to)) && ::rename(from.c_str(), to.c_str()) == 0)
    return true;
  if (errno == EEXIST || errno == ENOTEMPTY || errno == EINVAL) return false;
  throw Error(ErrorKind::system, "cannot register the worktree as " + to.string() + ": " + errno_text(errno));
}

}  // namespace

bool has_index(const fs::path& admin) { return fs::exists(fs::symlink_status(admin / "index")); }

std::string owner_in(const fs::path& admin) {
  const auto owned = read_owner(admin);
  return owned ? owned->owner : std::string();
}

NewWorktree::~NewWorktree() {
  if (kept_) return;
  const RegistryLock lock(common_);
  undo();
}

/// The first thing made, and it says what else will be: so whoever comes after a sudden end finds the parts.
void NewWorktree::make_draft(const Worktree& names, const Commit& start, const std::string& owner) {
  const fs::path draft = common_ / unique_name(kDraftPrefix);
  make_folder(draft);
  draft_ = draft;
  write_new(draft_ / kOwnerFile, owner + "\n" + names.path.string() + "\n" + names.branch + "\n" +
                                       text_of(*git_commit_id(start.get())) + "\n");
  crash_point("worktree.draft");
}

bool NewWorktree::reserve(const Repository& repository, const Worktree& names, const Commit& start,
                          const std::string& owner, const fs::path& spare) {
  make_draft(names, start, owner);
  make_parents(names.path.parent_path());
  if (spare.empty() ? !make_folder(names.path) : !move_in(spare, names.path)) {
    undo();
    return false;
  }
  folder_ = real_path(names.path);
  crash_point("worktree.folder");
  if (!make_branch(repository, names.branch, start)) {
    undo();
    return false;
  }
  crash_point("worktree.branch");
  register_folder(repository, names.branch);
  crash_point("worktree.registered");
  return true;
}

std::optional<Worktree> NewWorktree::adopt(const std::string& owner, const Commit& start) {
  if (owner.empty()) return {};
  if (const auto admin = find_owned(common_ / "worktrees", "", owner); !admin.empty()) {
    auto names = read_owner(admin)->names;
    const auto tip = branch_tip(common_, names.branch);
    const bool stands = tip && fs::is_directory(names.path) &&
                        trimmed(read_or_empty(admin / "gitdir")) == (real_path(names.path) / ".git").string();
    if (stands) {
      folder_ = real_path(names.path);
      admin_ = admin;
      taken_up_ = kept_ = true;  // whatever happens now: it was there before us
      if (!is_begin_of(common_, names, *tip)) names.start = *tip;
      release_dead_lock(admin / "index.lock");
      return names;
    }
  }
  remove_dead_drafts(common_);
  const auto draft = find_owned(common_, kDraftPrefix, owner);
  if (draft.empty()) return {};
  const auto names = read_owner(draft)->names;
  draft_ = draft;
  release_dead_lock(common_ / "refs/heads" / (names.branch + ".lock"));
  if (holds_nothing(names.path) || came_from_pool(draft, names.path)) {
    folder_ = names.path;
    branch_ = names.branch;
    start_ = begun_at(names).value_or(*git_commit_id(start.get()));
  }
  undo();
  return {};
}

/// What it is moved from is noted first: whoever comes after a sudden end knows that the folder is ours.
bool NewWorktree::move_in(const fs::path& spare, const fs::path& folder) {
  struct stat status = {};
  if (::lstat((spare / kFiles).c_str(), &status) != 0) {
    throw Error(ErrorKind::system, "cannot find the files in " + spare.string() + ": " + errno_text(errno));
  }
  write_new(draft_ / kFromPool, std::to_string(status.st_ino));
  if (!rename_to_free(spare / "index", draft_ / "index")) return false;
  if (rename_to_free(spare / kFiles, folder)) {
    ::rename((spare / kIndexCopy).c_str(), (draft_ / kIndexCopy).c_str());  // without it the shadow copies the index itself
    return true;
  }
  rename_to_free(draft_ / "index", spare / "index");
  return false;
}

void NewWorktree::make_parents(const fs::path& folder) {
  if (folder.empty() || folder == folder.root_path() || fs::is_directory(fs::status(folder))) return;
  make_parents(folder.parent_path());
  if (make_folder(folder)) parents_.push_back(folder);
}

bool NewWorktree::make_branch(const Repository& repository, const std::string& name, const Commit& start) {
  Reference made;
  const git_oid& id = *git_commit_id(start.get());
  const std::string message = "branch: Created from " + text_of(id);
  const int code = git_reference_create(made.out(), repository.get(), ("refs/heads/" + name).c_str(), &id,
                                        false, message.c_str());
  if (code == GIT_EEXISTS) return false;
  check(code, "make branch " + name);
  branch_ = name;
  start_ = id;
  return true;
}

void NewWorktree::register_folder(const Repository& repository, const std::string& branch) {
  make_folder(common_ / "worktrees");
  copy_own_settings(repository, common_, draft_);
  write_new(draft_ / "HEAD", "ref: refs/heads/" + branch + "\n");
  write_new(draft_ / "commondir", "../..\n");
  write_new(draft_ / "gitdir", (folder_ / ".git").string() + "\n");
  const std::string name = administrative_name(folder_);
  for (int number = 0; number < kMostNames; ++number) {
    if (publish(common_ / "worktrees" / (number ? name + std::to_string(number) : name))) return;
  }
  throw Error(ErrorKind::already_there, "git has too many worktrees of the name " + name);
}

/// The folder points at its registration before that is there: the other way round, a `git worktree
/// prune` at this moment would take the registration away.
bool NewWorktree::publish(const fs::path& admin) {
  const fs::path link = folder_ / ".git";
  write_new(link, "gitdir: " + admin.string() + "\n");
  crash_point("worktree.linked");
  if (!rename_to_free(draft_, admin)) {
    ::unlink(link.c_str());
    return false;
  }
  draft_.clear();
  admin_ = admin;
  ::unlink((admin / kFromPool).c_str());
  return true;
}

bool NewWorktree::is_checked_out() const { return taken_up_ && has_index(admin_); }

EmptyCheckout NewWorktree::empty_checkout(const std::string& start) const {
  const Tree tree = tree_of(find_commit(open_repository(common_), start));
  return {common_, folder_, admin_, start, text_of(*git_tree_id(tree.get())), taken_up_};
}

void NewWorktree::keep() {
  crash_point("worktree.checked-out");
  kept_ = true;
}

/// The draft, which says whose all of it is, goes after what it speaks of: whoever is killed here is followed by one that
/// finds it, and not a branch without an owner.
void NewWorktree::undo() noexcept {
  if (!branch_.empty()) delete_branch();
  remove_tree(folder_);
  remove_tree(draft_);
  remove_tree(admin_);
  for (auto parent = parents_.rbegin(); parent != parents_.rend(); ++parent) ::rmdir(parent->c_str());
  folder_.clear();
  draft_.clear();
  admin_.clear();
  branch_.clear();
  parents_.clear();
}

/// As long as it is where it was put: a branch that has moved since holds somebody's work.
void NewWorktree::delete_branch() const noexcept {
  try {
    const Repository bare = open_bare(common_);
    delete_refs(bare, common_, {{"refs/heads/" + branch_, start_}});
  } catch (const Error&) {
    // It stays, as any branch of that name would.
  }
}

}  // namespace fanout::git
