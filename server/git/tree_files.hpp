#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

/// Files as a commit has them. BLOCKS, is thread-safe.
namespace fanout::git {

/// The plain files below `folder` in a commit, by their path from there; links and submodules are left out.
/// Error not_found: no such commit; precondition: together they have more than `most` bytes.
std::map<std::string, std::string> files_below(const std::filesystem::path& repository, const std::string& commit,
                                               const std::string& folder, std::uint64_t most);

}  // namespace fanout::git
