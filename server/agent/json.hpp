#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Reading JSON that others wrote: nothing here throws for what it finds, and what is not of the type asked
/// for is absent.
namespace fanout::agent {

namespace json = boost::json;

/// The value in `text`, or nothing when it is not JSON, or nested deeper than 64.
std::optional<json::value> parse_json(std::string_view text);

/// The member `key`; null when `value` is no object or has none.
const json::value* member(const json::value& value, std::string_view key);
const json::value* member(const json::value* value, std::string_view key);

/// The member as what it is asked for.
const json::object* object_at(const json::value& value, std::string_view key);
const json::array* array_at(const json::value& value, std::string_view key);
std::string_view text_at(const json::value& value, std::string_view key);
std::optional<bool> flag_at(const json::value& value, std::string_view key);
std::optional<double> number_at(const json::value& value, std::string_view key);
/// Whole numbers, also when written as 3.0; what does not fit is absent.
std::optional<std::int64_t> integer_at(const json::value& value, std::string_view key);
std::optional<std::uint64_t> count_at(const json::value& value, std::string_view key);
std::optional<std::int32_t> small_at(const json::value& value, std::string_view key);

/// The value as a view when it is a string, else empty.
std::string_view text_of(const json::value& value);
std::string_view text_of(const json::value* value);

/// `value` as JSON in at most `limit` bytes: long strings and lists are cut, and say so with "…".
std::string summarised(const json::value& value, std::size_t limit);
std::string summarised(const json::object& value, std::size_t limit);

}  // namespace fanout::agent
