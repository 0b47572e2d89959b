#include "server/github/headers.hpp"

#include <charconv>
#include <ctime>
#include <sstream>

#include "common/text.hpp"

namespace fanout::github {

namespace {

constexpr std::int64_t kNoTime = 1'000'000'000'000;  ///< Seconds: far beyond any clock, far below what overflows.

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  text = trimmed(text);
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Time> time_in(const std::string& text, const char* format) {
  std::tm parts = {};
  const char* end = ::strptime(text.c_str(), format, &parts);
  if (!end) return std::nullopt;
  return Time(std::chrono::seconds(::timegm(&parts)));
}

}  // namespace

std::optional<Time> parse_http_date(const std::string& text) { return time_in(text, "%a, %d %b %Y %H:%M:%S GMT"); }

std::optional<Time> parse_iso_time(const std::string& text) { return time_in(text, "%Y-%m-%dT%H:%M:%S"); }

std::string iso_time(Time time) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts = {};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

RateHeaders rate_headers(const http::Response& response, Time now) {
  RateHeaders rate;
  rate.limit = number_in<unsigned>(response.header("x-ratelimit-limit"));
  rate.remaining = number_in<unsigned>(response.header("x-ratelimit-remaining"));
  rate.resource = response.header("x-ratelimit-resource");
  const auto date = parse_http_date(std::string(response.header("date")));
  if (date) rate.skew = *date - now;
  const auto reset = number_in<std::int64_t>(response.header("x-ratelimit-reset"));
  if (reset && *reset >= 0 && *reset < kNoTime) {
    rate.resets_in = Time(std::chrono::seconds(*reset)) - date.value_or(now);
  }
  const std::string after(response.header("retry-after"));
  if (const auto seconds = number_in<unsigned>(after)) {
    rate.retry_after = std::chrono::seconds(*seconds);
  } else if (const auto then = parse_http_date(after)) {
    rate.retry_after = *then - date.value_or(now);
  }
  return rate;
}

std::vector<std::string> split_scopes(std::string_view text) {
  std::vector<std::string> scopes;
  std::istringstream words{std::string(text)};
  for (std::string word; std::getline(words, word, ',');) {
    if (const auto scope = trimmed(word); !scope.empty()) scopes.emplace_back(scope);
  }
  return scopes;
}

std::string next_page(std::string_view link) {
  while (!link.empty()) {
    const auto open = link.find('<'), close = link.find('>');
    if (open == link.npos || close == link.npos || close < open) return "";
    const auto end = std::min(link.find(",", close), link.size());
    const auto parameters = link.substr(close, end - close);
    if (parameters.find("rel=\"next\"") != parameters.npos) return std::string(link.substr(open + 1, close - open - 1));
    link.remove_prefix(std::min(end + 1, link.size()));
  }
  return "";
}

}  // namespace fanout::github
