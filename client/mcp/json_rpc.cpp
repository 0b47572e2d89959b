#include "client/mcp/json_rpc.hpp"

#include "common/text.hpp"

namespace fanout::mcp {

namespace {

bool is_id(const json::value& value) { return value.is_string() || value.is_int64() || value.is_uint64(); }

Fault fault(const std::optional<json::value>& id, int code, std::string message) {
  return {id, code, std::move(message), nullptr};
}

/// Whatever is wrong with the rest, whoever asked should learn which of its requests it was.
std::optional<json::value> id_of(const json::object& message) {
  const auto* id = message.if_contains("id");
  if (!id || !is_id(*id)) return std::nullopt;
  return *id;
}

Message read_call(const json::object& message, const std::string& method) {
  const auto id = id_of(message);
  json::object params;
  if (const auto* given = message.if_contains("params")) {
    if (!given->is_object()) return fault(id, kInvalidParams, "params must be an object");
    params = given->get_object();
  }
  if (!message.contains("id")) return Notification{method, std::move(params)};
  if (!id) return fault(std::nullopt, kInvalidRequest, "id must be a string or an integer");
  return Request{*id, method, std::move(params)};
}

Message read_object(const json::object& message) {
  const auto id = id_of(message);
  const auto* version = message.if_contains("jsonrpc");
  if (!version || *version != "2.0") return fault(id, kInvalidRequest, "jsonrpc must be \"2.0\"");
  const auto* method = message.if_contains("method");
  if (!method && (message.contains("result") || message.contains("error"))) return Nothing();
  if (!method || !method->is_string()) return fault(id, kInvalidRequest, "method must be a string");
  return read_call(message, json::value_to<std::string>(*method));
}

std::string line_of(json::object message) {
  message["jsonrpc"] = "2.0";
  return json::serialize(message);
}

}  // namespace

Message parse_message(std::string_view line) {
  const auto text = trimmed(line);
  if (text.empty()) return Nothing();
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  if (error) return fault(std::nullopt, kParseError, "this line is not JSON: " + error.message());
  if (value.is_array()) return fault(std::nullopt, kInvalidRequest, "one message a line: there are no batches");
  if (!value.is_object()) return fault(std::nullopt, kInvalidRequest, "a message is an object");
  return read_object(value.get_object());
}

std::string result_line(const json::value& id, json::object result) {
  return line_of({{"id", id}, {"result", std::move(result)}});
}

std::string error_line(const Fault& fault) {
  json::object error{{"code", fault.code}, {"message", fault.message}};
  if (!fault.data.is_null()) error["data"] = fault.data;
  json::object message{{"error", std::move(error)}};
  if (fault.id) message["id"] = *fault.id;
  return line_of(std::move(message));
}

std::string notification_line(std::string_view method, json::object params) {
  return line_of({{"method", method}, {"params", std::move(params)}});
}

std::string id_text(const json::value& id) { return json::serialize(id); }

}  // namespace fanout::mcp
