#include "server/agent/codex.hpp"

#include "common/text.hpp"
#include "server/agent/activities.hpp"
#include "server/agent/codex_parts.hpp"
#include "server/agent/limits.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;

namespace {

void add_cumulative_usage(Output& out, const json::value& told) {
  auto& usage = *out.activities.emplace_back().mutable_usage();
  usage.set_scope(v1::AgentUsage::SCOPE_CUMULATIVE);
  usage.set_cached_inside_input(true);
  usage.set_reasoning_inside_output(true);
  if (const auto n = count_at(told, "input_tokens")) usage.set_input_tokens(*n);
  if (const auto n = count_at(told, "cached_input_tokens")) usage.set_cached_input_tokens(*n);
  if (const auto n = count_at(told, "cache_write_input_tokens")) usage.set_cache_write_tokens(*n);
  if (const auto n = count_at(told, "output_tokens")) usage.set_output_tokens(*n);
  if (const auto n = count_at(told, "reasoning_output_tokens")) usage.set_reasoning_tokens(*n);
}

}  // namespace

void Codex::on_line(std::string_view text, Output& out) {
  const auto line = parse_json(text);
  if (!line || !line->is_object()) return add_raw(out, text, "not JSON");
  const auto type = text_at(*line, "type");
  const auto* item = member(*line, "item");
  if (type == "thread.started") {
    auto& session = *out.activities.emplace_back().mutable_session();
    session.set_id(std::string(text_at(*line, "thread_id")));
    session.set_agent("Codex");
  } else if (type.starts_with("item.") && item) {
    on_item(type.substr(5), *item, text, out);
  } else if (type == "error") {
    on_error(text_at(*line, "message"), out);
  } else if (type == "turn.completed") {
    if (const auto* usage = member(*line, "usage"); usage && usage->is_object()) add_cumulative_usage(out, *usage);
    add_result(out, v1::AgentResult::OUTCOME_SUCCEEDED, last_message_);
  } else if (type == "turn.failed") {
    const auto* error = member(*line, "error");
    add_failure(out, sentence_of_codex(error ? text_at(*error, "message") : ""));
  } else if (type != "turn.started") {
    add_raw(out, text, "unknown type \"" + head(valid_utf8(type), 40) + "\"");
  }
}

void Codex::on_item(std::string_view stage, const json::value& item, std::string_view text, Output& out) {
  const auto type = text_at(item, "type");
  const bool ended = stage == "completed";
  if (type == "agent_message") {
    if (!ended) return;
    last_message_ = head(valid_utf8(text_at(item, "text")), kMaxToolOutput);
    return add_message(out, text_at(item, "text"), text_at(item, "id"));
  }
  if (type == "reasoning") return ended ? add_reasoning(out, text_at(item, "text")) : void();
  if (type == "command_execution") return on_command(item, ended, out);
  if (type == "file_change") return ended ? on_changes(item, out) : void();
  if (type == "mcp_tool_call") return add_codex_tool(calls_, item, ended, out);
  if (type == "web_search") return add_codex_search(calls_, item, ended, out);
  if (type == "todo_list") {
    if (const auto* items = array_at(item, "items"))
      *out.activities.emplace_back().mutable_plan() = plan_from(*items);
    return;
  }
  if (type == "error") return add_notice(out, text_at(item, "message"));  // a warning: the turn goes on
  add_raw(out, text, "unknown item \"" + head(valid_utf8(type), 40) + "\"");
}

void Codex::on_command(const json::value& item, bool ended, Output& out) {
  const auto id = text_at(item, "id");
  const json::value input = json::object{{"command", text_at(item, "command")}};
  const auto& call = calls_.begin(out, id, "shell", input);
  if (!ended) return;
  const auto code = small_at(item, "exit_code");
  add_command(out, id, call.command, code);
  const bool failed = text_at(item, "status") == "failed" || code.value_or(0) != 0;
  add_tool_result(out, id, failed, text_at(item, "aggregated_output"));
  out.activities.back().mutable_tool_result()->set_denied(text_at(item, "status") == "declined");
}

void Codex::on_changes(const json::value& item, Output& out) {
  const auto* changes = array_at(item, "changes");
  if (!changes || text_at(item, "status") == "failed") return;
  for (const auto& change : *changes) {
    add_file_change(out, text_at(item, "id"), shown_path(text_at(change, "path"), calls_.worktree()),
                    codex_change_kind(text_at(change, "kind")), std::nullopt);
  }
}

void Codex::on_error(std::string_view message, Output& out) {
  if (const auto retrying = codex_retry_in(message)) {
    *out.activities.emplace_back().mutable_retrying() = *retrying;
  } else {
    add_notice(out, sentence_of_codex(message));  // turn.failed says whether it was the end
  }
}

}  // namespace fanout::agent
