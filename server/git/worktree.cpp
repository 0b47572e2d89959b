#include "server/git/checkouts.hpp"
#include "server/git/dead_lock.hpp"
#include "server/git/files.hpp"
#include "server/git/git.hpp"
#include "server/git/names.hpp"
#include "server/git/new_worktree.hpp"
#include "server/git/registry.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

namespace {

/// Other processes do not know our lock. Losing to them this often in a row is no accident.
constexpr int kMostRaces = 20;

/// As the administrative files need them: absolute, without dots, and on one line.
Worktree checked(const WorktreeRequest& request) {
  if (!is_branch_name(request.branch)) {
    throw Error(ErrorKind::invalid_input,
                "\"" + request.branch + "\" is not a name that git takes for a branch");
  }
  fs::path path = request.path.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (!path.is_absolute() || path == path.root_path() || path.string().find('\n') != std::string::npos) {
    throw Error(ErrorKind::invalid_input,
                "\"" + request.path.string() + "\" cannot be the folder of a worktree");
  }
  return {path, request.branch, false};
}

Worktree reserve(NewWorktree& made, const WorktreeRequest& request, const fs::path& common) {
  const Repository repository = open_repository(request.repository);
  const Commit start = find_commit(repository, request.start);
  const Worktree wanted = checked(request);
  const RegistryLock lock(common);
  if (auto names = made.adopt(request.owner, start)) {
    names->renamed = names->path != wanted.path || names->branch != wanted.branch;
    return *names;
  }
  for (int race = 0; race < kMostRaces; ++race) {
    const Worktree names = TakenNames(repository, common).next_free(wanted);
    if (made.reserve(repository, names, start, request.owner)) return names;
  }
  throw Error(ErrorKind::unavailable,
              "another program keeps taking the names of new worktrees in " + request.repository.string());
}

bool has_index(const Repository& worktree) { return fs::exists(git_folder(worktree) / "index"); }

}  // namespace

Worktree add_worktree(const WorktreeRequest& request) {
  const fs::path common = common_folder(open_repository(request.repository));
  NewWorktree made(common);
  Worktree worktree = reserve(made, request, common);
  if (worktree.start.empty()) worktree.start = request.start;
  made.check_out(worktree.start);
  made.keep();
  return worktree;
}

namespace {

/// The repository that a remote on this machine is; empty for others. There it was ourselves who wrote.
fs::path local_remote(const Repository& repository, const std::string& name) {
  Remote remote;
  if (git_remote_lookup(remote.out(), repository.get(), name.c_str()) != 0) return {};
  const char* url = git_remote_url(remote.get());
  std::string path = url ? url : "";
  if (path.starts_with("file://")) path.erase(0, 7);
  Repository there;
  const bool is_local = path.starts_with('/') && git_repository_open(there.out(), path.c_str()) == 0;
  return is_local ? common_folder(there) : fs::path();
}

}  // namespace

std::string worktree_owner(const fs::path& path, const fs::path& worktree) {
  const fs::path common = common_folder(open_repository(path));
  const auto checkout = checkout_at(common, worktree);
  return checkout ? owner_in(checkout->admin) : std::string();
}

void release_dead_locks(const fs::path& path, const fs::path& worktree, const std::string& branch,
                        const std::string& remote) {
  const fs::path common = common_folder(open_repository(path));
  release_dead_lock(common / "refs/heads" / (branch + ".lock"));
  release_dead_lock(common / "refs/remotes" / remote / (branch + ".lock"));
  release_dead_lock(common / "packed-refs.lock");
  if (const fs::path there = local_remote(open_repository(path), remote); !there.empty()) {
    release_dead_lock(there / "refs/heads" / (branch + ".lock"));
  }
  Repository linked;
  if (git_repository_open(linked.out(), worktree.c_str()) != 0) return;
  for (const char* name : {"index.lock", "HEAD.lock"}) release_dead_lock(git_folder(linked) / name);
}

bool is_worktree(const fs::path& path, const fs::path& folder, const std::string& branch) {
  const Repository repository = open_repository(path);
  Repository worktree;
  if (git_repository_open(worktree.out(), folder.c_str()) != 0) return false;
  if (!git_repository_is_worktree(worktree.get())) return false;
  if (common_folder(worktree) != common_folder(repository)) return false;
  const char* root = git_repository_workdir(worktree.get());
  if (!root || real_path(fs::path(root) / ".git") != real_path(folder / ".git")) return false;
  // The checkout writes the index last: without one it never came to its end.
  return has_index(worktree) && current_branch(folder) == branch;
}

}  // namespace fanout::git
