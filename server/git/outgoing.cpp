#include "server/git/outgoing.hpp"

#include <algorithm>

#include "common/byte_size.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

namespace {

constexpr git_off_t kLargestSearched = 16 << 20;

/// Lines that follow each other in the new file.
struct AddedLines {
  unsigned first = 0;
  std::string text;
};

/// Looks through one commit after the other.
class Examination {
 public:
  Examination(const Repository& repository, const OutgoingRules& rules, std::size_t most)
      : repository_(repository), rules_(rules), most_(most) {
    check(git_repository_odb(odb_.out(), repository.get()), "open the objects");
  }

  void look_at(const git_oid& id) {
    const Commit commit = find_commit(repository_, id);
    commit_ = text_of(id);
    const char* message = git_commit_message(commit.get());
    if (rules_.find_secrets && message) search("", {1, message}, false);
    const Tree tree = tree_of(commit);
    std::vector<Tree> parents;
    for (unsigned i = 0; i < git_commit_parentcount(commit.get()); ++i) {
      parents.push_back(tree_of(find_commit(repository_, *git_commit_parent_id(commit.get(), i))));
    }
    compare(parents, tree);
  }

  bool is_full() const { return faults_.size() >= most_; }
  std::vector<OutgoingFault> faults() && { return std::move(faults_); }

 private:
  /// With its first parent; what a merge has from another one came with that one's commits.
  void compare(const std::vector<Tree>& parents, const Tree& tree) {
    git_diff_options options = GIT_DIFF_OPTIONS_INIT;
    options.context_lines = 0;
    options.max_size = kLargestSearched;
    options.flags = GIT_DIFF_IGNORE_SUBMODULES;
    Diff diff;
    check(git_diff_tree_to_tree(diff.out(), repository_.get(), parents.empty() ? nullptr : parents.front().get(), tree.get(),
                                &options),
          "compare two commits");
    for (std::size_t i = 0; i < git_diff_num_deltas(diff.get()) && !is_full(); ++i) {
      const auto& file = git_diff_get_delta(diff.get(), i)->new_file;
      const bool is_file = file.mode == GIT_FILEMODE_BLOB || file.mode == GIT_FILEMODE_BLOB_EXECUTABLE || file.mode == GIT_FILEMODE_LINK;
      if (is_file && !is_in_another(parents, file)) look_at_file(diff, i, file);
    }
  }

  static bool is_in_another(const std::vector<Tree>& parents, const git_diff_file& file) {
    return std::any_of(parents.begin() + (parents.empty() ? 0 : 1), parents.end(), [&](const Tree& parent) {
      Handle<git_tree_entry, git_tree_entry_free> entry;
      return git_tree_entry_bypath(entry.out(), parent.get(), file.path) == 0 && git_oid_equal(git_tree_entry_id(entry.get()), &file.id);
    });
  }

  void look_at_file(const Diff& diff, std::size_t number, const git_diff_file& file) {
    std::size_t size = 0;
    git_object_t type{};
    check(git_odb_read_header(&size, &type, odb_.get(), &file.id), "read the size of a file");
    if (rules_.max_file_bytes > 0 && size > rules_.max_file_bytes) {
      faults_.push_back({commit_, file.path, 0, "has " + format_byte_size(size), false});
    }
    if (!rules_.find_secrets || is_full()) return;
    Patch patch;
    check(git_patch_from_diff(patch.out(), diff.get(), number), "compare two files");
    if (!patch || (git_patch_get_delta(patch.get())->flags & GIT_DIFF_FLAG_BINARY) != 0) return;
    for (std::size_t hunk = 0; hunk < git_patch_num_hunks(patch.get()) && !is_full(); ++hunk) {
      search(file.path, added_lines(patch, hunk), true);
    }
  }

  static AddedLines added_lines(const Patch& patch, std::size_t hunk) {
    AddedLines lines;
    const int count = git_patch_num_lines_in_hunk(patch.get(), hunk);
    for (int i = 0; i < count; ++i) {
      const git_diff_line* line = nullptr;
      check(git_patch_get_line_in_hunk(&line, patch.get(), hunk, static_cast<std::size_t>(i)), "compare two files");
      if (line->origin != GIT_DIFF_LINE_ADDITION) continue;
      if (lines.text.empty()) lines.first = static_cast<unsigned>(line->new_lineno);
      lines.text.append(line->content, line->content_len);
    }
    return lines;
  }

  void search(const char* file, const AddedLines& lines, bool counts_lines) {
    for (const auto& secret : rules_.find_secrets(lines.text)) {
      if (is_full()) return;
      const auto before = std::string_view(lines.text).substr(0, secret.offset);
      const auto line = lines.first + static_cast<unsigned>(std::count(before.begin(), before.end(), '\n'));
      faults_.push_back({commit_, file, counts_lines ? line : 0, "holds " + std::string(secret.kind), true});
    }
  }

  const Repository& repository_;
  const OutgoingRules& rules_;
  const std::size_t most_;
  Odb odb_;
  std::string commit_;
  std::vector<OutgoingFault> faults_;
};

}  // namespace

std::vector<OutgoingFault> faults_in_outgoing(const std::filesystem::path& path, const std::string& remote,
                                              const std::string& base, const std::string& branch, const OutgoingRules& rules,
                                              std::stop_token stop, std::size_t most) {
  const Repository repository = open_repository(path);
  Revwalk walk;
  check(git_revwalk_new(walk.out(), repository.get()), "list the commits");
  git_revwalk_sorting(walk.get(), GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
  const git_oid tip = find_branch(repository, branch), from = parse_id(base);
  check(git_revwalk_push(walk.get(), &tip), "list the commits");
  check(git_revwalk_hide(walk.get(), &from), "list the commits");
  check(git_revwalk_hide_glob(walk.get(), ("refs/remotes/" + remote + "/*").c_str()), "list the commits");
  Examination examination(repository, rules, most);
  git_oid id;
  int code = 0;
  while (!examination.is_full() && (code = git_revwalk_next(&id, walk.get())) == 0) {
    if (stop.stop_requested()) throw Error(ErrorKind::cancelled, "the look at what is to be pushed was cancelled");
    examination.look_at(id);
  }
  if (code != 0 && code != GIT_ITEROVER) check(code, "list the commits");
  return std::move(examination).faults();
}

}  // namespace fanout::git
