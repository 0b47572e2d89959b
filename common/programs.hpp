#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/environment.hpp"

/// Where programs are. What looks at files BLOCKS.
namespace fanout {

/// PATH of these variables, or what counts where none is set.
std::string search_path(const Environment& environment);

/// The folders of a PATH in their order; an empty one means the present folder.
std::vector<std::filesystem::path> folders_of(std::string_view search_path);

/// Whether it is a file that we may execute.
bool is_program(const std::filesystem::path& file);

/// Which folders of a PATH count. In the present folder, and what is relative to it, anybody's program may lie.
enum class Folders { absolute, all };

/// The first program of that name in the folders of `search_path`; empty: there is none.
std::filesystem::path find_program(const std::string& name, std::string_view search_path, Folders which = Folders::absolute);

}  // namespace fanout
