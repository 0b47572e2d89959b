#include "client/mcp/schema.hpp"

#include <algorithm>
#include <string_view>

namespace fanout::mcp {

namespace json = boost::json;

namespace {

bool is_integer(const json::value& value) { return value.is_int64() || value.is_uint64(); }

bool has_type(const json::value& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return is_integer(value);
  return type == "number" && value.is_number();
}

std::string with_article(std::string_view type) {
  const bool vowel = type.starts_with('a') || type.starts_with('i') || type.starts_with('o');
  return (vowel ? "an " : "a ") + std::string(type);
}

std::string fault_of_number(double value, const json::object& schema, const std::string& name) {
  if (const auto* least = schema.if_contains("minimum"); least && value < least->to_number<double>())
    return name + " must be at least " + json::serialize(*least);
  if (const auto* most = schema.if_contains("maximum"); most && value > most->to_number<double>())
    return name + " must be at most " + json::serialize(*most);
  return {};
}

std::string fault_of_choice(const json::value& value, const json::array& choices, const std::string& name) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return {};
  std::string all;
  for (const auto& choice : choices) all += (all.empty() ? "" : ", ") + json::serialize(choice);
  return name + " must be one of " + all;
}

std::string fault_of_members(const json::object& object, const json::object& schema, const std::string& name) {
  const auto& properties = schema.at("properties").get_object();
  for (const auto& member : object) {
    const std::string key(member.key());
    const auto* rule = properties.if_contains(key);
    if (!rule) return name + " has no \"" + key + "\"";
    if (auto fault = fault_by_schema(member.value(), rule->get_object(), key); !fault.empty()) return fault;
  }
  const auto* required = schema.if_contains("required");
  if (!required) return {};
  for (const auto& key : required->get_array()) {
    if (!object.contains(key.get_string())) return std::string(key.get_string()) + " is missing";
  }
  return {};
}

std::string fault_of_items(const json::array& array, const json::object& schema, const std::string& name) {
  const auto* rule = schema.if_contains("items");
  if (!rule) return {};
  for (const auto& item : array) {
    if (auto fault = fault_by_schema(item, rule->get_object(), "each of " + name); !fault.empty()) return fault;
  }
  return {};
}

}  // namespace

std::string fault_by_schema(const json::value& value, const json::object& schema, const std::string& name) {
  const std::string type(schema.at("type").get_string());
  if (!has_type(value, type)) return name + " must be " + with_article(type);
  if (const auto* choices = schema.if_contains("enum")) return fault_of_choice(value, choices->get_array(), name);
  if (value.is_number()) return fault_of_number(value.to_number<double>(), schema, name);
  if (value.is_string() && schema.contains("minLength") && value.get_string().empty())
    return name + " must not be empty";
  if (value.is_array()) return fault_of_items(value.get_array(), schema, name);
  if (value.is_object() && schema.contains("properties")) return fault_of_members(value.get_object(), schema, name);
  return {};
}

}  // namespace fanout::mcp
