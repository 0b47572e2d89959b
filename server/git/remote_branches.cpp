#include "server/git/checkouts.hpp"
#include "server/git/connection.hpp"
#include "server/git/refs.hpp"
#include "server/git/registry.hpp"
#include "server/git/removal.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

namespace {

constexpr std::string_view kHeads = "refs/heads/";

void connect(Connection& connection, git_direction direction, const std::string& doing) {
  const git_remote_callbacks callbacks = connection.callbacks();
  const git_proxy_options proxy = connection.proxy();
  connection.check(git_remote_connect(connection.remote(), direction, &callbacks, &proxy, nullptr), doing);
  connection.accepted();
}

std::map<std::string, std::string> branches_at(const Connection& connection, const std::string& doing) {
  const git_remote_head** heads = nullptr;
  std::size_t count = 0;
  connection.check(git_remote_ls(&heads, &count, connection.remote()), doing);
  std::map<std::string, std::string> branches;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name = heads[i]->name;
    if (name.starts_with(kHeads)) branches.emplace(name.substr(kHeads.size()), text_of(heads[i]->oid));
  }
  return branches;
}

/// On the connection that told where the branch is: the server compares that with what it has when it
/// deletes.
void delete_at_server(Connection& connection, const std::string& branch, const std::string& doing) {
  const git_push_options options = connection.push_options();
  std::string spec = ":" + std::string(kHeads) + branch;
  char* specs[] = {spec.data()};
  const git_strarray list = {specs, 1};
  const int code = git_remote_upload(connection.remote(), &list, &options);
  if (const auto reason = connection.rejection()) {
    throw Error(ErrorKind::precondition, "cannot " + doing + ": the remote refuses, " + *reason);
  }
  connection.check(code, doing);
}

void delete_in_folder(const fs::path& folder, const std::string& branch, const git_oid& expected) {
  const fs::path common = common_folder(open_repository(folder));
  const Repository bare = open_bare(common);
  if (const auto holder = holder_of(bare, common, branch)) {
    throw Error(ErrorKind::precondition, "branch " + branch + " is checked out in " + holder->string());
  }
  delete_refs(bare, common, {{std::string(kHeads) + branch, expected}});
}

void refuse_moved(const std::string& doing, const std::string& now, const std::string& expected) {
  if (now == expected) return;
  throw Error(ErrorKind::precondition, "cannot " + doing + ": it is at " + now.substr(0, 7) +
                                           " there and no longer at " + expected.substr(0, 7));
}

}  // namespace

std::map<std::string, std::string> remote_branches(const fs::path& path, const std::string& remote,
                                                   std::stop_token stop) {
  const Repository repository = open_repository(path);
  const std::string doing = "list the branches of " + remote;
  Connection connection(repository, remote, GIT_DIRECTION_FETCH, std::move(stop));
  connect(connection, GIT_DIRECTION_FETCH, doing);
  return branches_at(connection, doing);
}

std::optional<std::string> remote_branch_tip(const fs::path& repository, const std::string& remote,
                                             const std::string& branch, std::stop_token stop) {
  const auto branches = remote_branches(repository, remote, std::move(stop));
  const auto found = branches.find(branch);
  return found == branches.end() ? std::nullopt : std::optional(found->second);
}

bool delete_remote_branch(const fs::path& path, const std::string& remote, const std::string& branch,
                          const std::string& expected, std::stop_token stop) {
  const git_oid wanted = parse_id(expected);
  const Repository repository = open_repository(path);
  const std::string doing = "delete branch " + branch + " on " + remote;
  Connection connection(repository, remote, GIT_DIRECTION_PUSH, std::move(stop));
  connect(connection, GIT_DIRECTION_PUSH, doing);
  const auto branches = branches_at(connection, doing);
  const auto found = branches.find(branch);
  if (found != branches.end()) {
    refuse_moved(doing, found->second, expected);
    if (const fs::path folder = connection.local_folder(); fs::exists(fs::status(folder))) {
      delete_in_folder(folder, branch, wanted);
    } else {
      delete_at_server(connection, branch, doing);
    }
  }
  const fs::path common = common_folder(repository);
  const RegistryLock lock(common);
  delete_refs(open_bare(common), common, {{"refs/remotes/" + remote + "/" + branch, std::nullopt}});
  return found != branches.end();
}

}  // namespace fanout::git
