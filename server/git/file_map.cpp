#include "server/git/file_map.hpp"

#include "server/git/folder.hpp"

namespace fanout::git {

namespace {

/// Deeper, git could not check it out; and what has more files than this was made to fill the memory.
constexpr std::size_t kLongestPath = 4095;
constexpr std::size_t kMostEntries = 2'000'000;

[[noreturn]] void refuse_monster() {
  throw Error(ErrorKind::precondition,
              "a commit has more files, or deeper folders, than Fanout can deal with");
}

class TreeWriter {
 public:
  TreeWriter(const Repository& repository, const FileMap& files, std::vector<LeftOut>& left_out)
      : repository_(&repository), left_out_(&left_out), next_(files.begin()), end_(files.end()) {
    check(git_repository_odb(odb_.out(), repository.get()), "open the object database");
  }

  /// The files from the present one on that lie in `folder`, "" or ending in a slash. Empty when none is
  /// left.
  std::optional<git_oid> write(const std::string& folder) {
    TreeBuilder builder;
    check(git_treebuilder_new(builder.out(), repository_->get(), nullptr), "make a tree");
    while (next_ != end_ && next_->first.starts_with(folder)) add_next(builder, folder);
    if (git_treebuilder_entrycount(builder.get()) == 0 && !folder.empty()) return std::nullopt;
    git_oid id;
    check_stored([&] { return git_treebuilder_write(&id, builder.get()); }, "write a tree");
    return id;
  }

 private:
  void add_next(TreeBuilder& builder, const std::string& folder) {
    const std::string path = next_->first;
    const std::size_t slash = path.find('/', folder.size());
    if (slash == path.npos) {
      add(builder, path, path.substr(folder.size()), next_->second);
      ++next_;
      return;
    }
    const std::string name = path.substr(folder.size(), slash - folder.size());
    const std::string inner = path.substr(0, slash + 1);
    if (const auto tree = write(inner)) add(builder, inner, name, {GIT_FILEMODE_TREE, *tree});
  }

  void add(TreeBuilder& builder, const std::string& path, const std::string& name, const FileEntry& entry) {
    if (git_treebuilder_insert(nullptr, builder.get(), name.c_str(), &entry.id, entry.mode) == 0) return;
    const bool is_there = git_odb_exists(odb_.get(), &entry.id) == 1;
    left_out_->push_back({path, is_there ? LeftOut::Why::name : LeftOut::Why::unreadable});
  }

  const Repository* repository_;
  Odb odb_;
  std::vector<LeftOut>* left_out_;
  FileMap::const_iterator next_, end_;
};

}  // namespace

const char* text_of(LeftOut::Why why) {
  switch (why) {
    case LeftOut::Why::own_repository:
      return "is a repository of its own";
    case LeftOut::Why::unreadable:
      return "cannot be read";
    case LeftOut::Why::special:
      return "is neither file, folder nor link";
    case LeftOut::Why::name:
      return "has a name that git refuses";
    case LeftOut::Why::too_large:
      return "is too large";
  }
  return "";
}

/// Not by git_tree_walk: that calls itself for each folder, and somebody may have made very deep ones.
FileMap files_of(const Tree& tree) {
  FileMap files;
  std::vector<std::pair<std::string, git_oid>> folders = {{"", *git_tree_id(tree.get())}};
  while (!folders.empty()) {
    const auto [folder, id] = std::move(folders.back());
    folders.pop_back();
    Tree here;
    check(git_tree_lookup(here.out(), git_tree_owner(tree.get()), &id), "read the files of a tree");
    for (std::size_t i = 0; i < git_tree_entrycount(here.get()); ++i) {
      const git_tree_entry* entry = git_tree_entry_byindex(here.get(), i);
      std::string path = folder + git_tree_entry_name(entry);
      if (path.size() > kLongestPath || files.size() + folders.size() >= kMostEntries) refuse_monster();
      const git_filemode_t mode = git_tree_entry_filemode(entry);
      if (mode == GIT_FILEMODE_TREE) {
        folders.emplace_back(std::move(path) + "/", *git_tree_entry_id(entry));
      } else {
        files.emplace(std::move(path), FileEntry{mode, *git_tree_entry_id(entry)});
      }
    }
  }
  return files;
}

git_oid write_tree(const Repository& repository, const FileMap& files, std::vector<LeftOut>& left_out) {
  return *TreeWriter(repository, files, left_out).write("");
}

std::vector<std::string> differences(const FileMap& one, const FileMap& other) {
  std::vector<std::string> paths;
  auto a = one.begin(), b = other.begin();
  while (a != one.end() || b != other.end()) {
    const int order = a == one.end() ? 1 : b == other.end() ? -1 : a->first.compare(b->first);
    if (order != 0 || !(a->second == b->second)) paths.push_back(order <= 0 ? a->first : b->first);
    if (order <= 0) ++a;
    if (order >= 0) ++b;
  }
  return paths;
}

}  // namespace fanout::git
