#include "server/git/checkout_move.hpp"

#include "common/crash_point.hpp"
#include "common/text.hpp"
#include "server/git/fresh_index.hpp"
#include "server/git/head.hpp"
#include "server/git/scan.hpp"

namespace fanout::git {

namespace {

/// Its content is two commits: the one that the checkout has, and the one that it is to have.
constexpr const char* kMoveFile = "fanout-rebase";
constexpr std::size_t kMoveSize = 2 * GIT_OID_HEXSZ + 2;

FileMap files_at(const Repository& bare, const git_oid& commit) { return files_of(tree_of(find_commit(bare, commit))); }

std::size_t count_changes(const FileMap& head, const Scan& scan) {
  const auto is_as_head = [&](const FileMap& files, const std::string& path, const FileEntry& entry) {
    const auto found = files.find(path);
    return found != files.end() && found->second == entry;
  };
  std::size_t count = 0;
  for (const auto& [path, entry] : head) {
    count += is_as_head(scan.files, path, entry) && is_as_head(scan.staged, path, entry) ? 0 : 1;
  }
  for (const auto& [path, entry] : scan.staged) count += head.contains(path) ? 0 : 1;
  return count;
}

std::optional<Move> noted_move(const Place& place) {
  const auto text = read_regular(place.checkout.admin / kMoveFile, 2 * kMoveSize).value_or("");
  Move move;
  const bool known = text.size() >= kMoveSize - 1 && git_oid_fromstrn(&move.from, text.data(), GIT_OID_HEXSZ) == 0 &&
                     git_oid_fromstrn(&move.to, text.data() + GIT_OID_HEXSZ + 1, GIT_OID_HEXSZ) == 0;
  return known ? std::optional(move) : std::nullopt;
}

void note_move(const Place& place, const Move& move) {
  LockFile(place.common, place.checkout.admin / kMoveFile, std::chrono::milliseconds(1000))
      .replace(text_of(move.from) + " " + text_of(move.to) + "\n");
}

void forget_move(const Place& place) {
  std::error_code ignored;
  fs::remove(place.checkout.admin / kMoveFile, ignored);
}

UndoPlan plan_of(const Place& place, const git_oid& from, const git_oid& to) {
  return {place.common, place.checkout, files_at(place.bare, from), files_at(place.bare, to)};
}

void put_index(const Place& place, const LockFile& index, const git_oid& commit) {
  index.replace(index_holding(place.common, place.checkout, tree_of(find_commit(place.bare, commit))));
}

/// Cut off at any point and called again, it finishes.
void carry_out(const Place& place, const LockFile& index, const Move& move, const std::string& message) {
  put_files(plan_of(place, move.from, move.to));
  crash_point("rebase.checked-out");
  if (!move_head(place.bare, place.common, place.checkout, move.to, move.from, message)) {
    put_files(plan_of(place, move.to, move.from));
    forget_move(place);
    throw Error(ErrorKind::precondition, "something else moved the branch of " + place.checkout.folder.string() +
                                             " in the same moment; end what is at work there and try again");
  }
  crash_point("rebase.moved");
  put_index(place, index, move.to);
  forget_move(place);
}

}  // namespace

Place place_of(const fs::path& repository, const fs::path& folder) {
  const fs::path common = common_folder(open_repository(repository));
  return {common, open_bare(common), checkout_of(common, folder)};
}

git_oid head_at(const Place& place, const std::string& doing) {
  const auto head = head_of(place.bare, place.checkout).commit;
  if (head) return *head;
  throw Error(ErrorKind::precondition, "cannot " + doing + " " + place.checkout.folder.string() + ": it has no commit");
}

void refuse_dirty(const Place& place, const git_oid& head, const std::string& doing) {
  const auto sentence = "cannot " + doing + " " + place.checkout.folder.string() + ": ";
  if (!unfinished_in(place.checkout).empty()) {
    throw Error(ErrorKind::precondition, sentence + "a merge, rebase or the like is unfinished there");
  }
  const FileMap files = files_at(place.bare, head);
  const Scan scan = scan_worktree(place.bare, place.checkout, files, Contents::named, {});
  const auto count = count_changes(files, scan);
  if (count == 0) return;
  throw Error(ErrorKind::precondition, sentence + counted(count, "uncommitted change") + "; commit first");
}

void move_checkout(const Place& place, const LockFile& index, const Move& move, const std::string& message) {
  refuse_obstacles(plan_of(place, move.from, move.to));
  note_move(place, move);
  crash_point("rebase.noted");
  carry_out(place, index, move, message);
}

void finish_noted(const Place& place, const LockFile& index, const std::string& message) {
  const auto move = noted_move(place);
  if (!move) return;
  const auto head = head_of(place.bare, place.checkout).commit;
  if (head && git_oid_equal(&move->from, &*head)) return carry_out(place, index, *move, message);
  if (head && git_oid_equal(&move->to, &*head)) put_index(place, index, *head);
  forget_move(place);
}

bool has_noted(const Place& place) { return noted_move(place).has_value(); }

}  // namespace fanout::git
