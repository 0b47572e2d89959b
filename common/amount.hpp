#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fanout {

/// "200000", "200k" or "1.5M" tokens; at least 1. Empty: it is no such number.
std::optional<std::uint64_t> parse_tokens(std::string_view text);

/// "1.50" or "$1.50" US dollars, not below 0. Empty: it is no such amount.
std::optional<double> parse_dollars(std::string_view text);

}  // namespace fanout
