#pragma once

#include <boost/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

/// JSON-RPC 2.0 as the Model Context Protocol uses it: one message a line, ids are strings or integers.
namespace fanout::mcp {

namespace json = boost::json;

inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;
inline constexpr int kResourceNotFound = -32002;            ///< Up to 2025-11-25; later it is kInvalidParams.
inline constexpr int kUnsupportedProtocolVersion = -32022;  ///< From 2026-07-28 on.

struct Request {
  json::value id;  ///< A string or an integer.
  std::string method;
  json::object params;  ///< Empty where there were none.
};

struct Notification {
  std::string method;
  json::object params;
};

/// A request that is answered with an error.
struct Fault {
  std::optional<json::value> id;  ///< Unset: it could not be read.
  int code = kInternalError;
  std::string message;
  json::value data = nullptr;
};

/// A line that asks for nothing: blank, or a response to what we never ask.
struct Nothing {};

using Message = std::variant<Request, Notification, Fault, Nothing>;

/// What a line says. Never throws for what is in it.
Message parse_message(std::string_view line);

/// An error of the protocol, thrown by what answers a request.
class ProtocolError : public std::runtime_error {
 public:
  ProtocolError(int code, const std::string& message, json::value data = nullptr)
      : std::runtime_error(message), code_(code), data_(std::move(data)) {}
  int code() const { return code_; }
  const json::value& data() const { return data_; }

 private:
  int code_;
  json::value data_;
};

/// Lines to send, without a line end.
std::string result_line(const json::value& id, json::object result);
std::string error_line(const Fault& fault);
std::string notification_line(std::string_view method, json::object params);

/// An id as a text that no other id gives.
std::string id_text(const json::value& id);

}  // namespace fanout::mcp
