#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/agent/json.hpp"

/// JSON-RPC 2.0 as lines. Ids are kept as they came: numbers or strings.
namespace fanout::agent::rpc {

inline constexpr int kParseError = -32700;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternal = -32603;
inline constexpr int kCancelled = -32800;
inline constexpr int kAuthRequired = -32000;
inline constexpr int kNotFound = -32002;

/// A message of the other side: a request has method and id, a notification a method, and an answer none.
struct Message {
  json::value all;
  std::optional<json::value> id;
  std::string method;
  json::value params;  ///< An empty object where there are none.
};
/// Empty: the line is no JSON object.
std::optional<Message> read(std::string_view line);

std::string request(std::int64_t id, std::string_view method, json::value params);
std::string notification(std::string_view method, json::value params);
std::string result(const json::value& id, json::value result);
std::string error(const json::value& id, int code, std::string_view message);

/// An id as a text that no other id gives.
std::string id_text(const json::value& id);

}  // namespace fanout::agent::rpc
