#include "server/environment/include_rules.hpp"

#include <algorithm>
#include <utility>

namespace fanout::environment {

namespace {

/// Spaces at the end count only when escaped.
std::string_view without_trailing_spaces(std::string_view line) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == ' ') continue;
    if (line[at] == '\\' && at + 1 < line.size()) ++at;
    end = at + 1;
  }
  return line.substr(0, end);
}

std::string fixed_folder_of(std::string_view pattern) {
  const auto fixed = pattern.substr(0, pattern.find_first_of("*?[\\"));
  const auto slash = fixed.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(fixed.substr(0, slash + 1));
}

std::string_view basename_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

void IncludeRules::add(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    add_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void IncludeRules::add_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with('#')) return;
  line = without_trailing_spaces(line);
  const bool negative = line.starts_with('!');
  if (negative) line.remove_prefix(1);
  const bool folders_only = line.ends_with('/');
  if (folders_only) line.remove_suffix(1);
  const bool from_root = line.find('/') != std::string_view::npos;
  if (line.starts_with('/')) line.remove_prefix(1);
  if (line.empty()) return;
  rules_.push_back({Glob(line), negative, folders_only, from_root, fixed_folder_of(line)});
}

IncludeRules::Verdict IncludeRules::verdict(std::string_view path, bool is_folder) const {
  const auto last = std::find_if(rules_.rbegin(), rules_.rend(), [&](const Rule& rule) {
    return (is_folder || !rule.folders_only) && rule.glob.matches(rule.from_root ? path : basename_of(path));
  });
  if (last == rules_.rend()) return Verdict::none;
  return last->negative ? Verdict::excluded : Verdict::included;
}

bool IncludeRules::may_match_inside(std::string_view folder) const {
  const auto inside = std::string(folder) + "/";
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    if (rule.negative) return false;
    return !rule.from_root || inside.starts_with(rule.fixed_folder) || rule.fixed_folder.starts_with(inside);
  });
}

}  // namespace fanout::environment
