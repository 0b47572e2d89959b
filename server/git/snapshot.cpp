#include "server/git/snapshot.hpp"

#include "common/text.hpp"
#include "server/git/refs.hpp"
#include "server/git/scan.hpp"
#include "server/git/snapshot_refs.hpp"

namespace fanout::git {

namespace {

/// The worktree as it is registered; a folder that is not is taken for what it is.
Checkout checkout_or_folder(const fs::path& common, const fs::path& worktree) {
  if (auto found = checkout_at(common, worktree)) return std::move(*found);
  return {place(worktree), {}, false};
}

std::optional<git_oid> parent_of(const Repository& bare, const Checkout& checkout,
                                 const std::optional<Snapshot>& last) {
  if (!checkout.admin.empty()) return head_of(bare, checkout).commit;
  if (!last || last->parent.empty()) return std::nullopt;
  return parse_id(last->parent);
}

/// Only to help where there is no index: a monster of a commit is no reason to take no snapshot.
FileMap files_of_commit(const Commit& commit) {
  try {
    return commit ? files_of(tree_of(commit)) : FileMap();
  } catch (const Error&) {
    return {};
  }
}

bool is_same(const Repository& bare, const Snapshot& last, const git_oid& tree, const std::string& parent) {
  const Commit commit = find_commit(bare, last.commit);
  return last.parent == parent && git_oid_equal(git_commit_tree_id(commit.get()), &tree);
}

git_oid commit_snapshot(const Repository& bare, const git_oid& tree_id, const Commit& parent,
                        const std::string& message) {
  Tree tree;
  check(git_tree_lookup(tree.out(), bare.get(), &tree_id), "read the new tree");
  const Signature who = identity(bare);
  const git_commit* parents[] = {parent.get()};
  git_oid id;
  const auto create = [&] {
    return git_commit_create(&id, bare.get(), nullptr, who.get(), who.get(), nullptr,
                             (valid_utf8(message) + "\n").c_str(), tree.get(), parent ? 1 : 0, parents);
  };
  check_stored(create, "commit the snapshot");
  return id;
}

/// What was not taken over from the task's sandbox.
std::vector<RefDeletion> kept_refs(const Repository& bare, const std::string& run, const std::string& task) {
  ReferenceIterator iterator;
  const auto pattern = "refs/fanout/kept/" + run + "/" + task + "/*";
  check(git_reference_iterator_glob_new(iterator.out(), bare.get(), pattern.c_str()), "list what was kept");
  std::vector<RefDeletion> refs;
  for (const char* name = nullptr; git_reference_next_name(&name, iterator.get()) == 0;) refs.push_back({name, std::nullopt});
  return refs;
}

}  // namespace

std::optional<Snapshot> take_snapshot(const fs::path& repository, const fs::path& worktree,
                                      const std::string& run, const std::string& task,
                                      const std::string& message, std::stop_token stop) {
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  const SnapshotRefs refs(bare, run, task);
  const Checkout checkout = checkout_or_folder(common, worktree);
  const auto last = refs.last();
  const auto parent_id = parent_of(bare, checkout, last);
  const Commit parent = parent_id ? find_commit(bare, *parent_id) : Commit();
  Scan scan = scan_worktree(bare, checkout, files_of_commit(parent), Contents::stored, std::move(stop));
  const git_oid tree = write_tree(bare, scan.files, scan.left_out);
  if (last && is_same(bare, *last, tree, parent_id ? text_of(*parent_id) : "")) return std::nullopt;
  const unsigned number = refs.append(commit_snapshot(bare, tree, parent, message));
  auto snapshot = refs.find(number);
  if (!snapshot)
    throw Error(ErrorKind::system, "snapshot " + refs.ref(number) + " is gone as soon as it was made");
  snapshot->left_out = std::move(scan.left_out);
  return snapshot;
}

std::optional<Snapshot> last_snapshot(const fs::path& repository, const std::string& run, const std::string& task) {
  const Repository bare = open_bare(common_folder(open_repository(repository)));
  return SnapshotRefs(bare, run, task).last();
}

std::vector<Snapshot> list_snapshots(const fs::path& repository, const std::string& run,
                                     const std::string& task) {
  const Repository bare = open_bare(common_folder(open_repository(repository)));
  const SnapshotRefs refs(bare, run, task);
  std::vector<Snapshot> all;
  for (const unsigned number : refs.numbers()) {
    if (auto snapshot = refs.find(number)) all.push_back(std::move(*snapshot));
  }
  return all;
}

std::size_t delete_snapshots(const fs::path& repository, const std::string& run, const std::string& task,
                             unsigned last) {
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  const SnapshotRefs refs(bare, run, task);
  std::vector<RefDeletion> unwanted;
  for (const unsigned number : refs.numbers()) {
    if (number <= last) unwanted.push_back({refs.ref(number), std::nullopt});
  }
  const auto count = delete_refs(bare, common, unwanted);
  if (last == ~0U) delete_refs(bare, common, kept_refs(bare, run, task));
  return count;
}

}  // namespace fanout::git
