#include "server/domain/plan/patterns.hpp"

#include <algorithm>
#include <filesystem>

#include "common/text.hpp"
#include "server/domain/plan/template.hpp"

namespace fanout::domain {

namespace {

/// The pattern with a sample for each placeholder that there is.
std::string sample(const std::string& pattern) { return render_name(pattern, "t", "r", "1"); }

bool has_control(const std::string& name) {
  return std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == 127; });
}

/// The rules of git check-ref-format, component by component.
bool is_branch_name(const std::string& name) {
  if (name.empty() || has_control(name) || name.starts_with('-') || name == "@" || name.ends_with('.') ||
      name.find_first_of(" ~^:?*[\\") != std::string::npos || name.find("..") != std::string::npos ||
      name.find("@{") != std::string::npos) {
    return false;
  }
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto component = std::string_view(name).substr(begin, end - begin);
    if (component.empty() || component.starts_with('.') || component.ends_with(".lock")) return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace

bool is_path_inside(const std::string& folder) {
  const std::filesystem::path path(folder);
  const auto leads_out = [](const std::filesystem::path& part) { return part == ".." || part == ".git"; };
  return !folder.empty() && !has_control(folder) && !path.is_absolute() && path.lexically_normal() != "." &&
         std::none_of(path.begin(), path.end(), leads_out);
}

std::string fault_in_pattern(const std::string& key, const std::string& pattern) {
  const auto name = sample(pattern);
  if (const auto open = name.find('{'); open != std::string::npos) {
    const auto end = std::min(name.find('}', open), name.size() - 1);
    return "unknown placeholder " + printable(name.substr(open, end - open + 1)) + " in the " + key +
           " pattern: it may hold {task_id}, {run_id} and {issue}";
  }
  if (key == "worktree" && !is_path_inside(name)) {
    return "the worktree pattern \"" + printable(pattern) +
           "\" must be a path inside the repository, and not in .git";
  }
  if (key == "branch" && !is_branch_name(name)) {
    return "the branch pattern \"" + printable(pattern) + "\" does not give a branch name";
  }
  return {};
}

}  // namespace fanout::domain
