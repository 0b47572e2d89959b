#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace fanout::http {

/// The token in `file`, which only this user may read; made, of 32 random bytes, where there is none. BLOCKS.
/// Throws Error{system}: it cannot be read or made, or others may read it.
std::string token_in(const std::filesystem::path& file);

/// 32 random bytes, hexadecimal. Throws Error{system}.
std::string random_token();

/// Compares in a time that tells nothing of where they differ.
bool same_secret(std::string_view given, std::string_view wanted);

}  // namespace fanout::http
