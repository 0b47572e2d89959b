#include "server/agent/opencode.hpp"

#include <algorithm>
#include <charconv>

#include "common/text.hpp"
#include "server/agent/activities.hpp"
#include "server/agent/limits.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;

namespace {

/// Its input is without what came from the cache; whether its output holds the reasoning is told by the
/// total.
void add_step_usage(Output& out, const json::value& part) {
  auto& usage = *out.activities.emplace_back().mutable_usage();
  usage.set_scope(v1::AgentUsage::SCOPE_STEP);
  usage.set_reasoning_inside_output(true);
  if (const auto* tokens = member(part, "tokens")) {
    const auto input = count_at(*tokens, "input");
    const auto output = count_at(*tokens, "output");
    const auto reasoning = count_at(*tokens, "reasoning");
    const auto* cache = member(*tokens, "cache");
    const auto cached = cache ? count_at(*cache, "read") : std::nullopt;
    const auto written = cache ? count_at(*cache, "write") : std::nullopt;
    if (input) usage.set_input_tokens(*input);
    if (output) usage.set_output_tokens(*output);
    if (reasoning) usage.set_reasoning_tokens(*reasoning);
    if (cached) usage.set_cached_input_tokens(*cached);
    if (written) usage.set_cache_write_tokens(*written);
    const auto without = input.value_or(0) + output.value_or(0) + cached.value_or(0) + written.value_or(0);
    const auto total = count_at(*tokens, "total");
    if (total && *total == without + reasoning.value_or(0))
      usage.set_reasoning_inside_output(reasoning.value_or(0) == 0);
  }
  if (const auto cost = number_at(part, "cost")) {
    usage.mutable_cost()->set_amount(*cost);
    usage.mutable_cost()->set_currency("USD");
    usage.mutable_cost()->set_source(v1::AgentCost::SOURCE_SAID);
  }
}

std::optional<double> retry_after(const json::value* headers) {
  const auto text = headers ? text_at(*headers, "retry-after") : std::string_view();
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool sensible =
      error == std::errc() && end == text.data() + text.size() && seconds >= 0 && seconds < 1e7;
  return !text.empty() && sensible ? std::optional(seconds) : std::nullopt;
}

}  // namespace

void add_opencode_change(Output& out, std::string_view id, const json::value& metadata,
                         std::string_view content, std::string_view worktree) {
  if (const auto* diff = member(metadata, "filediff"); diff && diff->is_object()) {
    const auto added = count_at(*diff, "additions");
    const auto deleted = count_at(*diff, "deletions");
    std::optional<LineChanges> changes;
    if (added && deleted)
      changes = {static_cast<std::uint32_t>(*added), static_cast<std::uint32_t>(*deleted)};
    return add_file_change(out, id, shown_path(text_at(*diff, "file"), worktree),
                           v1::AgentFileChange::KIND_MODIFIED, changes);
  }
  const auto exists = flag_at(metadata, "exists");
  if (!exists) return;
  std::optional<LineChanges> changes;
  if (!*exists) changes = {count_lines(content), 0};
  add_file_change(out, id, shown_path(text_at(metadata, "filepath"), worktree),
                  *exists ? v1::AgentFileChange::KIND_MODIFIED : v1::AgentFileChange::KIND_ADDED, changes);
}

void Opencode::on_line(std::string_view text, Output& out) {
  const auto line = parse_json(text);
  if (!line || !line->is_object()) return add_raw(out, text, "not JSON");
  if (const auto id = text_at(*line, "sessionID"); !id.empty() && id != session_) {
    session_ = id;
    auto& session = *out.activities.emplace_back().mutable_session();
    session.set_id(session_);
    session.set_agent("opencode");
  }
  const auto type = text_at(*line, "type");
  const auto* part = member(*line, "part");
  if (type == "error") return on_error(*line, out);
  if (type == "step_start") return;
  if (!part) return add_raw(out, text, "unknown type \"" + head(valid_utf8(type), 40) + "\"");
  if (type == "text") {
    last_message_ = head(valid_utf8(text_at(*part, "text")), kMaxToolOutput);
    add_message(out, text_at(*part, "text"), text_at(*part, "messageID"));
  } else if (type == "reasoning") {
    add_reasoning(out, text_at(*part, "text"));
  } else if (type == "tool_use") {
    on_tool(*part, out);
  } else if (type == "step_finish") {
    on_step_end(*part, out);
  } else {
    add_raw(out, text, "unknown type \"" + head(valid_utf8(type), 40) + "\"");
  }
}

void Opencode::on_tool(const json::value& part, Output& out) {
  const auto id = text_at(part, "callID");
  const auto name = text_at(part, "tool");
  const auto* state = member(part, "state");
  const auto* given = member(state, "input");
  const auto input = given ? *given : json::value(json::object());
  const auto& call = calls_.begin(out, id, name, input);
  if (const auto* todos = array_at(input, "todos"); todos && name == "todowrite") {
    *out.activities.emplace_back().mutable_plan() = plan_from(*todos);
  }
  if (!state) return;
  // A call of a tool that is not there ends as a completed call of "invalid".
  bool failed = text_at(*state, "status") != "completed" || name == "invalid";
  const auto* metadata = member(*state, "metadata");
  if (!failed && call.told.kind() == v1::AGENT_TOOL_KIND_EXECUTE) {
    const auto code = metadata ? small_at(*metadata, "exit") : std::nullopt;
    add_command(out, id, call.command, code);
    failed = code.value_or(0) != 0;
  }
  if (!failed && metadata && call.told.kind() == v1::AGENT_TOOL_KIND_EDIT) {
    add_opencode_change(out, id, *metadata, text_at(input, "content"), calls_.worktree());
  }
  const auto error = text_at(*state, "error");
  add_tool_result(out, id, failed, error.empty() ? text_at(*state, "output") : error);
  out.activities.back().mutable_tool_result()->set_denied(
      error.find("rejected permission") != std::string_view::npos ||
      error.find("prevents you from using") != std::string_view::npos);
}

void Opencode::on_step_end(const json::value& part, Output& out) {
  add_step_usage(out, part);
  const auto reason = text_at(part, "reason");
  if (reason == "stop") return add_result(out, v1::AgentResult::OUTCOME_SUCCEEDED, last_message_);
  if (reason == "length")
    return add_result(out, v1::AgentResult::OUTCOME_EXHAUSTED, "the model's answer was cut for its length");
  if (reason == "content-filter")
    return add_result(out, v1::AgentResult::OUTCOME_REFUSED, "the provider's filter ended the answer");
}

void Opencode::on_error(const json::value& line, Output& out) {
  const auto* error = member(line, "error");
  const auto* data = member(error, "data");
  const auto name = error ? text_at(*error, "name") : std::string_view();
  auto text = data ? text_at(*data, "message") : std::string_view();
  if (text.empty()) text = error ? text_of(*error) : std::string_view();
  if (text.empty()) text = name;
  if (name == "MessageAbortedError") return add_result(out, v1::AgentResult::OUTCOME_CANCELLED, text);
  if (name == "ProviderAuthError") return add_result(out, v1::AgentResult::OUTCOME_NEEDS_LOGIN, text);
  const auto before = out.activities.size();
  add_failure(out, text, data ? small_at(*data, "statusCode") : std::nullopt);
  const auto seconds = retry_after(data ? member(*data, "responseHeaders") : nullptr);
  if (seconds && out.activities[before].has_limit()) {
    auto& after = *out.activities[before].mutable_limit()->mutable_retry_after();
    after.set_seconds(static_cast<std::int64_t>(*seconds));
  }
}

}  // namespace fanout::agent
