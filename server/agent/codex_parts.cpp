#include "server/agent/codex_parts.hpp"

#include <charconv>

#include "server/agent/activities.hpp"
#include "server/agent/limits.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;

std::string sentence_of_codex(std::string_view message) {
  if (!message.starts_with('{')) return std::string(message);
  const auto parsed = parse_json(message);
  const auto* error = parsed ? member(*parsed, "error") : nullptr;
  const auto text = error ? text_at(*error, "message") : std::string_view();
  return std::string(text.empty() ? message : text);
}

std::optional<v1::AgentRetrying> codex_retry_in(std::string_view message) {
  constexpr std::string_view prefix = "Reconnecting... ";
  if (!message.starts_with(prefix)) return std::nullopt;
  v1::AgentRetrying retrying;
  message.remove_prefix(prefix.size());
  const auto* end = message.data() + message.size();
  std::uint32_t attempt = 0, most = 0;
  const auto read = std::from_chars(message.data(), end, attempt);
  if (read.ec == std::errc()) retrying.set_attempt(attempt);
  if (read.ec == std::errc() && read.ptr != end && *read.ptr == '/' &&
      std::from_chars(read.ptr + 1, end, most).ec == std::errc()) {
    retrying.set_max_attempts(most);
  }
  const auto open = message.find('(');
  auto reason = open == std::string_view::npos ? message : message.substr(open + 1);
  if (open != std::string_view::npos && reason.ends_with(')')) reason.remove_suffix(1);
  retrying.set_reason(std::string(reason));
  if (const auto status = status_in(reason)) retrying.set_status(*status);
  return retrying;
}

v1::AgentFileChange::Kind codex_change_kind(std::string_view kind) {
  if (kind == "add") return v1::AgentFileChange::KIND_ADDED;
  if (kind == "delete") return v1::AgentFileChange::KIND_DELETED;
  return kind == "update" ? v1::AgentFileChange::KIND_MODIFIED : v1::AgentFileChange::KIND_UNSPECIFIED;
}

void add_codex_tool(ToolCalls& calls, const json::value& item, bool ended, Output& out) {
  const auto id = text_at(item, "id");
  const auto name = std::string(text_at(item, "server")) + "." + std::string(text_at(item, "tool"));
  const auto* arguments = member(item, "arguments");
  calls.begin(out, id, name, arguments ? *arguments : json::value(json::object()));
  if (!ended) return;
  const auto* error = member(item, "error");
  const auto* result = member(item, "result");
  const bool failed = text_at(item, "status") == "failed";
  const auto said = failed && error ? std::string(text_at(*error, "message"))
                    : result        ? summarised(*result, kMaxToolOutput)
                                    : std::string();
  add_tool_result(out, id, failed, said);
}

void add_codex_search(ToolCalls& calls, const json::value& item, bool ended, Output& out) {
  const auto id = text_at(item, "id");
  calls.begin(out, id, "web_search", json::object{{"query", text_at(item, "query")}});
  if (ended) add_tool_result(out, id, false, {});
}

}  // namespace fanout::agent
