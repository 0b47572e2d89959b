#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace fanout {

/// Reads "90s", "15m", "1h30m", "2.5s", "250ms"; a plain number is seconds. Empty when it is none of
/// these, negative, or longer than 365 days.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// For people: "0.4s", "12s", "3m05s", "2h10m".
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace fanout
