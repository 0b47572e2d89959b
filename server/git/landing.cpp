#include "server/git/landing.hpp"

#include "server/git/checkout_move.hpp"
#include "server/git/fresh_index.hpp"
#include "server/git/merging.hpp"
#include "server/git/refs.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

namespace {

constexpr const char* kDoing = "merge into";
/// Editors look at the state of a checkout now and then, and hold the lock of its index for a moment.
constexpr std::chrono::milliseconds kIndexPatience{3000};
constexpr const char* kElsewhere = ", or merge into another branch (--into)";

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorKind::precondition, why + kElsewhere); }

/// The same error, with the other way out.
template <class Look>
void with_advice(const Look& look) {
  try {
    look();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::precondition) throw;
    refuse(error.what());
  }
}

bool is_sparse(const Repository& repository) {
  Config config;
  int value = 0;
  if (git_repository_config_snapshot(config.out(), repository.get()) != 0) return false;
  return git_config_get_bool(&value, config.get(), "core.sparsecheckout") == 0 && value != 0;
}

Holder holder(const Repository& bare, const fs::path& common, const fs::path& repository, const std::string& branch) {
  const auto folder = holder_of(bare, common, branch);
  if (!folder) return Holder::nobody;
  if (*folder != place(repository)) {
    refuse("branch " + branch + " is checked out in " + folder->string() + ": check out another one there");
  }
  return Holder::main_checkout;
}

/// `paths`: those that the merge changes.
void refuse_unfit(const Place& main, const git_oid& head, const std::vector<std::string>& paths) {
  if (is_sparse(main.bare)) {
    throw Error(ErrorKind::precondition, "the checkout in " + main.checkout.folder.string() +
                                             " is sparse, and only git changes such ones: check out another branch there");
  }
  refuse_dirty(main, head, kDoing, paths);
}

bool has_attribute(const Repository& repository, const std::string& path, const char* name) {
  const char* value = nullptr;
  if (git_attr_get(&value, repository.get(), GIT_ATTR_CHECK_FILE_THEN_INDEX, path.c_str(), name) != 0) return false;
  return git_attr_value(value) == GIT_ATTR_VALUE_STRING;
}

/// Filters are programs, and encodings are git's business; only files that change matter.
void refuse_filtered(const fs::path& path, const std::vector<std::string>& paths) {
  const Repository repository = open_repository(path);
  for (const auto& file : paths) {
    for (const char* name : {"filter", "working-tree-encoding"}) {
      if (!has_attribute(repository, file, name)) continue;
      throw Error(ErrorKind::precondition, file + " has the attribute " + name +
                                               ", which only git itself observes: check out another branch in " + path.string());
    }
  }
}

Landed land_in_checkout(const Landing& landing, const Move& move) {
  const Place main = place_of(landing.repository, landing.repository);
  const LockFile index = lock_index(main.common, main.checkout, kIndexPatience);
  finish_noted(main, index, landing.message);
  const Head head = head_of(main.bare, main.checkout);
  // Under the lock of the index, git checks out no other branch.
  if (head.branch != landing.branch || !head.commit || !git_oid_equal(&*head.commit, &move.from)) return {};
  with_advice([&] {
    const auto paths = touched_files(landing.repository, landing.from, landing.to);
    refuse_unfit(main, move.from, paths);
    refuse_filtered(landing.repository, paths);
    move_checkout(main, index, move, landing.message);
  });
  return {true, true};
}

}  // namespace

Holder require_landable(const fs::path& repository, const std::string& branch, const std::vector<std::string>& paths) {
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  const Holder who = holder(bare, common, repository, branch);
  if (who == Holder::nobody) return who;
  const Place main = place_of(repository, repository);
  with_advice([&] { refuse_unfit(main, head_at(main, kDoing), paths); });
  return who;
}

namespace {

Landed land_somewhere(const Landing& landing) {
  const fs::path common = common_folder(open_repository(landing.repository));
  const Repository bare = open_bare(common);
  const Move move{parse_id(landing.from), parse_id(landing.to)};
  if (holder(bare, common, landing.repository, landing.branch) == Holder::main_checkout) return land_in_checkout(landing, move);
  return {move_ref(bare, common, "refs/heads/" + landing.branch, move.to, move.from, landing.message), false};
}

}  // namespace

/// A lock that another program keeps is nothing that the daemon could not be reached for.
Landed land(const Landing& landing) {
  try {
    return land_somewhere(landing);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable) throw;
    throw Error(ErrorKind::precondition, error.what());
  }
}

void finish_landing(const fs::path& repository) {
  const Place main = place_of(repository, repository);
  if (!has_noted(main)) return;
  const LockFile index = lock_index(main.common, main.checkout, kIndexPatience);
  finish_noted(main, index, "merge: by Fanout");
}

}  // namespace fanout::git
