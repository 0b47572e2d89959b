#include "client/mcp/tool.hpp"

#include "common/text.hpp"

namespace fanout::mcp {

namespace {

Tool tool(const ToolText& text, json::object annotations, std::function<Answer(const json::object&, Call&)> run) {
  annotations["title"] = text.title;
  annotations["openWorldHint"] = false;
  return {text.name, text.title, text.description, text.input, text.output, std::move(annotations), std::move(run)};
}

/// Thrown to leave a log that goes on for longer than is wanted.
struct Enough {};

}  // namespace

std::string text_of(const json::object& arguments, const char* name) {
  const auto* value = arguments.if_contains(name);
  return value ? json::value_to<std::string>(*value) : std::string();
}

std::uint64_t number_of(const json::object& arguments, const char* name, std::uint64_t otherwise) {
  const auto* value = arguments.if_contains(name);
  return value ? value->to_number<std::uint64_t>() : otherwise;
}

bool flag_of(const json::object& arguments, const char* name) {
  const auto* value = arguments.if_contains(name);
  return value && value->get_bool();
}

json::object schema(std::string_view text) { return json::parse(text).get_object(); }

Tool reading_tool(const ToolText& text, std::function<Answer(const json::object&, Call&)> run) {
  return tool(text, {{"readOnlyHint", true}}, std::move(run));
}

Tool acting_tool(const ToolText& text, bool destructive, std::function<Answer(const json::object&, Call&)> run) {
  return tool(text, {{"readOnlyHint", false}, {"destructiveHint", destructive}, {"idempotentHint", false}},
              std::move(run));
}

LogPart read_log(client::Connection& daemon, fanout::v1::ReadLogRequest request, std::optional<std::uint64_t> offset,
                 std::size_t limit) {
  LogPart part;
  part.offset = offset.value_or(0);
  request.set_offset(part.offset);
  std::string bytes;
  const auto take = [&](const fanout::v1::ReadLogResponse& piece) {
    bytes += piece.data();
    if (offset && bytes.size() > limit) throw Enough();
    if (offset || bytes.size() <= 2 * limit) return;
    const auto left_out = bytes.size() - limit;
    bytes.erase(0, left_out);
    part.offset += left_out;
  };
  try {
    daemon.read_log(request, take);
  } catch (const Enough&) {
    part.more = true;
  }
  auto kept = offset ? head(bytes, limit) : tail(bytes, limit);
  if (kept.empty()) kept = bytes.substr(0, limit);  // bytes that are no text at all
  if (!offset) part.offset += bytes.size() - kept.size();
  part.next = part.offset + kept.size();
  part.more = part.more || (offset && kept.size() < bytes.size());
  part.text = valid_utf8(kept);
  return part;
}

}  // namespace fanout::mcp
