#pragma once

#include <boost/json.hpp>
#include <string>

namespace fanout::mcp {

/// What is wrong with `value` by a JSON Schema, in one sentence for a person; empty: nothing. Understands what our own
/// schemas use: type, enum, minimum, maximum, minLength, items, properties, required and additionalProperties: false.
/// `name` is what the sentence calls the value.
std::string fault_by_schema(const boost::json::value& value, const boost::json::object& schema,
                            const std::string& name);

}  // namespace fanout::mcp
