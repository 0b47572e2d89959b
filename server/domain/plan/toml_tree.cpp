#include <toml++/toml.h>

#include <sstream>

#include "common/text.hpp"
#include "server/domain/plan/tree.hpp"

namespace fanout::domain {

namespace {

Place place_of(const toml::source_region& source, const std::string& file) {
  return {file, source.begin.line, source.begin.column};
}

std::string scalar_text(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  std::ostringstream out;
  if (const auto* number = node.as_integer()) {
    out << number->get();
  } else if (const auto* real = node.as_floating_point()) {
    out << real->get();
  } else if (const auto* flag = node.as_boolean()) {
    out << (flag->get() ? "true" : "false");
  }
  return out.str();
}

Value value_of(const toml::node& node, const std::string& file) {
  Value value;
  value.place = place_of(node.source(), file);
  if (const auto* table = node.as_table()) {
    value.kind = Value::Kind::map;
    for (const auto& [key, entry] : *table) {
      value.members.push_back({std::string(key.str()), place_of(key.source(), file), value_of(entry, file)});
    }
  } else if (const auto* array = node.as_array()) {
    value.kind = Value::Kind::list;
    for (const auto& entry : *array) value.items.push_back(value_of(entry, file));
  } else {
    value.kind = Value::Kind::scalar;
    value.text = scalar_text(node);
  }
  return value;
}

}  // namespace

Value parse_toml(const std::string& text, const std::string& file, Diagnostics& diagnostics) {
  try {
    return value_of(toml::parse(text), file);
  } catch (const toml::parse_error& error) {
    add_error(diagnostics, place_of(error.source(), file), "",
              "this is not valid TOML: " + printable(std::string(error.description())));
    return {};
  }
}

}  // namespace fanout::domain
