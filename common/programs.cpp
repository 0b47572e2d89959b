#include "common/programs.hpp"

#include <unistd.h>

#include <sstream>

namespace fanout {

namespace fs = std::filesystem;

std::string search_path(const Environment& environment) {
  const auto found = environment.find("PATH");
  return found == environment.end() ? "/usr/local/bin:/usr/bin:/bin" : found->second;
}

std::vector<fs::path> folders_of(std::string_view search_path) {
  std::vector<fs::path> folders;
  std::istringstream list{std::string(search_path)};
  for (std::string folder; std::getline(list, folder, ':');) folders.emplace_back(folder.empty() ? "." : folder);
  return folders;
}

bool is_program(const fs::path& file) {
  std::error_code unknown;
  return fs::is_regular_file(file, unknown) && ::access(file.c_str(), X_OK) == 0;
}

fs::path find_program(const std::string& name, std::string_view search_path, Folders which) {
  for (const auto& folder : folders_of(search_path)) {
    if (which == Folders::absolute && folder.is_relative()) continue;
    if (auto file = folder / name; is_program(file)) return file;
  }
  return {};
}

}  // namespace fanout
