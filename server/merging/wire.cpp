#include "server/merging/wire.hpp"

#include "common/text.hpp"
#include "server/domain/subagent/transcript.hpp"

namespace fanout::merging {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMostText = 12u << 10;

v1::FileConflict::Kind kind_of(git::FileConflict::Kind kind) {
  using Kind = git::FileConflict::Kind;
  switch (kind) {
    case Kind::content: return v1::FileConflict::KIND_CONTENT;
    case Kind::both_added: return v1::FileConflict::KIND_BOTH_ADDED;
    case Kind::changed_and_deleted: return v1::FileConflict::KIND_CHANGED_AND_DELETED;
    case Kind::binary: return v1::FileConflict::KIND_BINARY;
    case Kind::other: return v1::FileConflict::KIND_OTHER;
  }
  return v1::FileConflict::KIND_UNSPECIFIED;
}

const char* words_for(git::FileConflict::Kind kind) {
  using Kind = git::FileConflict::Kind;
  switch (kind) {
    case Kind::content: return "both sides changed the same lines";
    case Kind::both_added: return "both sides added it, with different contents";
    case Kind::changed_and_deleted: return "one side changed it, the other deleted it";
    case Kind::binary: return "both sides changed it, and it is no text";
    case Kind::other: return "its type, or its name, was changed differently";
  }
  return "";
}

v1::FileChange::Kind kind_of(git::FileDelta::Kind kind) {
  switch (kind) {
    case git::FileDelta::Kind::added: return v1::FileChange::KIND_ADDED;
    case git::FileDelta::Kind::modified: return v1::FileChange::KIND_MODIFIED;
    case git::FileDelta::Kind::deleted: return v1::FileChange::KIND_DELETED;
    case git::FileDelta::Kind::renamed: return v1::FileChange::KIND_RENAMED;
  }
  return v1::FileChange::KIND_UNSPECIFIED;
}

std::string described(const git::FileConflict& conflict) {
  auto text = "### `" + printable(conflict.path) + "`\n\n" + words_for(conflict.kind) + ".\n";
  for (const auto& hunk : conflict.hunks) {
    text += "\nTheirs, from line " + std::to_string(hunk.our_line) + ":\n\n" + domain::fenced(hunk.ours) +
            "\nYours, from line " + std::to_string(hunk.their_line) + ":\n\n" + domain::fenced(hunk.theirs);
  }
  return text + "\n";
}

}  // namespace

google::protobuf::RepeatedPtrField<v1::FileConflict> to_wire(const std::vector<git::FileConflict>& conflicts) {
  google::protobuf::RepeatedPtrField<v1::FileConflict> all;
  for (const auto& conflict : conflicts) {
    auto& told = *all.Add();
    told.set_path(valid_utf8(conflict.path));
    told.set_kind(kind_of(conflict.kind));
    told.set_hunk_count(static_cast<std::uint32_t>(conflict.hunk_count));
    for (const auto& hunk : conflict.hunks) {
      auto& one = *told.add_hunks();
      one.set_our_line(static_cast<std::uint32_t>(hunk.our_line));
      one.set_their_line(static_cast<std::uint32_t>(hunk.their_line));
      one.set_ours(hunk.ours);
      one.set_theirs(hunk.theirs);
      one.set_before(hunk.before);
    }
  }
  return all;
}

void add_files(const std::vector<git::FileDelta>& files, int most, google::protobuf::RepeatedPtrField<v1::FileChange>& to) {
  for (const auto& file : files) {
    if (to.size() == most) return;
    auto& told = *to.Add();
    told.set_path(valid_utf8(file.path));
    told.set_kind(kind_of(file.kind));
    if (file.added) told.set_added(*file.added);
    if (file.deleted) told.set_deleted(*file.deleted);
  }
}

void add_commits(const std::vector<git::CommitInfo>& commits, int most, google::protobuf::RepeatedPtrField<v1::Commit>& to) {
  for (const auto& commit : commits) {
    if (to.size() == most) return;
    auto& told = *to.Add();
    told.set_id(commit.id);
    told.set_summary(valid_utf8(commit.summary));
  }
}

std::string described(const std::vector<git::FileConflict>& conflicts) {
  std::string text;
  std::size_t left_out = 0;
  for (const auto& conflict : conflicts) {
    const auto section = described(conflict);
    if (text.size() + section.size() <= kMostText) {
      text += section;
    } else {
      ++left_out;
    }
  }
  if (left_out > 0) text += counted(left_out, "file") + " more: git shows them.\n";
  return text;
}

}  // namespace fanout::merging
