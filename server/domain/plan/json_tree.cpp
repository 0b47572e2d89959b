// One JSON object of a plan that is still being written.
#include <boost/json.hpp>
#include <charconv>

#include "server/domain/plan/tree.hpp"

namespace fanout::domain {

namespace {

namespace json = boost::json;

template <class Number>
std::string number_text(Number number) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return std::string(text, end);
}

std::string json_scalar_text(const json::value& value) {
  switch (value.kind()) {
    case json::kind::bool_: return value.get_bool() ? "true" : "false";
    case json::kind::int64: return number_text(value.get_int64());
    case json::kind::uint64: return number_text(value.get_uint64());
    case json::kind::double_: return number_text(value.get_double());
    default: return {value.get_string().data(), value.get_string().size()};
  }
}

/// The parser has bounded the depth, and whoever calls it the length.
Value json_tree(const json::value& from, Diagnostics& diagnostics) {
  Value value;
  if (const auto* object = from.if_object()) {
    value.kind = Value::Kind::map;
    for (const auto& member : *object) {
      value.members.push_back({{member.key().data(), member.key().size()}, {}, json_tree(member.value(), diagnostics)});
    }
  } else if (const auto* array = from.if_array()) {
    value.kind = Value::Kind::list;
    for (const auto& item : *array) value.items.push_back(json_tree(item, diagnostics));
  } else if (!from.is_null()) {
    value.kind = Value::Kind::scalar;
    value.text = json_scalar_text(from);
    if (value.text.find('\0') != std::string::npos) add_error(diagnostics, {}, "", "a NUL character is not allowed");
  }
  return value;
}

}  // namespace

Value parse_json_object(const std::string& text, Diagnostics& diagnostics) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::parser parser({}, options);
  boost::system::error_code error;
  const auto length = parser.write_some(text.data(), text.size(), error);
  if (!error && text.find_first_not_of(" \t\r\n", length) != std::string::npos) error = json::error::extra_data;
  if (error) {
    add_error(diagnostics, {}, "", "this is no JSON object in one line: " + error.message() + ", at byte " + std::to_string(length + 1));
    return {};
  }
  const auto value = parser.release();
  if (value.is_object()) return json_tree(value, diagnostics);
  add_error(diagnostics, {}, "", "this must be one JSON object, such as {\"id\": \"api\", \"prompt\": \"…\"}");
  return {};
}

}  // namespace fanout::domain
