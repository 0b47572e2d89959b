#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "common/text.hpp"
#include "server/domain/plan/tree.hpp"

namespace fanout::domain {

namespace {

/// toml++ bounds brackets, but not the tables that a dotted key makes, one in the other.
constexpr std::ptrdiff_t kMaxDots = 10'000;

Place place_of(const toml::source_region& source, const std::string& file) {
  return {file, source.begin.line, source.begin.column};
}

std::string scalar_text(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  std::ostringstream out;
  node.visit([&](const auto& value) {
    using Type = std::decay_t<decltype(value)>;
    if constexpr (toml::is_boolean<Type>) {
      out << (value.get() ? "true" : "false");
    } else if constexpr (toml::is_value<Type>) {
      out << value.get();
    }
  });
  return out.str();
}

class Converter {
 public:
  Converter(const std::string& file, Diagnostics& diagnostics) : file_(file), diagnostics_(diagnostics) {}

  Value convert(const toml::node& node, int depth = 0) {
    Value value;
    value.place = place_of(node.source(), file_);
    if (depth > kMaxDepth) {
      add_error(diagnostics_, value.place, "", "this nests too deep");
    } else if (const auto* table = node.as_table()) {
      value.kind = Value::Kind::map;
      for (const auto& [key, entry] : *table) {
        value.members.push_back(
            {std::string(key.str()), place_of(key.source(), file_), convert(entry, depth + 1)});
      }
    } else if (const auto* array = node.as_array()) {
      value.kind = Value::Kind::list;
      for (const auto& entry : *array) value.items.push_back(convert(entry, depth + 1));
    } else {
      value.kind = Value::Kind::scalar;
      value.text = scalar_text(node);
      check(value);
    }
    return value;
  }

 private:
  void check(const Value& scalar) {
    if (scalar.text.find('\0') == std::string::npos) return;
    add_error(diagnostics_, scalar.place, "", "a NUL character is not allowed");
  }

  const std::string& file_;
  Diagnostics& diagnostics_;
};

}  // namespace

Value parse_toml(const std::string& text, const std::string& file, Diagnostics& diagnostics) {
  if (std::count(text.begin(), text.end(), '.') > kMaxDots) {
    add_error(diagnostics, {file, 0, 0}, "",
              "this file nests too deep or holds too much for a configuration");
    return {};
  }
  try {
    return Converter(file, diagnostics).convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    add_error(diagnostics, place_of(error.source(), file), "",
              "this is not valid TOML: " + printable(std::string(error.description())));
    return {};
  }
}

}  // namespace fanout::domain
