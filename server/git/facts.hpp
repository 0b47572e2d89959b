#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

/// Figures about git and its repositories. BLOCK, as all of server/git.
namespace fanout::git {

/// What the installed libgit2 is and can.
struct LibraryInfo {
  std::string version;
  bool threads = false, https = false, ssh = false;
};
LibraryInfo library_info();

/// How many bytes the files of the main checkout have, as far as its index knows: what another checkout will take.
std::uint64_t checkout_size(const std::filesystem::path& repository);

}  // namespace fanout::git
