#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/domain/plan/tree.hpp"

namespace fanout::domain {

/// Takes typed values out of a map. A value of the wrong kind is a fault that says what is wanted; the
/// caller then goes on as if it were not there.
class Reader {
 public:
  /// `field` names the map in messages, such as "tasks[2]"; empty for the top of a file.
  Reader(const Value& map, std::string field, Diagnostics& diagnostics)
      : map_(map), field_(std::move(field)), diagnostics_(diagnostics) {}

  const Member* member(const std::string& key) const;
  std::optional<std::string> text(const std::string& key) const;
  /// A text that says something; a blank one is a fault.
  std::optional<std::string> filled_text(const std::string& key) const;
  /// A text that is one of `known`.
  std::optional<std::string> word(const std::string& key, std::span<const std::string> known) const;
  std::optional<bool> flag(const std::string& key) const;
  /// From `least` to `most`.
  std::optional<unsigned> count(const std::string& key, unsigned most, unsigned least = 1) const;
  /// From 1 to `most`; "0", "off", "no" and "false" are zero.
  std::optional<unsigned> count_or_off(const std::string& key, unsigned most) const;
  /// Bytes, at least `least`; "0", "off", "no" and "false" are zero.
  std::optional<std::uint64_t> size_or_off(const std::string& key, std::uint64_t least = 1) const;
  std::optional<std::chrono::milliseconds> duration(const std::string& key) const;
  /// "0", "off", "no" and "false" are zero.
  std::optional<std::chrono::milliseconds> duration_or_off(const std::string& key) const;
  /// In bytes.
  std::optional<std::uint64_t> size(const std::string& key) const;
  /// A list of texts; one text alone counts as a list of it.
  std::optional<std::vector<std::string>> texts(const std::string& key) const;

  std::string field_of(const std::string& key) const { return field_.empty() ? key : field_ + "." + key; }
  Place place_of(const std::string& key) const;
  /// Of each of texts(key).
  std::vector<Place> places_of_texts(const std::string& key) const;
  Diagnostics& diagnostics() const { return diagnostics_; }
  const Value& map() const { return map_; }

 private:
  void wrong(const Member& member, const std::string& wanted) const;

  const Value& map_;
  std::string field_;
  Diagnostics& diagnostics_;
};

/// What happens to keys that nobody knows.
enum class Unknown { note, error };

/// Tells every key of the map that is not among `known`, with the nearest that is.
void check_keys(const Reader& reader, std::span<const std::string> known, Unknown unknown);

/// What is wrong with `word` as the value of `key`, or nothing when it is one of `known`.
std::string fault_of_word(const std::string& key, const std::string& word, std::span<const std::string> known);

/// " (did you mean x?)", or nothing.
std::string did_you_mean(const std::string& word, std::span<const std::string> candidates);

}  // namespace fanout::domain
