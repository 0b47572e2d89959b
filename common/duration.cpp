#include "common/duration.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace fanout {

namespace {

constexpr double kLongest = 365.0 * 24 * 3600 * 1000;  // milliseconds

struct Unit {
  std::string_view name;
  double milliseconds;
};
constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

double unit_of(std::string_view name) {
  for (const auto& unit : kUnits) {
    if (unit.name == name) return unit.milliseconds;
  }
  return 0;
}

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  double total = 0;
  bool first = true;
  while (!text.empty()) {
    double number = 0;
    if (!(text.front() >= '0' && text.front() <= '9')) return std::nullopt;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::size_t letters = 0;
    while (letters < text.size() && is_letter(text[letters])) ++letters;
    const auto unit = letters == 0 && first && text.empty() ? 1000 : unit_of(text.substr(0, letters));
    if (unit == 0) return std::nullopt;
    text.remove_prefix(letters);
    total += number * unit;
    if (!(total <= kLongest)) return std::nullopt;
    first = false;
  }
  if (first) return std::nullopt;
  return std::chrono::milliseconds(std::llround(total));
}

std::string format_duration(std::chrono::milliseconds duration) {
  const auto ms = std::max<long long>(0, duration.count());
  const auto seconds = (ms + 500) / 1000;
  const auto minutes = seconds / 60;
  char text[32];
  if (ms < 9950) {
    std::snprintf(text, sizeof text, "%.1fs", static_cast<double>(ms) / 1000);
  } else if (minutes == 0) {
    std::snprintf(text, sizeof text, "%llds", seconds);
  } else if (minutes < 60) {
    std::snprintf(text, sizeof text, "%lldm%02llds", minutes, seconds % 60);
  } else {
    std::snprintf(text, sizeof text, "%lldh%02lldm", minutes / 60, minutes % 60);
  }
  return text;
}

}  // namespace fanout
