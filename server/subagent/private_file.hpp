#pragma once

#include <filesystem>
#include <string>

#include "common/whole_file.hpp"

namespace fanout::subagent {

/// Writes a file that only this user may read, with its folders. BLOCKS.
inline void write_private(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  write_whole(file, text, {.mode = 0600});
}

}  // namespace fanout::subagent
