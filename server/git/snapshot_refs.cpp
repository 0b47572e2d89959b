#include "server/git/snapshot_refs.hpp"

#include <algorithm>
#include <charconv>

#include "server/git/refs.hpp"

namespace fanout::git {

namespace {

/// Others may append at the same time.
constexpr int kMostTries = 100;

std::optional<unsigned> number_in(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || number == 0 || text[0] == '0') return std::nullopt;
  return number;
}

}  // namespace

SnapshotRefs::SnapshotRefs(const Repository& bare, const std::string& run, const std::string& task)
    : bare_(&bare), common_(common_folder(bare)), prefix_("refs/fanout/snap/" + run + "/" + task + "/") {
  int valid = 0;
  const bool plain = run.find_first_of(std::string_view("/\0", 2)) == run.npos &&
                     task.find_first_of(std::string_view("/\0", 2)) == task.npos;
  if (plain && git_reference_name_is_valid(&valid, ref(1).c_str()) == 0 && valid == 1) return;
  throw Error(ErrorKind::invalid_input,
              "\"" + run + "/" + task + "\" cannot be part of the name of a git reference");
}

std::vector<unsigned> SnapshotRefs::numbers() const {
  ReferenceIterator iterator;
  check(git_reference_iterator_glob_new(iterator.out(), bare_->get(), (prefix_ + "*").c_str()),
        "list the snapshots");
  std::vector<unsigned> numbers;
  const char* name = nullptr;
  int code = 0;
  while ((code = git_reference_next_name(&name, iterator.get())) == 0) {
    if (const auto number = number_in(std::string_view(name).substr(prefix_.size())))
      numbers.push_back(*number);
  }
  if (code != GIT_ITEROVER) check(code, "list the snapshots");
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::optional<Snapshot> SnapshotRefs::find(unsigned number) const {
  git_oid id;
  Commit commit;
  if (git_reference_name_to_id(&id, bare_->get(), ref(number).c_str()) != 0) return std::nullopt;
  if (git_commit_lookup(commit.out(), bare_->get(), &id) != 0) return std::nullopt;
  Snapshot snapshot;
  snapshot.number = number;
  snapshot.commit = text_of(id);
  snapshot.tree = text_of(*git_commit_tree_id(commit.get()));
  snapshot.ref = ref(number);
  snapshot.time = git_commit_time(commit.get());
  if (const char* summary = git_commit_summary(commit.get())) snapshot.message = summary;
  if (git_commit_parentcount(commit.get()) > 0)
    snapshot.parent = text_of(*git_commit_parent_id(commit.get(), 0));
  return snapshot;
}

std::optional<Snapshot> SnapshotRefs::last() const {
  const auto all = numbers();
  return all.empty() ? std::nullopt : find(all.back());
}

unsigned SnapshotRefs::append(const git_oid& commit) const {
  for (int tries = 0; tries < kMostTries; ++tries) {
    const auto all = numbers();
    const unsigned number = all.empty() ? 1 : all.back() + 1;
    if (move_ref(*bare_, common_, ref(number), commit, git_oid{}, "fanout: snapshot")) return number;
  }
  throw Error(ErrorKind::unavailable, "the snapshots " + prefix_ + " keep changing");
}

}  // namespace fanout::git
