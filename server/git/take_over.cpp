// What was committed in a shadow becomes the branch's.
#include "common/text.hpp"
#include "server/git/fresh_index.hpp"
#include "server/git/git.hpp"
#include "server/git/refs.hpp"
#include "server/git/shadow.hpp"

namespace fanout::git {

namespace {

constexpr unsigned kMostKept = 10'000;
constexpr std::chrono::milliseconds kWorktreeIndexPatience{2000};

bool has_commit(const Repository& bare, const git_oid& id) {
  Commit commit;
  return git_commit_lookup(commit.out(), bare.get(), &id) == 0;
}

}  // namespace

std::string take_over(const TakeOver& move) {
  const fs::path common = common_folder(open_repository(move.repository));
  const Repository bare = open_bare(common);
  const auto from = parse_id(move.from), to = parse_id(move.to), base = parse_id(move.base);
  if (!has_commit(bare, to)) return "the agent put its branch at " + move.to.substr(0, 8) + ", which is no commit";
  if (!holds(bare, to, base)) {
    return "the agent put its branch " + move.branch + " at " + move.to.substr(0, 8) + ", which does not hold " +
           move.base.substr(0, 8) + ", the commit that the task started from";
  }
  const Checkout checkout = checkout_of(common, move.worktree);
  const LockFile index = lock_index(common, checkout, kWorktreeIndexPatience);
  if (!move_ref(bare, common, "refs/heads/" + move.branch, to, from, "fanout: taken from the sandbox"))
    return "somebody else moved the branch " + move.branch + " while the agent was at work";
  index.replace(index_holding(common, checkout, tree_of(find_commit(bare, to))));
  return "";
}

std::string keep_commit(const fs::path& repository, const std::string& run, const std::string& task, const std::string& commit) {
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  const auto id = parse_id(commit);
  const std::string prefix = "refs/fanout/kept/" + run + "/" + task + "/";
  for (unsigned number = 1; number < kMostKept; ++number) {
    const auto name = prefix + std::to_string(number);
    git_oid there;
    const bool taken = git_reference_name_to_id(&there, bare.get(), name.c_str()) == 0;
    if (taken && git_oid_equal(&there, &id)) return name;
    if (!taken && move_ref(bare, common, name, id, git_oid{}, "fanout: kept")) return name;
  }
  throw Error(ErrorKind::system, "there are too many commits below " + prefix);
}

}  // namespace fanout::git
