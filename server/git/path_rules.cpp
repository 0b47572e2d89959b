#include "server/git/path_rules.hpp"

#include <git2/sys/path.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace fanout::git {

namespace {

bool equals_ignoring_case(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](unsigned char a, unsigned char b) {
    const auto lower = [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; };
    return lower(a) == lower(b);
  });
}

/// Windows drops dots and spaces at the end of a name, takes what follows a colon for a stream, and knows .git as
/// git~1, too. A backslash is a slash there.
bool is_dot_git_on_ntfs(std::string_view name) {
  std::size_t length = 0;
  for (const std::string_view known : {".git", "git~1"}) {
    if (equals_ignoring_case(name.substr(0, known.size()), known)) length = known.size();
  }
  if (length == 0) return false;
  const auto rest = name.substr(length);
  const auto end = rest.substr(0, rest.find_first_of("\\:"));
  return end.find_first_not_of(". ") == end.npos;
}

/// macOS does not see these characters in a name.
bool is_invisible(std::uint32_t c) {
  return (c >= 0x200c && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x206a && c <= 0x206f) || c == 0xfeff;
}

/// `name` without what macOS does not see. All of that is three bytes long in UTF-8.
std::string visible_part(std::string_view name) {
  std::string visible;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(name[at])); };
    if (i + 2 < name.size() && (byte(i) & 0xf0) == 0xe0 &&
        is_invisible((byte(i) & 0x0f) << 12 | (byte(i + 1) & 0x3f) << 6 | (byte(i + 2) & 0x3f))) {
      i += 2;
    } else {
      visible += name[i];
    }
  }
  return visible;
}

bool is_dot_git(std::string_view name, const PathProtection& protection) {
  if (equals_ignoring_case(name, ".git")) return true;
  if (protection.ntfs && is_dot_git_on_ntfs(name)) return true;
  return protection.hfs && equals_ignoring_case(visible_part(name), ".git");
}

bool is_dot_gitmodules(std::string_view name, const PathProtection& protection) {
  const auto is_one = [&](git_path_fs file_system) {
    return git_path_is_gitfile(name.data(), name.size(), GIT_PATH_GITFILE_GITMODULES, file_system) > 0;
  };
  return equals_ignoring_case(name, ".gitmodules") || (protection.ntfs && is_one(GIT_PATH_FS_NTFS)) ||
         (protection.hfs && is_one(GIT_PATH_FS_HFS));
}

/// With a backslash a name is a path to Windows, of which each part counts.
bool has_dot_git_behind_backslash(std::string_view name, const PathProtection& protection) {
  for (auto at = name.find('\\'); at != name.npos; at = name.find('\\', at + 1)) {
    if (is_dot_git(name.substr(at + 1), protection)) return true;
  }
  return false;
}

}  // namespace

bool is_safe_name(std::string_view name, bool is_link, const PathProtection& protection) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos || name.find('\0') != name.npos) return false;
  if (is_dot_git(name, protection)) return false;
  if (is_link && is_dot_gitmodules(name, protection)) return false;
  return !protection.ntfs || !has_dot_git_behind_backslash(name, protection);
}

}  // namespace fanout::git
