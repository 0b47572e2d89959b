#include "server/agent/json_rpc.hpp"

namespace fanout::agent::rpc {

namespace {

std::string line(json::object message) { return json::serialize(message) + "\n"; }

}  // namespace

std::optional<Message> read(std::string_view line) {
  auto parsed = parse_json(line);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  Message message;
  const auto* id = member(*parsed, "id");
  const auto* params = member(*parsed, "params");
  if (id && !id->is_null()) message.id = *id;
  message.method = std::string(text_at(*parsed, "method"));
  message.params = params ? *params : json::value(json::object());
  message.all = std::move(*parsed);
  return message;
}

std::string request(std::int64_t id, std::string_view method, json::value params) {
  return line({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}});
}

std::string notification(std::string_view method, json::value params) {
  return line({{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}});
}

std::string result(const json::value& id, json::value result) {
  return line({{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}});
}

std::string error(const json::value& id, int code, std::string_view message) {
  json::object body{{"code", code}, {"message", message}};
  return line({{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(body)}});
}

std::string id_text(const json::value& id) { return json::serialize(id); }

}  // namespace fanout::agent::rpc
