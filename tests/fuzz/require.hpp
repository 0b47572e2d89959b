#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// What the targets have in common.
namespace fanout::fuzz {

inline void require(bool holds) {
  if (!holds) std::abort();
}

inline std::string text_of(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

/// The input cut at its NULs, into `most` parts at most.
inline std::vector<std::string> parts_of(const std::uint8_t* data, std::size_t size, std::size_t most) {
  std::vector<std::string> parts(1);
  for (const char c : text_of(data, size)) {
    if (c == '\0' && parts.size() < most) parts.emplace_back();
    else parts.back() += c;
  }
  parts.resize(most);
  return parts;
}

}  // namespace fanout::fuzz
