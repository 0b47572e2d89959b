#pragma once

#include <cstdint>
#include <string>

namespace fanout {

/// For people: "512 B", "1.5 GiB". What parse_byte_size() reads.
std::string format_size(std::uint64_t bytes);

}  // namespace fanout
