#include "server/agent/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "common/text.hpp"

namespace fanout::agent {

namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kLongString = 200;
constexpr std::size_t kLongList = 16;

/// Writes a value until its room is used up.
class Summary {
 public:
  explicit Summary(std::size_t limit) : limit_(limit) {}

  void write(const json::value& value) {
    if (full_) return;
    if (const auto* object = value.if_object()) return write(*object);
    if (const auto* array = value.if_array()) return write(*array);
    if (const auto* string = value.if_string()) return put(quoted(*string));
    put(json::serialize(value));
  }

  void write(const json::object& object) {
    put("{");
    bool first = true;
    for (const auto& [key, value] : object) {
      if (full_) return;
      put((first ? "" : ",") + quoted(key) + ":");
      write(value);
      first = false;
    }
    put("}");
  }

  std::string take() { return std::move(text_); }

 private:
  static std::string quoted(std::string_view text) {
    if (text.size() <= kLongString) return json::serialize(json::value(text));
    return json::serialize(json::value(head(text, kLongString) + "…"));
  }

  void put(std::string_view piece) {
    if (full_) return;
    if (text_.size() + piece.size() + 3 > limit_) {
      full_ = true;
      piece = "…";
    }
    text_ += piece;
  }

  void write(const json::array& array) {
    put("[");
    for (std::size_t i = 0; i < array.size() && !full_; ++i) {
      if (i > 0) put(",");
      if (i == kLongList) {
        put("\"…\"");
        break;
      }
      write(array[i]);
    }
    put("]");
  }

  std::size_t limit_;
  std::string text_;
  bool full_ = false;
};

std::optional<json::value> parse_strictly(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  options.allow_invalid_utf8 = true;  // made valid when it goes into an activity
  json::error_code error;
  auto value = json::parse(text, error, {}, options);
  if (error) return std::nullopt;
  return value;
}

/// Where `text` holds a "\uXXXX" at `at`: its code unit.
std::optional<unsigned> code_unit(std::string_view text, std::size_t at) {
  unsigned unit = 0;
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  const auto* first = text.data() + at + 2;
  const auto [end, error] = std::from_chars(first, first + 4, unit, 16);
  return error == std::errc() && end == first + 4 ? std::optional(unit) : std::nullopt;
}

/// JavaScript cuts strings inside a character and writes the half of it as an escape, which no parser for
/// UTF-8 takes.
std::string without_lone_surrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\') {
      out += text[i++];
      continue;
    }
    const auto unit = code_unit(text, i);
    const auto kind = unit.value_or(0) & 0xfc00U;
    const auto next = code_unit(text, i + 6);
    const bool pair = kind == 0xd800U && next && (*next & 0xfc00U) == 0xdc00U;
    const auto length = std::min(text.size() - i, std::size_t{pair ? 12U : unit ? 6U : 2U});
    out += !pair && (kind == 0xd800U || kind == 0xdc00U) ? "\\ufffd" : text.substr(i, length);
    i += length;
  }
  return out;
}

}  // namespace

std::optional<json::value> parse_json(std::string_view text) {
  if (auto value = parse_strictly(text)) return value;
  const auto repaired = without_lone_surrogates(text);
  return repaired == text ? std::nullopt : parse_strictly(repaired);
}

const json::value* member(const json::value& value, std::string_view key) {
  const auto* object = value.if_object();
  return object ? object->if_contains(key) : nullptr;
}

const json::value* member(const json::value* value, std::string_view key) {
  return value ? member(*value, key) : nullptr;
}

const json::object* object_at(const json::value& value, std::string_view key) {
  const auto* found = member(value, key);
  return found ? found->if_object() : nullptr;
}

const json::array* array_at(const json::value& value, std::string_view key) {
  const auto* found = member(value, key);
  return found ? found->if_array() : nullptr;
}

std::string_view text_at(const json::value& value, std::string_view key) {
  return text_of(member(value, key));
}

std::optional<bool> flag_at(const json::value& value, std::string_view key) {
  const auto* found = member(value, key);
  const auto* flag = found ? found->if_bool() : nullptr;
  return flag ? std::optional(*flag) : std::nullopt;
}

std::optional<double> number_at(const json::value& value, std::string_view key) {
  const auto* found = member(value, key);
  if (!found) return std::nullopt;
  if (const auto* number = found->if_double())
    return std::isfinite(*number) ? std::optional(*number) : std::nullopt;
  if (const auto* number = found->if_int64()) return static_cast<double>(*number);
  if (const auto* number = found->if_uint64()) return static_cast<double>(*number);
  return std::nullopt;
}

std::optional<std::int64_t> integer_at(const json::value& value, std::string_view key) {
  const auto* found = member(value, key);
  if (!found) return std::nullopt;
  if (const auto* number = found->if_int64()) return *number;
  const auto number = number_at(value, key);
  // 2^53: beyond it a double is no longer exact.
  if (!number || std::abs(*number) > 9007199254740992.0 || std::floor(*number) != *number)
    return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<std::uint64_t> count_at(const json::value& value, std::string_view key) {
  const auto number = integer_at(value, key);
  return number && *number >= 0 ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
}

std::optional<std::int32_t> small_at(const json::value& value, std::string_view key) {
  const auto number = integer_at(value, key);
  if (!number || *number < std::numeric_limits<std::int32_t>::min() ||
      *number > std::numeric_limits<std::int32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::int32_t>(*number);
}

std::string_view text_of(const json::value& value) {
  const auto* text = value.if_string();
  return text ? std::string_view(*text) : std::string_view();
}

std::string_view text_of(const json::value* value) { return value ? text_of(*value) : std::string_view(); }

std::string summarised(const json::value& value, std::size_t limit) {
  Summary summary(limit);
  summary.write(value);
  return summary.take();
}

std::string summarised(const json::object& value, std::size_t limit) {
  Summary summary(limit);
  summary.write(value);
  return summary.take();
}

}  // namespace fanout::agent
