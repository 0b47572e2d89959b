#include "server/git/submodule_head.hpp"

#include <sstream>

#include "common/text.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kLongestRef = 64 * 1024;
constexpr std::size_t kLargestPackedRefs = 16 * 1024 * 1024;

std::string line_in(const fs::path& file) {
  return std::string(trimmed(read_regular(file, kLongestRef).value_or("")));
}

std::optional<git_oid> id_in(const std::string& text) {
  git_oid id;
  if (text.size() != GIT_OID_HEXSZ || git_oid_fromstr(&id, text.c_str()) != 0) return std::nullopt;
  return id;
}

fs::path git_folder_of(const fs::path& folder) {
  constexpr std::string_view kWord = "gitdir: ";
  const auto link = line_in(folder / ".git");
  if (!link.starts_with(kWord)) return folder / ".git";
  return (folder / link.substr(kWord.size())).lexically_normal();  // an absolute path replaces the first half
}

std::optional<git_oid> packed(const fs::path& git, const std::string& name) {
  std::istringstream lines(read_regular(git / "packed-refs", kLargestPackedRefs).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (line.size() > GIT_OID_HEXSZ && line.substr(GIT_OID_HEXSZ + 1) == name) return id_in(line.substr(0, GIT_OID_HEXSZ));
  }
  return std::nullopt;
}

}  // namespace

std::optional<git_oid> submodule_head(const fs::path& folder) {
  constexpr std::string_view kRef = "ref:";
  const fs::path git = git_folder_of(folder);
  const auto head = line_in(git / "HEAD");
  if (!head.starts_with(kRef)) return id_in(head);
  const std::string name(trimmed(std::string_view(head).substr(kRef.size())));
  if (!name.starts_with("refs/") || name.find("..") != name.npos) return std::nullopt;
  const auto loose = id_in(line_in(git / name));
  return loose ? loose : packed(git, name);
}

}  // namespace fanout::git
