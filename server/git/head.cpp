#include "server/git/head.hpp"

#include "server/git/lock_file.hpp"
#include "server/git/refs.hpp"

namespace fanout::git {

namespace {

constexpr std::chrono::milliseconds kPatience{1000};

}  // namespace

bool move_head(const Repository& bare, const fs::path& common, const Checkout& checkout, const git_oid& target,
               const git_oid& expected, const std::string& message) {
  const auto branch = head_of(bare, checkout).branch;
  if (!branch.empty()) return move_ref(bare, common, "refs/heads/" + branch, target, expected, message);
  const LockFile lock(common, checkout.admin / "HEAD", kPatience);
  const Head head = head_of(bare, checkout);
  const git_oid now = head.commit.value_or(git_oid{});
  if (!head.branch.empty() || !git_oid_equal(&now, &expected)) return false;
  lock.replace(text_of(target) + "\n");
  return true;
}

void attach_head(const Repository& bare, const fs::path& common, const Checkout& checkout, const std::string& branch) {
  if (head_of(bare, checkout).branch == branch) return;
  const fs::path file = checkout.admin / "HEAD";
  LockFile(common, file, kPatience).replace("ref: refs/heads/" + branch + "\n");
}

}  // namespace fanout::git
