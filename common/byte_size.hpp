#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fanout {

/// Reads "10GB", "1.5 GiB", "500M", "0"; a plain number is bytes. Decimal and binary units count 1024 alike. Empty when
/// it is none of these, or 2^63 bytes or more.
std::optional<std::uint64_t> parse_byte_size(std::string_view text);

/// For people: "512 B", "1.5 GiB"; what parse_byte_size() reads.
std::string format_byte_size(std::uint64_t bytes);

}  // namespace fanout
