#include "server/agent/limits.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string>

#include "common/text.hpp"
#include "server/agent/activities.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;

namespace {

constexpr std::size_t kReadOfText = 4096;
constexpr std::size_t kMaxResetText = 64;

std::string folded(std::string_view text) { return lower_case(text.substr(0, kReadOfText)); }

template <std::size_t N>
bool holds_any(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](auto word) { return text.find(word) != std::string_view::npos; });
}

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// A number at the beginning of `text`, which is shortened by it.
std::optional<double> take_number(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && (is_digit(text[length]) || text[length] == '.') && length < 12) ++length;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + length, number);
  if (length == 0 || error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// Seconds in the unit at the beginning of `text`, which is shortened by it. None: seconds.
double take_unit(std::string_view& text) {
  const auto spaces = std::min(text.find_first_not_of(' '), text.size());
  auto rest = text.substr(spaces);
  std::size_t length = 0;
  while (length < rest.size() && std::isalpha(static_cast<unsigned char>(rest[length]))) ++length;
  const auto unit = rest.substr(0, length);
  const std::array<std::pair<std::string_view, double>, 5> units{
      {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
  const std::array<std::pair<std::string_view, double>, 9> names{{{"sec", 1},
                                                                  {"second", 1},
                                                                  {"min", 60},
                                                                  {"minute", 60},
                                                                  {"hr", 3600},
                                                                  {"hour", 3600},
                                                                  {"day", 86400},
                                                                  {"millisecond", 0.001},
                                                                  {"week", 604800}}};
  const auto found = [&]() -> double {
    for (const auto& [name, seconds] : units) {
      if (unit == name) return seconds;
    }
    for (const auto& [name, seconds] : names) {
      if (unit == name || unit == std::string(name) + "s") return seconds;
    }
    return 0;
  }();
  if (found == 0) return 1;
  text = rest.substr(length);
  return found;
}

/// "1h 5 minutes", "20s", "34.07": at most four numbers with their units.
std::optional<double> seconds_at(std::string_view text) {
  std::optional<double> total;
  for (int i = 0; i < 4; ++i) {
    text = text.substr(std::min(text.find_first_not_of(" :,\""), text.size()));
    if (text.starts_with("and ")) text.remove_prefix(4);
    const auto number = take_number(text);
    if (!number) break;
    total = total.value_or(0) + *number * take_unit(text);
  }
  constexpr double kYear = 365.0 * 86400;
  return total && *total <= kYear ? total : std::nullopt;
}

/// What follows the first of `phrases` that is there.
template <std::size_t N>
std::optional<std::string_view> after_any(std::string_view text,
                                          const std::array<std::string_view, N>& phrases) {
  for (const auto phrase : phrases) {
    if (const auto at = text.find(phrase); at != std::string_view::npos)
      return text.substr(at + phrase.size());
  }
  return std::nullopt;
}

void read_retry(const std::string& text, v1::AgentLimit& limit) {
  constexpr std::array<std::string_view, 8> phrases{"retry after", "retry-after",  "retry_after",
                                                    "retry in",    "try again in", "resets in",
                                                    "reset in",    "reset after"};
  const auto rest = after_any(text, phrases);
  const auto seconds = rest ? seconds_at(*rest) : std::nullopt;
  if (seconds)
    *limit.mutable_retry_after() =
        TimeUtil::MillisecondsToDuration(static_cast<std::int64_t>(*seconds * 1000));
}

/// Claude Code writes "… limit reached|1735689600".
void read_epoch(const std::string& text, v1::AgentLimit& limit) {
  const auto bar = text.find('|');
  if (bar == std::string::npos) return;
  std::int64_t seconds = 0;
  const auto* begin = text.data() + bar + 1;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), seconds);
  constexpr std::int64_t kFirst = 1'600'000'000, kLast = 10'000'000'000;
  if (error == std::errc() && end != begin && seconds > kFirst && seconds < kLast) {
    limit.mutable_resets_at()->set_seconds(seconds);
  }
}

/// "resets 3pm (Europe/Berlin)", "try again at 3:05 PM."
void read_words(std::string_view original, const std::string& text, v1::AgentLimit& limit) {
  constexpr std::array<std::string_view, 5> phrases{"resets at ", "reset at ", "try again at ", "resets on ",
                                                    "resets "};
  const auto rest = after_any(text, phrases);
  if (!rest || rest->empty() || rest->starts_with("in ")) return;
  auto words = original.substr(text.size() - rest->size());
  words = words.substr(0, words.find_first_of("\n|·∙."));
  limit.set_resets_text(head(valid_utf8(trimmed(words)), kMaxResetText));
}

v1::AgentLimit::Kind kind_of(const std::string& text, std::optional<int> status) {
  constexpr std::array<std::string_view, 6> credit{"credit balance",   "insufficient_quota",
                                                   "out of credits",   "billing_hard_limit",
                                                   "payment required", "insufficient credits"};
  constexpr std::array<std::string_view, 8> usage{
      "usage limit",    "limit reached", "hit your limit", "exceeded your current quota",
      "quota exceeded", "weekly limit",  "daily limit",    "exhausted your"};
  constexpr std::array<std::string_view, 7> rate{"rate limit",        "rate_limit",  "ratelimit",
                                                 "too many requests", "status: 429", "request rejected (429)",
                                                 "resource_exhausted"};
  constexpr std::array<std::string_view, 4> busy{"overloaded", "at capacity", "server is busy",
                                                 "service unavailable"};
  if (status == 402 || holds_any(text, credit)) return v1::AgentLimit::KIND_CREDIT;
  if (holds_any(text, usage)) return v1::AgentLimit::KIND_USAGE;
  if (status == 429 || holds_any(text, rate)) return v1::AgentLimit::KIND_RATE;
  if (status == 529 || status == 503 || holds_any(text, busy)) return v1::AgentLimit::KIND_OVERLOADED;
  return v1::AgentLimit::KIND_UNSPECIFIED;
}

/// Minutes since midnight of "3pm", "3:05 PM" or "15:00" at the beginning of `text`.
std::optional<int> minutes_of_day(std::string_view text) {
  const auto hour = take_number(text);
  double minute = 0;
  if (!hour || *hour > 23 || *hour != static_cast<int>(*hour)) return std::nullopt;
  const bool has_minutes = text.starts_with(':');
  if (has_minutes) {
    text.remove_prefix(1);
    const auto read = take_number(text);
    if (!read || *read > 59) return std::nullopt;
    minute = *read;
  }
  text = trimmed(text);
  const bool pm = text.starts_with("pm") || text.starts_with("p.m");
  const bool am = text.starts_with("am") || text.starts_with("a.m");
  if (!pm && !am && !has_minutes) return std::nullopt;
  if ((pm || am) && (*hour < 1 || *hour > 12)) return std::nullopt;
  const int whole = pm || am ? static_cast<int>(*hour) % 12 + (pm ? 12 : 0) : static_cast<int>(*hour);
  return whole * 60 + static_cast<int>(minute);
}

}  // namespace

std::optional<v1::AgentLimit> limit_in(std::string_view original, std::optional<int> status) {
  const auto text = folded(original);
  const auto kind = kind_of(text, status);
  if (kind == v1::AgentLimit::KIND_UNSPECIFIED) return std::nullopt;
  v1::AgentLimit limit;
  limit.set_kind(kind);
  limit.set_text(std::string(original));
  read_retry(text, limit);
  read_epoch(text, limit);
  read_words(original.substr(0, text.size()), text, limit);
  return limit;
}

bool is_login_trouble(std::string_view original, std::optional<int> status) {
  if (status == 401) return true;
  constexpr std::array<std::string_view, 17> words{
      "invalid api key",         "api key not valid",  "incorrect api key",   "invalid x-api-key",
      "invalid_api_key",         "please run /login",  "not logged in",       "authentication_error",
      "authentication_failed",   "token has expired",  "token expired",       "login required",
      "authentication required", "set an auth method", "api key must be set", "auth_required",
      "401 unauthorized"};
  return holds_any(folded(original), words);
}

std::optional<int> status_in(std::string_view original) {
  const auto text = folded(original);
  constexpr std::array<std::string_view, 6> phrases{
      "\"code\":", "status: ", "\"status\":", "api error: ", "status code ", "statuscode\":"};
  for (const auto phrase : phrases) {
    auto rest = after_any(text, std::array<std::string_view, 1>{phrase});
    if (!rest) continue;
    rest->remove_prefix(std::min(rest->find_first_not_of(' '), rest->size()));
    const auto number = take_number(*rest);
    if (number && *number >= 400 && *number <= 599 && *number == static_cast<int>(*number)) {
      return static_cast<int>(*number);
    }
  }
  return std::nullopt;
}

void add_failure(Output& out, std::string_view text, std::optional<int> status) {
  if (!status) status = status_in(text);
  auto outcome = v1::AgentResult::OUTCOME_FAILED;
  if (is_login_trouble(text, status)) {
    outcome = v1::AgentResult::OUTCOME_NEEDS_LOGIN;
  } else if (const auto limit = limit_in(text, status)) {
    *out.activities.emplace_back().mutable_limit() = *limit;
    outcome = v1::AgentResult::OUTCOME_LIMITED;
  }
  add_result(out, outcome, text);
  if (status) out.activities.back().mutable_result()->set_status(*status);
}

std::optional<std::chrono::sys_seconds> reset_time(const v1::AgentLimit& limit, std::chrono::sys_seconds told,
                                                   std::chrono::seconds utc_offset) {
  using namespace std::chrono;
  if (limit.has_resets_at()) return sys_seconds(seconds(limit.resets_at().seconds()));
  if (limit.has_retry_after()) return told + seconds(TimeUtil::DurationToSeconds(limit.retry_after()));
  const auto text = folded(limit.resets_text());
  const auto minutes = minutes_of_day(text);
  if (!minutes) return std::nullopt;
  if (text.find("(utc)") != std::string::npos || text.find(" utc") != std::string::npos)
    utc_offset = seconds(0);
  const auto local = told + utc_offset;
  auto at = sys_seconds(floor<days>(local)) + std::chrono::minutes(*minutes);
  if (at <= local) at += days(1);
  return at - utc_offset;
}

}  // namespace fanout::agent
