#include "server/git/conflict_hunks.hpp"

#include <algorithm>
#include <map>

#include "common/text.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kMostHunks = 20;
constexpr std::size_t kMostText = 2048;
constexpr git_object_size_t kLargest = 1 << 20;

using Lines = std::vector<std::string_view>;

/// With their line ends.
Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto size = end == text.npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

/// A mark in the end of a file that has no line end stands behind one that git adds, and so does not belong to the text.
bool is_same_line(std::string_view one, std::string_view other) {
  const auto plain = [](std::string_view line) { return line.substr(0, line.find_last_not_of("\r\n") + 1); };
  return one == other || plain(one) == plain(other);
}

bool stand_at(const Lines& all, std::size_t place, const Lines& some) {
  return place + some.size() <= all.size() &&
         std::equal(some.begin(), some.end(), all.begin() + static_cast<std::ptrdiff_t>(place), is_same_line);
}

/// Where `some` stand in `all`, not before `from`, and as near to `expected` as can be. Counted from 0.
std::size_t find_lines(const Lines& all, const Lines& some, std::size_t from, std::size_t expected) {
  if (some.empty()) return std::clamp(expected, from, std::max(from, all.size()));
  std::optional<std::size_t> best;
  const auto far = [&](std::size_t place) { return place > expected ? place - expected : expected - place; };
  for (auto place = from; place + some.size() <= all.size(); ++place) {
    if (stand_at(all, place, some) && (!best || far(place) < far(*best))) best = place;
  }
  return best.value_or(std::max(from, expected));
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const auto line : lines) {
    text += line;
    if (text.size() > kMostText) break;
  }
  return head(valid_utf8(text), kMostText);
}

/// One side, and how far it has been read.
struct Side {
  Lines all;
  std::size_t read = 0;      ///< Lines that lie before.
  std::size_t expected = 0;  ///< The same as far as the merged text tells, which has lines of the other side too.

  std::size_t take(const Lines& part) {
    const auto place = find_lines(all, part, read, expected);
    read = place + part.size();
    expected = read;
    return place + 1;
  }
};

enum class Part { common, ours, before, theirs };

/// The part that begins after this line; empty: it is no mark.
std::optional<Part> mark_in(std::string_view line) {
  const auto is = [&](char c) { return line.size() >= kMarkSize && line.find_first_not_of(c) >= kMarkSize; };
  if (is('<')) return Part::ours;
  if (is('|')) return Part::before;
  if (is('=')) return Part::theirs;
  if (is('>')) return Part::common;
  return std::nullopt;
}

bool is_binary(const Repository& repository, const git_index_entry& entry) {
  Blob blob;
  if (git_blob_lookup(blob.out(), repository.get(), &entry.id) != 0) return true;
  return git_blob_rawsize(blob.get()) > kLargest || git_blob_is_binary(blob.get()) == 1;
}

std::string text_in(const Repository& repository, const git_index_entry& entry) {
  Blob blob;
  check(git_blob_lookup(blob.out(), repository.get(), &entry.id), std::string("read ") + entry.path);
  return {static_cast<const char*>(git_blob_rawcontent(blob.get())), static_cast<std::size_t>(git_blob_rawsize(blob.get()))};
}

struct MergedFile {
  git_merge_file_result raw = {};
  MergedFile() = default;
  MergedFile(const MergedFile&) = delete;
  MergedFile& operator=(const MergedFile&) = delete;
  ~MergedFile() { git_merge_file_result_free(&raw); }
};

/// One file's entries of the index; null where a side has none.
struct Sides {
  const git_index_entry *ancestor, *ours, *theirs;
};

FileConflict::Kind kind_of(const Repository& repository, const Sides& sides) {
  using Kind = FileConflict::Kind;
  if (!sides.ours && !sides.theirs) return Kind::other;
  if (!sides.ours || !sides.theirs) return sides.ancestor ? Kind::changed_and_deleted : Kind::other;
  const auto is_file = [](const git_index_entry* entry) {
    return entry->mode == GIT_FILEMODE_BLOB || entry->mode == GIT_FILEMODE_BLOB_EXECUTABLE;
  };
  if (!is_file(sides.ours) || !is_file(sides.theirs)) return Kind::other;
  if (is_binary(repository, *sides.ours) || is_binary(repository, *sides.theirs)) return Kind::binary;
  return sides.ancestor ? Kind::content : Kind::both_added;
}

void add_hunks(const Repository& repository, const Sides& sides, FileConflict& conflict) {
  git_merge_file_options options = GIT_MERGE_FILE_OPTIONS_INIT;
  options.flags = GIT_MERGE_FILE_STYLE_DIFF3;
  options.marker_size = kMarkSize;
  MergedFile merged;
  const int code = git_merge_file_from_index(&merged.raw, repository.get(), sides.ancestor, sides.ours, sides.theirs, &options);
  check(code, "compare both sides of " + conflict.path);
  conflict.hunks = conflict_hunks({merged.raw.ptr, merged.raw.len}, text_in(repository, *sides.ours), text_in(repository, *sides.theirs));
  conflict.hunk_count = conflict.hunks.size();
  if (conflict.hunks.size() > kMostHunks) conflict.hunks.resize(kMostHunks);
}

FileConflict describe(const Repository& repository, const Sides& sides) {
  FileConflict conflict;
  const auto* named = sides.ours ? sides.ours : sides.theirs ? sides.theirs : sides.ancestor;
  conflict.path = named->path;
  conflict.kind = kind_of(repository, sides);
  const bool is_text = conflict.kind == FileConflict::Kind::content || conflict.kind == FileConflict::Kind::both_added;
  if (is_text) add_hunks(repository, sides, conflict);
  return conflict;
}

}  // namespace

std::vector<ConflictHunk> conflict_hunks(std::string_view merged, std::string_view ours, std::string_view theirs) {
  std::vector<ConflictHunk> hunks;
  Side our_side{lines_of(ours)}, their_side{lines_of(theirs)};
  std::map<Part, Lines> parts;
  Part part = Part::common;
  for (const auto line : lines_of(merged)) {
    const auto mark = mark_in(line);
    if (!mark) {
      parts[part].push_back(line);
      continue;
    }
    if (part == Part::common) {
      our_side.expected += parts[part].size();
      their_side.expected += parts[part].size();
    }
    part = *mark;
    if (part == Part::ours) parts.clear();
    if (part != Part::common) continue;
    auto& hunk = hunks.emplace_back();
    hunk.our_line = our_side.take(parts[Part::ours]);
    hunk.their_line = their_side.take(parts[Part::theirs]);
    hunk.ours = joined(parts[Part::ours]);
    hunk.theirs = joined(parts[Part::theirs]);
    hunk.before = joined(parts[Part::before]);
    parts.clear();
  }
  return hunks;
}

std::vector<FileConflict> describe_conflicts(const Repository& repository, const Index& index) {
  ConflictIterator iterator;
  check(git_index_conflict_iterator_new(iterator.out(), index.get()), "list the conflicts");
  std::map<std::string, FileConflict> found;
  Sides sides{};
  int code = 0;
  while ((code = git_index_conflict_next(&sides.ancestor, &sides.ours, &sides.theirs, iterator.get())) == 0) {
    auto conflict = describe(repository, sides);
    const auto path = conflict.path;
    found.try_emplace(path, std::move(conflict));
  }
  if (code != GIT_ITEROVER) check(code, "list the conflicts");
  std::vector<FileConflict> conflicts;
  for (auto& [path, conflict] : found) conflicts.push_back(std::move(conflict));
  return conflicts;
}

}  // namespace fanout::git
