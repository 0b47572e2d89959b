#include "common/byte_size.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <string>

#include "common/text.hpp"

namespace fanout {

namespace {

constexpr double kTooMuch = 9223372036854775808.0;

/// 0: no such unit.
double factor_of(std::string unit) {
  for (char& c : unit) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (unit.ends_with("IB")) unit.erase(unit.size() - 2);
  if (unit.ends_with('B')) unit.pop_back();
  if (unit.empty()) return 1;
  const auto power = unit.size() == 1 ? std::string_view("KMGT").find(unit[0]) : std::string_view::npos;
  if (power == std::string_view::npos) return 0;
  double factor = 1024;
  for (std::size_t i = 0; i < power; ++i) factor *= 1024;
  return factor;
}

}  // namespace

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
  text = trimmed(text);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || text.front() == '-') return std::nullopt;
  const auto factor = factor_of(std::string(trimmed(text.substr(static_cast<std::size_t>(end - text.data())))));
  if (factor == 0 || !(number * factor < kTooMuch)) return std::nullopt;
  return static_cast<std::uint64_t>(number * factor);
}

std::string format_byte_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> names{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < names.size()) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value, names[unit]);
  return text;
}

}  // namespace fanout
