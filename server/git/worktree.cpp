#include <future>

#include "server/git/checkouts.hpp"
#include "server/git/dead_lock.hpp"
#include "server/git/files.hpp"
#include "server/git/git.hpp"
#include "server/git/names.hpp"
#include "server/git/new_worktree.hpp"
#include "server/git/registry.hpp"
#include "server/git/repository.hpp"
#include "server/git/spare_files.hpp"

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

/// `files`: a folder with files and index that the worktree is made of; empty: it is to be filled.
Worktree reserve(NewWorktree& made, const WorktreeRequest& request, const fs::path& common, const fs::path& files = {}) {
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
    if (made.reserve(repository, names, start, request.owner, files)) return names;
  }
  throw Error(ErrorKind::unavailable,
              "another program keeps taking the names of new worktrees in " + request.repository.string());
}

}  // namespace

void add_worktree(const WorktreeRequest& request, Materialiser& materialiser, std::stop_token stop,
                  std::function<void(std::exception_ptr, AddedWorktree)> done) {
  const fs::path common = common_folder(open_repository(request.repository));
  auto made = std::make_shared<NewWorktree>(common);
  Worktree names = reserve(*made, request, common);
  if (names.start.empty()) names.start = request.start;
  if (made->is_checked_out()) return done(nullptr, {std::move(names), {}});
  EmptyCheckout checkout = made->empty_checkout(names.start);
  auto filled = [made = std::move(made), names = std::move(names), done = std::move(done)](std::exception_ptr error,
                                                                                          std::string by_git) mutable {
    if (!error) made->keep();
    made.reset();
    done(error, {std::move(names), std::move(by_git)});
  };
  materialiser.check_out(std::move(checkout), std::move(stop), std::move(filled));
}

std::optional<Worktree> add_worktree_from(const WorktreeRequest& request, const fs::path& place) {
  const fs::path common = common_folder(open_repository(request.repository));
  NewWorktree made(common);
  Worktree names = reserve(made, request, common, place);
  if (made.is_taken_up()) return std::nullopt;
  names.start = request.start;
  made.keep();
  return names;
}

AddedWorktree add_worktree(const WorktreeRequest& request, Materialiser& materialiser, std::stop_token stop) {
  const auto promise = std::make_shared<std::promise<AddedWorktree>>();
  add_worktree(request, materialiser, std::move(stop), [promise](std::exception_ptr error, AddedWorktree added) {
    error ? promise->set_exception(error) : promise->set_value(std::move(added));
  });
  return promise->get_future().get();
}

namespace {

/// The repository that a remote on this machine is; empty for others. There it was ourselves who wrote. By the setting alone, as
/// has_remote().
fs::path local_remote(const Repository& repository, const std::string& name) {
  Config config;
  check(git_repository_config_snapshot(config.out(), repository.get()), "read the configuration");
  const char* url = nullptr;
  if (git_config_get_string(&url, config.get(), ("remote." + name + ".url").c_str()) != 0) return {};
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
  const auto checkout = checkout_at(common, worktree);
  if (!checkout) return;
  for (const char* name : {"index.lock", "HEAD.lock"}) release_dead_lock(checkout->admin / name);
}

bool is_worktree(const fs::path& path, const fs::path& folder, const std::string& branch) {
  const fs::path common = common_folder(open_repository(path));
  const auto checkout = checkout_at(common, folder);
  const auto opened = checkout && !checkout->is_main ? Folder::open(checkout->folder) : std::nullopt;
  if (!opened || !is_linked(*opened, *checkout)) return false;
  // The checkout writes the index last: without one it never came to its end.
  return has_index(checkout->admin) && head_of(open_bare(common), *checkout).branch == branch;
}

std::string current_branch(const fs::path& path, const fs::path& worktree) {
  const fs::path common = common_folder(open_repository(path));
  return head_of(open_bare(common), checkout_of(common, worktree)).branch;
}

}  // namespace fanout::git
