#include "server/domain/plan/reader.hpp"

#include <algorithm>
#include <charconv>

#include "common/byte_size.hpp"
#include "common/duration.hpp"
#include "common/text.hpp"

namespace fanout::domain {

namespace {

/// So many keys are looked at for what they may have meant; a file with more is no slip of the pen.
constexpr std::size_t kMostSuggestions = 100;

bool is_off(const std::string& text) {
  const auto word = lower_case(text);
  return word == "off" || word == "no" || word == "false" || word == "0";
}

}  // namespace

const Member* Reader::member(const std::string& key) const {
  const auto* found = map_.find(key);
  return found && found->value.kind != Value::Kind::null ? found : nullptr;
}

Place Reader::place_of(const std::string& key) const {
  const auto* found = map_.find(key);
  return found ? found->value.place : map_.place;
}

std::vector<Place> Reader::places_of_texts(const std::string& key) const {
  const auto* found = member(key);
  if (!found) return {};
  if (found->value.kind == Value::Kind::scalar) return {found->value.place};
  std::vector<Place> places;
  for (const auto& item : found->value.items) {
    if (item.kind == Value::Kind::scalar) places.push_back(item.place);
  }
  return places;
}

void Reader::wrong(const Member& member, const std::string& wanted) const {
  add_error(diagnostics_, member.value.place, field_of(member.key), member.key + " must be " + wanted);
}

std::optional<std::string> Reader::text(const std::string& key) const {
  const auto* found = member(key);
  if (!found) return std::nullopt;
  if (found->value.kind == Value::Kind::scalar) return found->value.text;
  wrong(*found, "a text");
  return std::nullopt;
}

std::optional<std::string> Reader::filled_text(const std::string& key) const {
  auto found = text(key);
  if (!found || !trimmed(*found).empty()) return found;
  wrong(*member(key), "a text that is not empty");
  return std::nullopt;
}

std::optional<std::string> Reader::word(const std::string& key, std::span<const std::string> known) const {
  auto found = filled_text(key);
  const auto fault = found ? fault_of_word(key, *found, known) : "";
  if (fault.empty()) return found;
  add_error(diagnostics_, place_of(key), field_of(key), fault);
  return std::nullopt;
}

std::optional<bool> Reader::flag(const std::string& key) const {
  const auto* found = member(key);
  if (!found) return std::nullopt;
  const auto word = lower_case(found->value.text);
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "no" || word == "off") return false;
  wrong(*found, "true or false");
  return std::nullopt;
}

std::optional<unsigned> Reader::count(const std::string& key, unsigned most, unsigned least) const {
  const auto* found = member(key);
  if (!found) return std::nullopt;
  const auto& text = found->value.text;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (whole && number >= least && number <= most) return number;
  wrong(*found, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<unsigned> Reader::count_or_off(const std::string& key, unsigned most) const {
  const auto* found = member(key);
  return found && is_off(found->value.text) ? 0 : count(key, most);
}

std::optional<std::uint64_t> Reader::size_or_off(const std::string& key, std::uint64_t least) const {
  const auto* found = member(key);
  if (!found) return std::nullopt;
  if (found->value.kind == Value::Kind::scalar) {
    if (is_off(found->value.text)) return 0;
    const auto size = parse_byte_size(found->value.text);
    if (size && *size >= least) return size;
  }
  wrong(*found, "a size such as 512MiB or 2GiB" + (least > 1 ? ", at least " + format_byte_size(least) : "") + ", or off");
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> Reader::duration(const std::string& key) const {
  const auto* found = member(key);
  if (!found) return std::nullopt;
  if (found->value.kind == Value::Kind::scalar) {
    const auto duration = parse_duration(found->value.text);
    if (duration && duration->count() > 0) return duration;
  }
  wrong(*found, "a duration such as 90s, 15m or 1h30m");
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> Reader::duration_or_off(const std::string& key) const {
  const auto* found = member(key);
  if (!found) return std::nullopt;
  if (found->value.kind == Value::Kind::scalar) {
    const auto word = lower_case(found->value.text);
    if (word == "off" || word == "no" || word == "false") return std::chrono::milliseconds(0);
    if (const auto duration = parse_duration(found->value.text)) return duration;
  }
  wrong(*found, "a duration such as 90s, 15m or 1h30m, or off");
  return std::nullopt;
}

std::optional<std::uint64_t> Reader::size(const std::string& key) const {
  const auto* found = member(key);
  if (!found) return std::nullopt;
  if (found->value.kind == Value::Kind::scalar) {
    if (const auto size = parse_byte_size(found->value.text)) return size;
  }
  wrong(*found, "a size such as 500MB or 10GB");
  return std::nullopt;
}

std::optional<std::vector<std::string>> Reader::texts(const std::string& key) const {
  const auto* found = member(key);
  if (!found) return std::nullopt;
  if (found->value.kind == Value::Kind::scalar) return std::vector{found->value.text};
  std::vector<std::string> texts;
  for (const auto& item : found->value.items) {
    if (item.kind == Value::Kind::scalar) {
      texts.push_back(item.text);
    } else {
      add_error(diagnostics_, item.place, field_of(key), key + " must be a list of texts");
    }
  }
  if (found->value.kind != Value::Kind::list) wrong(*found, "a list of texts");
  return texts;
}

std::string fault_of_word(const std::string& key, const std::string& word, std::span<const std::string> known) {
  if (std::find(known.begin(), known.end(), word) != known.end()) return "";
  return key + " must be one of " + join(known, ", ") + ", not \"" + printable(word) + "\"" + did_you_mean(word, known);
}

std::string did_you_mean(const std::string& word, std::span<const std::string> candidates) {
  const auto near = nearest(word, candidates);
  return near.empty() ? "" : " (did you mean " + near + "?)";
}

void check_keys(const Reader& reader, std::span<const std::string> known, Unknown unknown) {
  std::size_t told = 0;
  for (const auto& member : reader.map().members) {
    if (std::find(known.begin(), known.end(), member.key) != known.end()) continue;
    const auto name = printable(member.key);
    const auto field = reader.field_of(name);
    const auto hint = ++told <= kMostSuggestions ? did_you_mean(member.key, known) : std::string();
    if (unknown == Unknown::error) {
      add_error(reader.diagnostics(), member.place, field, "unknown key \"" + name + "\"" + hint);
    } else {
      add_note(reader.diagnostics(), member.place, field,
               "unknown key \"" + name + "\" is kept and ignored" + hint);
    }
  }
}

}  // namespace fanout::domain
