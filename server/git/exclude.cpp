#include <algorithm>
#include <sstream>

#include "server/git/files.hpp"
#include "server/git/git.hpp"
#include "server/git/registry.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

namespace {

/// The path in the language of .gitignore, where some characters stand for more than themselves.
std::string escaped(const std::string& path) {
  std::string result;
  for (const char c : path) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

/// Without the parts that do not change what a pattern for one folder means here.
std::string_view bare(std::string_view line) {
  while (line.ends_with('\r') || line.ends_with('/')) line.remove_suffix(1);
  while (line.starts_with('/')) line.remove_prefix(1);
  return line;
}

bool has_pattern(const std::string& content, const std::string& pattern) {
  std::istringstream lines(content);
  for (std::string line; std::getline(lines, line);) {
    if (bare(line) == bare(pattern)) return true;
  }
  return false;
}

}  // namespace

void exclude_from_status(const fs::path& path, const std::string& relative_folder) {
  const std::string folder = fs::path(relative_folder).lexically_normal().generic_string();
  // What lies outside never shows in the status; the root itself cannot be excluded.
  const bool outside = folder == ".." || folder.starts_with("../") || folder.starts_with('/');
  if (folder.empty() || folder == "." || outside) return;
  if (folder.find('\n') != folder.npos) {
    throw Error(ErrorKind::invalid_input, "the folder for worktrees must not have a line break in its name");
  }
  const fs::path common = common_folder(open_repository(path));
  const RegistryLock lock(common);
  const fs::path file = common / "info" / "exclude";
  std::string content = read_or_empty(file);
  const std::string pattern = "/" + escaped(std::string(bare(folder))) + "/";
  if (has_pattern(content, pattern)) return;
  if (!content.empty() && !content.ends_with('\n')) content += '\n';
  make_folder(file.parent_path());
  replace_file(file, content + pattern + "\n");
}

void exclude_files(const fs::path& path, const std::vector<std::string>& files) {
  const auto repository = open_repository(path);
  const fs::path common = common_folder(repository);
  const RegistryLock lock(common);
  const fs::path file = common / "info" / "exclude";
  std::string content = read_or_empty(file);
  const auto before = content.size();
  for (const auto& name : files) {
    int ignored = 0;
    const bool known = git_ignore_path_is_ignored(&ignored, repository.get(), name.c_str()) == 0 && ignored != 0;
    if (known || name.find('\n') != name.npos || has_pattern(content, escaped(name))) continue;
    if (!content.empty() && !content.ends_with('\n')) content += '\n';
    content += "/" + escaped(name) + "\n";
  }
  if (content.size() == before) return;
  make_folder(file.parent_path());
  replace_file(file, content);
}

}  // namespace fanout::git
