// gitrepository-layout(5): .git is a folder, or a file that names one; there, commondir leads to what all worktrees
// share.
#include "client/mcp/repository_root.hpp"

#include <fstream>
#include <string>

#include "common/text.hpp"

namespace fanout::mcp {

namespace fs = std::filesystem;

namespace {

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return std::string(trimmed(line));
}

std::optional<fs::path> named_by(const fs::path& git_file) {
  constexpr std::string_view mark = "gitdir:";
  const auto line = first_line(git_file);
  if (!line.starts_with(mark)) return std::nullopt;
  return git_file.parent_path() / trimmed(std::string_view(line).substr(mark.size()));
}

std::optional<fs::path> main_checkout(const fs::path& checkout, const fs::path& git_folder) {
  std::error_code error;
  const auto shared = first_line(git_folder / "commondir");
  if (shared.empty()) return fs::canonical(checkout, error);
  const auto common = fs::canonical(git_folder / shared, error);
  if (error || common.filename() != ".git") return std::nullopt;  // a bare one: nothing is checked out beside it
  return common.parent_path();
}

}  // namespace

std::optional<fs::path> repository_root(const fs::path& folder) {
  std::error_code error;
  auto place = fs::canonical(folder, error);
  if (error) return std::nullopt;
  for (;; place = place.parent_path()) {
    const auto git = place / ".git";
    if (fs::is_directory(git, error)) return main_checkout(place, git);
    if (fs::is_regular_file(git, error)) {
      const auto git_folder = named_by(git);
      return git_folder ? main_checkout(place, *git_folder) : std::nullopt;
    }
    if (place == place.root_path()) return std::nullopt;
  }
}

}  // namespace fanout::mcp
