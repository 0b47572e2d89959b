#include "client/mcp/protocol.hpp"

#include <algorithm>
#include <array>

#include "client/mcp/schema.hpp"
#include "common/error.hpp"
#include "common/version.hpp"

namespace fanout::mcp {

namespace {

constexpr std::string_view kModernVersion = "2026-07-28";
constexpr std::array<std::string_view, 2> kLegacyVersions{"2025-11-25", "2025-06-18"};  // the latest first

constexpr std::string_view kVersionKey = "io.modelcontextprotocol/protocolVersion";
constexpr std::string_view kCapabilitiesKey = "io.modelcontextprotocol/clientCapabilities";
constexpr std::string_view kServerKey = "io.modelcontextprotocol/serverInfo";
constexpr std::string_view kSubscriptionKey = "io.modelcontextprotocol/subscriptionId";

constexpr int kDayMilliseconds = 24 * 60 * 60 * 1000;
constexpr std::chrono::hours kLongTime{24};

json::object server_info() { return {{"name", "fanout"}, {"title", "Fanout"}, {"version", kVersion}}; }

const json::object& meta_of(const json::object& params) {
  static const json::object none;
  const auto* meta = params.if_contains("_meta");
  return meta && meta->is_object() ? meta->get_object() : none;
}

json::value progress_token(const json::object& params) {
  const auto* token = meta_of(params).if_contains("progressToken");
  const bool valid = token && (token->is_string() || token->is_int64() || token->is_uint64());
  return valid ? *token : json::value(nullptr);
}

std::string required_text(const json::object& params, const char* name) {
  const auto* value = params.if_contains(name);
  if (!value || !value->is_string()) throw ProtocolError(kInvalidParams, std::string(name) + " must be a string");
  return json::value_to<std::string>(*value);
}

/// Only of lists that have further pages; of the others no cursor was ever given.
std::string cursor_of(const json::object& params) {
  return params.contains("cursor") ? required_text(params, "cursor") : std::string();
}

void require_first_page(const json::object& params) {
  if (params.contains("cursor")) throw ProtocolError(kInvalidParams, "there is no such cursor: this list is one page");
}

json::object described(const Tool& tool) {
  return {{"name", tool.name},         {"title", tool.title},         {"description", tool.description},
          {"inputSchema", tool.input}, {"outputSchema", tool.output}, {"annotations", tool.annotations}};
}

json::object text_block(std::string_view text, const char* audience) {
  return {{"type", "text"}, {"text", text}, {"annotations", json::object{{"audience", json::array{audience}}}}};
}

/// The structured content stands in the text too, for clients that know no other.
json::object tool_result(Answer answer) {
  if (answer.failed) {
    json::array content{json::object{{"type", "text"}, {"text", answer.text}}};
    return {{"content", std::move(content)}, {"isError", true}};
  }
  json::array content{text_block(answer.text, "user"), text_block(json::serialize(answer.structured), "assistant")};
  return {{"content", std::move(content)}, {"structuredContent", std::move(answer.structured)}, {"isError", false}};
}

Answer failure(std::string sentence) { return {std::move(sentence), {}, true}; }

/// Failures are for the client's model, which may do better next time.
Answer run_tool(const Tool& tool, const json::object& arguments, Call& call) {
  if (auto fault = fault_by_schema(arguments, tool.input, tool.name); !fault.empty()) return failure(std::move(fault));
  try {
    return tool.run(arguments, call);
  } catch (const Error& error) {
    return failure(error.what());
  }
}

/// How long a client may take it as it is, and who else may.
void add_caching(json::object& result, std::string_view method) {
  const bool fixed = method == "tools/list" || method == "resources/templates/list";
  const bool volatile_one = method == "resources/list" || method == "resources/read";
  if (!fixed && !volatile_one && method != "server/discover") return;
  result["ttlMs"] = volatile_one ? 0 : kDayMilliseconds;
  result["cacheScope"] = fixed ? "public" : "private";
}

json::object modern_result(json::object result, std::string_view method) {
  result["resultType"] = "complete";
  add_caching(result, method);
  if (!result.contains("_meta")) result["_meta"] = json::object();
  result["_meta"].get_object()[kServerKey] = server_info();
  return result;
}

/// None of what may be asked for is told of here: it is acknowledged as such, and kept open for as long as is wanted.
json::object listen(const json::value& id, Call& call) {
  const json::object meta{{kSubscriptionKey, id}};
  call.notify("notifications/subscriptions/acknowledged", {{"_meta", meta}, {"notifications", json::object()}});
  while (!call.stopped_within(kLongTime)) continue;
  return {{"_meta", meta}};
}

}  // namespace

Protocol::Protocol(const Offer& offer, Requests::Send send) : offer_(offer), requests_(std::move(send)) {}

void Protocol::take(std::string_view line) {
  const auto message = parse_message(line);
  if (const auto* fault = std::get_if<Fault>(&message)) return requests_.send(error_line(*fault));
  if (const auto* notification = std::get_if<Notification>(&message)) return take(*notification);
  const auto* request = std::get_if<Request>(&message);
  if (!request) return;
  try {
    take(*request);
  } catch (const ProtocolError& error) {
    requests_.send(error_line({request->id, error.code(), error.what(), error.data()}));
  }
}

void Protocol::refuse_long_line(std::size_t most_bytes) {
  requests_.send(error_line(
      {std::nullopt, kInvalidRequest, "a message may have at most " + std::to_string(most_bytes) + " bytes", nullptr}));
}

void Protocol::finish() { requests_.finish(); }

/// What decides how later requests are taken is done at once, everything else in its own time.
void Protocol::take(const Request& request) {
  if (request.method == "initialize") return requests_.send(result_line(request.id, initialize(request.params)));
  const auto era = era_of(request);
  auto work = work_for(request, era);
  if (!work) throw ProtocolError(kMethodNotFound, "there is no method " + request.method);
  requests_.start(request.id, progress_token(request.params),
                  [era, work = std::move(work), method = request.method](Call& call) {
                    auto result = work(call);
                    return era == Era::modern ? modern_result(std::move(result), method) : result;
                  });
}

void Protocol::take(const Notification& notification) {
  if (notification.method != "notifications/cancelled") return;
  if (const auto* id = notification.params.if_contains("requestId")) requests_.cancel(*id);
}

Protocol::Era Protocol::era_of(const Request& request) const {
  const auto& meta = meta_of(request.params);
  const auto* version = meta.if_contains(kVersionKey);
  if (!version) {
    if (!legacy_version_.empty() || request.method == "ping") return Era::legacy;
    throw ProtocolError(kInvalidParams, "send initialize first, or say the protocol's version in _meta");
  }
  if (*version != json::value(kModernVersion)) {
    throw ProtocolError(kUnsupportedProtocolVersion, "Unsupported protocol version",
                        json::object{{"supported", json::array{kModernVersion}}, {"requested", *version}});
  }
  const auto* capabilities = meta.if_contains(kCapabilitiesKey);
  if (!capabilities || !capabilities->is_object())
    throw ProtocolError(kInvalidParams, "_meta must hold " + std::string(kCapabilitiesKey) + ", an object");
  return Era::modern;
}

json::object Protocol::initialize(const json::object& params) {
  if (!legacy_version_.empty()) throw ProtocolError(kInvalidRequest, "initialize was sent before");
  const auto wanted = required_text(params, "protocolVersion");
  const auto known = std::find(kLegacyVersions.begin(), kLegacyVersions.end(), wanted);
  legacy_version_ = known == kLegacyVersions.end() ? kLegacyVersions.front() : *known;
  return {{"protocolVersion", legacy_version_},
          {"capabilities", capabilities()},
          {"serverInfo", server_info()},
          {"instructions", offer_.instructions}};
}

json::object Protocol::discover() const {
  return {{"supportedVersions", json::array{kModernVersion}},
          {"capabilities", capabilities()},
          {"instructions", offer_.instructions}};
}

json::object Protocol::capabilities() const { return {{"tools", json::object()}, {"resources", json::object()}}; }

/// Empty: there is no such method.
Requests::Work Protocol::work_for(const Request& request, Era era) {
  const auto& [id, method, params] = request;
  if (method == "tools/call") return [this, params](Call& call) { return call_tool(params, call); };
  if (method == "tools/list") return [this, params](Call&) { return list_tools(params); };
  if (method == "resources/list") return [this, params](Call& call) { return list_resources(params, call); };
  if (method == "resources/templates/list") return [this, params](Call&) { return list_templates(params); };
  if (method == "resources/read") return [this, params, era](Call& call) { return read_resource(params, era, call); };
  if (era == Era::legacy && method == "ping") return [](Call&) { return json::object(); };
  if (era == Era::modern && method == "server/discover") return [this](Call&) { return discover(); };
  if (era == Era::modern && method == "subscriptions/listen") return [id](Call& call) { return listen(id, call); };
  return {};
}

json::object Protocol::call_tool(const json::object& params, Call& call) const {
  const auto name = required_text(params, "name");
  const auto tool =
      std::find_if(offer_.tools.begin(), offer_.tools.end(), [&](const Tool& one) { return one.name == name; });
  if (tool == offer_.tools.end()) throw ProtocolError(kInvalidParams, "Unknown tool: " + name);
  const auto* arguments = params.if_contains("arguments");
  if (arguments && !arguments->is_object()) throw ProtocolError(kInvalidParams, "arguments must be an object");
  return tool_result(run_tool(*tool, arguments ? arguments->get_object() : json::object(), call));
}

json::object Protocol::list_tools(const json::object& params) const {
  require_first_page(params);
  json::array tools;
  for (const auto& tool : offer_.tools) tools.push_back(described(tool));
  return {{"tools", std::move(tools)}};
}

json::object Protocol::list_resources(const json::object& params, Call& call) const {
  auto page = offer_.list(cursor_of(params), call);
  json::object result{{"resources", std::move(page.resources)}};
  if (!page.next_cursor.empty()) result["nextCursor"] = page.next_cursor;
  return result;
}

json::object Protocol::list_templates(const json::object& params) const {
  require_first_page(params);
  return {{"resourceTemplates", offer_.templates}};
}

json::object Protocol::read_resource(const json::object& params, Era era, Call& call) const {
  const auto uri = required_text(params, "uri");
  try {
    return {{"contents", offer_.read(uri, call)}};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found && error.kind() != ErrorKind::invalid_input) throw;
    throw ProtocolError(era == Era::modern ? kInvalidParams : kResourceNotFound, error.what(),
                        json::object{{"uri", uri}});
  }
}

}  // namespace fanout::mcp
