#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/domain/plan/plan.hpp"

namespace fanout::domain {

struct Member;

/// What a YAML or TOML file holds, with the place of everything: the readers know neither format.
struct Value {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;             ///< Of a scalar, as written.
  std::vector<Value> items;     ///< Of a list.
  std::vector<Member> members;  ///< Of a map, in order.
  Place place;

  const Member* find(const std::string& key) const;
};

struct Member {
  std::string key;
  Place place;  ///< Of the key.
  Value value;
};

using Diagnostics = std::vector<Diagnostic>;

/// Bounds on what is read. An alias counts each time that it is used, so that a small file cannot blow up.
inline constexpr int kMaxDepth = 50;
inline constexpr std::size_t kMaxNodes = 100'000;
inline constexpr std::size_t kMaxTextBytes = 16u << 20;

/// Reads YAML. `first_line` is the line of the file that `text` begins on. Faults (syntax, a key written
/// twice) are added to `diagnostics`; the value is null then or holds what could be read.
Value parse_yaml(const std::string& text, const std::string& file, unsigned first_line,
                 Diagnostics& diagnostics);

/// Reads TOML, likewise.
Value parse_toml(const std::string& text, const std::string& file, Diagnostics& diagnostics);

/// Reads one JSON object, likewise; of what is in it nothing has a place. Its length is for the caller to bound.
Value parse_json_object(const std::string& text, Diagnostics& diagnostics);

/// Where byte `offset` of `text` is.
Place place_at(std::string_view text, std::size_t offset, const std::string& file, unsigned first_line = 1);

/// Whether `text` is UTF-8; a fault tells where it is not. What is read here ends in messages whose
/// strings must be: with anything else in them the other side could not read the whole message.
bool check_utf8(std::string_view text, const std::string& file, unsigned first_line,
                Diagnostics& diagnostics);

void add_error(Diagnostics& diagnostics, Place place, std::string field, std::string message);
void add_warning(Diagnostics& diagnostics, Place place, std::string field, std::string message);
void add_note(Diagnostics& diagnostics, Place place, std::string field, std::string message);

}  // namespace fanout::domain
