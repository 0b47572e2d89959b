#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "server/http/message.hpp"

/// Reading answers without trusting them.
namespace fanout::github {

namespace json = boost::json;

/// The member, or null where there is none.
inline const json::value& member(const json::value& value, std::string_view key) {
  static const json::value kNull;
  const auto* object = value.if_object();
  const auto* found = object ? object->if_contains(key) : nullptr;
  return found ? *found : kNull;
}

inline std::string text_of(const json::value& value, std::string_view key) {
  const auto& found = member(value, key);
  return found.is_string() ? std::string(found.get_string()) : "";
}

/// 0 when it is none.
inline std::uint64_t number_of(const json::value& value, std::string_view key) {
  const auto& found = member(value, key);
  if (found.is_uint64()) return found.get_uint64();
  return found.is_int64() && found.get_int64() > 0 ? static_cast<std::uint64_t>(found.get_int64()) : 0;
}

inline bool is_true(const json::value& value, std::string_view key) {
  const auto& found = member(value, key);
  return found.is_bool() && found.get_bool();
}

/// Empty when it is none.
inline const json::array& array_of(const json::value& value) {
  static const json::array kNone;
  return value.is_array() ? value.get_array() : kNone;
}

inline json::array to_array(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& text : texts) out.push_back(json::value(text));
  return out;
}

inline std::vector<std::string> texts_of(const json::value& value) {
  std::vector<std::string> out;
  for (const auto& entry : array_of(value)) {
    if (entry.is_string()) out.emplace_back(entry.get_string());
  }
  return out;
}

}  // namespace fanout::github
