#pragma once

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

std::string request(std::int64_t id, std::string_view method, json::value params);
std::string notification(std::string_view method, json::value params);
std::string result(const json::value& id, json::value result);
std::string error(const json::value& id, int code, std::string_view message);

/// An id as a text that no other id gives.
std::string id_text(const json::value& id);

}  // namespace fanout::agent::rpc
