#include "server/git/tool_files.hpp"

#include <algorithm>
#include <iterator>

#include "server/git/folder.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kMostToolFiles = 4000;
constexpr std::size_t kDeepest = 8;
constexpr std::size_t kLargestToolFile = 1u << 20;
constexpr std::string_view kToolFiles[] = {".npmrc", ".pnpmrc", ".yarnrc", ".yarnrc.yml", ".mcp.json"};
constexpr std::string_view kToolFolders[] = {".claude", ".codex", ".cursor", ".devcontainer", ".gemini", ".husky", ".idea", ".opencode", ".vscode"};
constexpr std::string_view kNotObeyed[] = {".claude/worktrees", ".idea/shelf", ".idea/workspace.xml", ".opencode/node_modules"};

template <class List>
bool is_among(const List& list, std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

class ToolFiles {
 public:
  explicit ToolFiles(const Folder& top) {
    for (const auto& name : top.names()) {
      if (name.starts_with(".env") || is_among(kToolFiles, name) || is_among(kToolFolders, name)) visit(top, name, name, 0);
    }
  }
  FileMap take() { return std::move(files_); }

 private:
  void visit(const Folder& folder, const std::string& name, const std::string& path, std::size_t depth) {
    const auto status = folder.look(name);
    if (!status || files_.size() >= kMostToolFiles || is_among(kNotObeyed, path)) return;
    if (S_ISLNK(status->st_mode)) return add(path, GIT_FILEMODE_LINK, folder.link_target(name).value_or(""));
    if (S_ISREG(status->st_mode)) return add_regular(folder, name, path, *status);
    const auto inner = S_ISDIR(status->st_mode) && depth < kDeepest ? folder.below(name) : std::nullopt;
    if (!inner) return;
    for (const auto& below : inner->names()) visit(*inner, below, path + "/" + below, depth + 1);
  }

  /// A large one by its size and times.
  void add_regular(const Folder& folder, const std::string& name, const std::string& path, const struct stat& status) {
    const auto content = read_regular(folder, name, kLargestToolFile);
    const auto otherwise = std::to_string(status.st_size) + " " + std::to_string(status.st_mtim.tv_sec) + " " + std::to_string(status.st_mtim.tv_nsec);
    add(path, status.st_mode & S_IXUSR ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB, content.value_or(otherwise));
  }

  void add(const std::string& path, git_filemode_t mode, const std::string& content) {
    FileEntry entry{mode, {}};
    check(git_odb_hash(&entry.id, content.data(), content.size(), GIT_OBJECT_BLOB), "name a file's content");
    files_.emplace(path, entry);
  }

  FileMap files_;
};

}  // namespace

FileMap tool_files(const fs::path& checkout) {
  const auto top = Folder::open(checkout);
  return top ? ToolFiles(*top).take() : FileMap();
}

}  // namespace fanout::git
