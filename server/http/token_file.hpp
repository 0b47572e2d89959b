#pragma once

#include <filesystem>
#include <string>

namespace fanout::http {

/// The token in `file`, which only this user may read; made, of 32 random bytes, where there is none. BLOCKS.
/// Throws Error{system}: it cannot be read or made, or others may read it.
std::string token_in(const std::filesystem::path& file);

}  // namespace fanout::http
