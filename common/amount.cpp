#include "common/amount.hpp"

#include <charconv>
#include <cmath>

namespace fanout {

namespace {

constexpr double kMostTokens = 1e15;
constexpr double kMostMoney = 1e9;

/// A decimal number, of which nothing is left over.
std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::uint64_t> parse_tokens(std::string_view text) {
  double factor = 1;
  if (text.ends_with('k') || text.ends_with('K')) factor = 1e3;
  if (text.ends_with('M') || text.ends_with('m')) factor = 1e6;
  if (factor > 1) text.remove_suffix(1);
  const auto value = number_in(text);
  const auto tokens = value.value_or(0) * factor;
  if (!(tokens >= 1 && tokens <= kMostTokens)) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(tokens));
}

std::optional<double> parse_dollars(std::string_view text) {
  if (text.starts_with('$')) text.remove_prefix(1);
  const auto value = number_in(text);
  return value && *value >= 0 && *value <= kMostMoney ? value : std::nullopt;
}

}  // namespace fanout
