#include "server/git/change_id.hpp"

namespace fanout::git {

namespace {

/// Larger files are compared as a whole.
constexpr git_off_t kLargestText = 16 * 1024 * 1024;
constexpr std::size_t kLargestChange = 256 * 1024 * 1024;

constexpr std::size_t kMostDeltas = 200'000;

/// Ends a comparison that was made to fill the memory.
int count_file(const git_diff* diff, const git_diff_delta*, const char*, void*) {
  return git_diff_num_deltas(diff) > kMostDeltas ? GIT_EUSER : 0;
}

std::string outline_of(const git_diff_delta& delta) {
  const char* path = delta.status == GIT_DELTA_DELETED ? delta.old_file.path : delta.new_file.path;
  return std::to_string(delta.status) + " " + std::to_string(delta.old_file.mode) + " " +
         std::to_string(delta.new_file.mode) + " " + path + '\0';
}

void add_hunk(git_patch* patch, std::size_t hunk, std::string& text) {
  text += "@\n";
  const int lines = git_patch_num_lines_in_hunk(patch, hunk);
  for (int i = 0; i < lines; ++i) {
    const git_diff_line* line = nullptr;
    check(git_patch_get_line_in_hunk(&line, patch, hunk, static_cast<std::size_t>(i)), "compare two files");
    text += line->origin;
    text.append(line->content, line->content_len);
  }
}

void add_content(git_patch* patch, std::string& text) {
  const git_diff_delta* delta = git_patch_get_delta(patch);
  const std::size_t hunks = git_patch_num_hunks(patch);
  if (hunks == 0 || (delta->flags & GIT_DIFF_FLAG_BINARY)) {
    text += text_of(delta->old_file.id) + text_of(delta->new_file.id);
    return;
  }
  for (std::size_t i = 0; i < hunks; ++i) add_hunk(patch, i, text);
}

}  // namespace

Change::Change(const Repository& bare, const git_tree* before, const git_tree* after) {
  git_diff_options options = GIT_DIFF_OPTIONS_INIT;
  options.flags = GIT_DIFF_INCLUDE_TYPECHANGE;
  options.max_size = kLargestText;
  options.notify_cb = count_file;
  const int code = git_diff_tree_to_tree(diff_.out(), bare.get(), const_cast<git_tree*>(before),
                                         const_cast<git_tree*>(after), &options);
  if (code == GIT_EUSER)
    throw Error(ErrorKind::precondition, "a commit changes too many files to be compared");
  check(code, "compare two commits");
  for (std::size_t i = 0; i < git_diff_num_deltas(diff_.get()); ++i) {
    outline_ += outline_of(*git_diff_get_delta(diff_.get(), i));
  }
}

bool Change::is_empty() const { return outline_.empty(); }

std::optional<std::string> Change::id() const {
  std::string text;
  for (std::size_t i = 0; i < git_diff_num_deltas(diff_.get()); ++i) {
    const git_diff_delta* delta = git_diff_get_delta(diff_.get(), i);
    text += outline_of(*delta);
    Patch patch;
    check(git_patch_from_diff(patch.out(), diff_.get(), i), "compare two files");
    if (patch) {
      add_content(patch.get(), text);
    } else {
      text += text_of(delta->old_file.id) + text_of(delta->new_file.id);
    }
    if (text.size() > kLargestChange) return std::nullopt;
  }
  git_oid id;
  check(git_odb_hash(&id, text.data(), text.size(), GIT_OBJECT_BLOB), "name a change");
  return text_of(id);
}

Change change_of(const Repository& bare, const Commit& commit) {
  Tree before;
  if (git_commit_parentcount(commit.get()) > 0) {
    before = tree_of(find_commit(bare, *git_commit_parent_id(commit.get(), 0)));
  }
  const Tree after = tree_of(commit);
  return Change(bare, before.get(), after.get());
}

}  // namespace fanout::git
