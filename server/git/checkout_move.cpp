#include "server/git/checkout_move.hpp"

#include <algorithm>
#include <iterator>

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

/// The files that git follows and that differ from the head, sorted.
struct Dirty {
  std::vector<std::string> staged, changed;
};

std::string cannot(const std::string& doing, const Place& place) {
  return "cannot " + doing + " " + place.checkout.folder.string() + ": ";
}

Dirty dirty_files(const Place& place, const git_oid& head, const std::string& doing) {
  if (!unfinished_in(place.checkout).empty()) {
    throw Error(ErrorKind::precondition, cannot(doing, place) + "a merge, rebase or the like is unfinished there");
  }
  const FileMap files = files_at(place.bare, head);
  const Scan scan = scan_worktree(place.bare, place.checkout, files, Contents::named, {});
  Dirty dirty{differences(files, scan.staged), differences(files, scan.files)};
  std::erase_if(dirty.changed, [&](const auto& path) { return !files.contains(path) && !scan.staged.contains(path); });
  return dirty;
}

using Paths = std::vector<std::string>;

Paths united(const Paths& one, const Paths& other) {
  Paths all;
  std::set_union(one.begin(), one.end(), other.begin(), other.end(), std::back_inserter(all));
  return all;
}

void refuse_any(const Paths& paths, const std::string& sentence) {
  if (paths.empty()) return;
  const auto name = paths.size() == 1 ? " (" + printable(paths.front()) + ")" : std::string();
  throw Error(ErrorKind::precondition, sentence + counted(paths.size(), "uncommitted change") + name + "; commit first");
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
  const auto dirty = dirty_files(place, head, doing);
  refuse_any(united(dirty.staged, dirty.changed), cannot(doing, place));
}

void refuse_dirty(const Place& place, const git_oid& head, const std::string& doing, const std::vector<std::string>& paths) {
  const auto dirty = dirty_files(place, head, doing);
  Paths in_the_way;
  std::set_intersection(dirty.changed.begin(), dirty.changed.end(), paths.begin(), paths.end(), std::back_inserter(in_the_way));
  refuse_any(united(dirty.staged, in_the_way), cannot(doing, place));
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
