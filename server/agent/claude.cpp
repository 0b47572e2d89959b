#include "server/agent/claude.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>

#include "common/text.hpp"
#include "server/agent/limits.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;

namespace {

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Text of a tool result: a string, or blocks of text.
std::string content_text(const json::value* content) {
  if (!content) return {};
  if (const auto text = text_of(*content); !text.empty()) return std::string(text);
  std::string text;
  if (const auto* blocks = content->if_array()) {
    for (const auto& block : *blocks) {
      if (!text.empty()) text += '\n';
      text += text_at(block, "text");
    }
  }
  return text;
}

bool is_denial(std::string_view text) {
  constexpr std::array<std::string_view, 4> phrases{"requested permissions to", "was blocked. For security",
                                                    "The user doesn't want to proceed", "Permission to use"};
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](auto phrase) { return text.substr(0, 200).find(phrase) != std::string_view::npos; });
}

void set_tokens(v1::AgentUsage& usage, const json::value& told) {
  if (const auto n = count_at(told, "input_tokens")) usage.set_input_tokens(*n);
  if (const auto n = count_at(told, "cache_read_input_tokens")) usage.set_cached_input_tokens(*n);
  if (const auto n = count_at(told, "cache_creation_input_tokens")) usage.set_cache_write_tokens(*n);
  if (const auto n = count_at(told, "output_tokens")) usage.set_output_tokens(*n);
  usage.set_reasoning_inside_output(true);
}

/// modelUsage is of the whole session, whereas usage is of the turn.
bool add_models(v1::AgentUsage& usage, const json::object& models) {
  std::uint64_t input = 0, cached = 0, written = 0, output = 0;
  bool any = false;
  for (const auto& [model, told] : models) {
    if (!told.is_object()) continue;
    any = true;
    input += count_at(told, "inputTokens").value_or(0);
    cached += count_at(told, "cacheReadInputTokens").value_or(0);
    written += count_at(told, "cacheCreationInputTokens").value_or(0);
    output += count_at(told, "outputTokens").value_or(0);
    usage.set_model(models.size() == 1 ? std::string(model) : std::string());
  }
  if (!any) return false;
  usage.set_input_tokens(input);
  usage.set_cached_input_tokens(cached);
  usage.set_cache_write_tokens(written);
  usage.set_output_tokens(output);
  usage.set_reasoning_inside_output(true);
  return true;
}

void add_usage(Output& out, const json::value& line) {
  v1::AgentUsage usage;
  const auto* models = object_at(line, "modelUsage");
  const bool whole = models && add_models(usage, *models);
  usage.set_scope(whole ? v1::AgentUsage::SCOPE_SESSION : v1::AgentUsage::SCOPE_TURN);
  if (const auto* told = member(line, "usage"); told && !whole) set_tokens(usage, *told);
  const auto cost = number_at(line, "total_cost_usd");
  if (whole || usage.has_input_tokens()) *out.activities.emplace_back().mutable_usage() = usage;
  if (!cost) return;
  // The cost is of the whole session in any case.
  if (!whole) out.activities.emplace_back().mutable_usage()->set_scope(v1::AgentUsage::SCOPE_SESSION);
  auto& said = *out.activities.back().mutable_usage()->mutable_cost();
  said.set_amount(*cost);
  said.set_currency("USD");
  said.set_source(v1::AgentCost::SOURCE_SAID);
}

std::string result_text(const json::value& line) {
  if (const auto text = text_at(line, "result"); !text.empty()) return std::string(text);
  std::string all;
  if (const auto* errors = array_at(line, "errors")) {
    for (const auto& error : *errors) all += (all.empty() ? "" : "; ") + std::string(text_of(error));
  }
  return all;
}

LineChanges patch_changes(const json::array& hunks) {
  LineChanges changes;
  for (const auto& hunk : hunks) {
    const auto* lines = array_at(hunk, "lines");
    if (!lines) continue;
    for (const auto& line : *lines) {
      if (text_of(line).starts_with('+')) ++changes.added;
      if (text_of(line).starts_with('-')) ++changes.deleted;
    }
  }
  return changes;
}

void add_change(Output& out, std::string_view id, const json::value& detail, std::string_view worktree) {
  const auto path = text_at(detail, "filePath");
  const auto* patch = array_at(detail, "structuredPatch");
  if (path.empty() || !patch) return;
  const bool created = text_at(detail, "type") == "create";
  const auto changes =
      created ? LineChanges{count_lines(text_at(detail, "content")), 0} : patch_changes(*patch);
  add_file_change(out, id, shown_path(path, worktree),
                  created ? v1::AgentFileChange::KIND_ADDED : v1::AgentFileChange::KIND_MODIFIED, changes);
}

}  // namespace

void Claude::on_line(std::string_view text, Output& out) {
  const auto line = parse_json(text);
  if (!line || !line->is_object()) return add_raw(out, text, "not JSON");
  const auto type = text_at(*line, "type");
  const auto first = out.activities.size();
  if (type == "system") {
    on_system(*line, text, out);
  } else if (type == "assistant") {
    on_assistant(*line, text, out);
  } else if (type == "user") {
    on_user(*line, out);
  } else if (type == "stream_event") {
    on_piece(*line, out);
  } else if (type == "result") {
    take_result(*line, out);
  } else if (type == "rate_limit_event") {
    on_rate_limit(*line, out);
  } else if (type.starts_with("control_")) {
    on_control(type, *line, out);
  } else if (!is_one_of<3>(type, {"keep_alive", "tool_progress", "tool_use_summary"})) {
    add_raw(out, text, "unknown type \"" + head(valid_utf8(type), 40) + "\"");
  }
  const auto within = text_at(*line, "parent_tool_use_id");
  for (auto i = first; i < out.activities.size() && !within.empty(); ++i) {
    out.activities[i].set_within(std::string(within));
  }
}

void Claude::on_control(std::string_view, const json::value& line, Output& out) {
  add_raw(out, json::serialize(line), "the agent asks for an answer, but its standard input is closed");
}

void Claude::on_system(const json::value& line, std::string_view text, Output& out) {
  const auto subtype = text_at(line, "subtype");
  if (subtype == "init") {
    const auto id = text_at(line, "session_id");
    if (const auto cwd = text_at(line, "cwd"); !cwd.empty()) calls_.set_worktree(cwd);
    if (id == session_) return;  // told anew for each prompt
    session_ = id;
    auto& session = *out.activities.emplace_back().mutable_session();
    session.set_id(session_);
    session.set_model(std::string(text_at(line, "model")));
    session.set_cwd(std::string(text_at(line, "cwd")));
    session.set_agent("Claude Code");
    session.set_version(std::string(text_at(line, "claude_code_version")));
    if (const auto* tools = array_at(line, "tools")) {
      for (const auto& tool : *tools) session.add_tools(std::string(text_of(tool)));
    }
  } else if (subtype == "api_retry") {
    auto& retrying = *out.activities.emplace_back().mutable_retrying();
    if (const auto n = count_at(line, "attempt")) retrying.set_attempt(static_cast<std::uint32_t>(*n));
    if (const auto n = count_at(line, "max_retries"))
      retrying.set_max_attempts(static_cast<std::uint32_t>(*n));
    if (const auto n = number_at(line, "retry_delay_ms"); n && *n >= 0 && *n < 1e9) {
      *retrying.mutable_delay() = TimeUtil::MillisecondsToDuration(static_cast<std::int64_t>(*n));
    }
    if (const auto status = small_at(line, "error_status")) retrying.set_status(*status);
    retrying.set_reason(std::string(text_at(line, "error")));
  } else if (subtype == "compact_boundary") {
    add_notice(out, "The conversation was too long for the model and was summarised.", false);
  } else if (!is_one_of<5>(subtype, {"status", "hook_started", "hook_progress", "hook_response",
                                     "session_state_changed"})) {
    add_raw(out, text, "unknown subtype \"" + head(valid_utf8(subtype), 40) + "\"");
  }
}

void Claude::on_assistant(const json::value& line, std::string_view text, Output& out) {
  const auto* message = member(line, "message");
  const auto* blocks = message ? array_at(*message, "content") : nullptr;
  if (!blocks) return add_raw(out, text, "a message without content");
  if (const auto error = text_at(line, "error"); !error.empty()) {
    // Not the model's words: the call failed. The result says it again, with the status.
    last_error_ = error;
    for (const auto& block : *blocks) add_notice(out, text_at(block, "text"));
    return;
  }
  last_error_.clear();
  for (const auto& block : *blocks) on_block(block, *message, out);
}

void Claude::on_block(const json::value& block, const json::value& message, Output& out) {
  const auto type = text_at(block, "type");
  if (type == "text") return add_message(out, text_at(block, "text"), text_at(message, "id"));
  if (type == "thinking") return add_reasoning(out, text_at(block, "thinking"));
  if (type == "redacted_thinking") return;
  const auto* input = member(block, "input");
  if (!type.ends_with("tool_use") || !input) return add_raw(out, json::serialize(block), "unknown content");
  const auto name = text_at(block, "name");
  calls_.begin(out, text_at(block, "id"), name, *input);
  if (const auto* todos = array_at(*input, "todos"); todos && name == "TodoWrite") {
    *out.activities.emplace_back().mutable_plan() = plan_from(*todos);
  }
}

void Claude::on_user(const json::value& line, Output& out) {
  const auto* message = member(line, "message");
  const auto* blocks = message ? array_at(*message, "content") : nullptr;
  if (!blocks) return;  // the prompt, as it was given
  for (const auto& block : *blocks) {
    if (text_at(block, "type").ends_with("tool_result"))
      on_tool_result(block, member(line, "tool_use_result"), out);
  }
}

void Claude::on_tool_result(const json::value& block, const json::value* detail, Output& out) {
  const auto id = text_at(block, "tool_use_id");
  const auto text = content_text(member(block, "content"));
  const bool failed = flag_at(block, "is_error").value_or(false);
  const auto* call = calls_.find(id);
  if (call && call->told.kind() == v1::AGENT_TOOL_KIND_EXECUTE) {
    auto code = failed ? exit_code_in(text) : std::nullopt;
    // The tool fails for every other code; but some are explained away, and some commands go on behind.
    const bool plain =
        detail && detail->is_object() && text_at(*detail, "returnCodeInterpretation").empty() &&
        !member(*detail, "backgroundTaskId") && !flag_at(*detail, "interrupted").value_or(true);
    if (!failed && plain) code = 0;
    if (code || !failed) add_command(out, id, call->command, code);
  }
  if (!failed && detail) add_change(out, id, *detail, calls_.worktree());
  add_tool_result(out, id, failed, text);
  out.activities.back().mutable_tool_result()->set_denied(failed && is_denial(text));
}

void Claude::on_piece(const json::value& line, Output& out) {
  const auto* event = member(line, "event");
  if (!event) return;
  const auto type = text_at(*event, "type");
  if (type == "message_start") {
    const auto* message = member(*event, "message");
    step_ = {};
    if (const auto* usage = member(message, "usage")) set_tokens(step_, *usage);
    if (message) step_.set_model(std::string(text_at(*message, "model")));
  } else if (type == "content_block_delta") {
    const auto* delta = member(*event, "delta");
    if (!delta) return;
    if (text_at(*delta, "type") == "text_delta") add_message(out, text_at(*delta, "text"), {}, true);
    if (text_at(*delta, "type") == "thinking_delta") add_reasoning(out, text_at(*delta, "thinking"), true);
  } else if (type == "message_delta") {
    if (const auto* usage = member(*event, "usage")) set_tokens(step_, *usage);
    if (!step_.has_output_tokens()) return;
    step_.set_scope(v1::AgentUsage::SCOPE_STEP);
    *out.activities.emplace_back().mutable_usage() = step_;
    step_ = {};
  }
}

void Claude::on_rate_limit(const json::value& line, Output& out) {
  const auto* info = member(line, "rate_limit_info");
  const auto status = info ? text_at(*info, "status") : std::string_view();
  if (status.empty() || status == "allowed") return;
  auto& limit = *out.activities.emplace_back().mutable_limit();
  limit.set_kind(v1::AgentLimit::KIND_USAGE);
  limit.set_warning(status != "rejected");
  limit.set_text("usage limit " + std::string(text_at(*info, "rateLimitType")));
  if (const auto at = integer_at(*info, "resetsAt"); at && *at > 0 && *at < 10'000'000'000) {
    limit.mutable_resets_at()->set_seconds(*at);
  }
}

void Claude::take_result(const json::value& line, Output& out) {
  add_usage(out, line);
  const auto subtype = text_at(line, "subtype");
  const auto text = result_text(line);
  const bool failed = flag_at(line, "is_error").value_or(subtype != "success");
  if (subtype.starts_with("error_max_")) {
    add_result(out, v1::AgentResult::OUTCOME_EXHAUSTED, text.empty() ? subtype : text);
  } else if (subtype == "success" && !failed) {
    const bool refused = text_at(line, "stop_reason") == "refusal";
    add_result(out, refused ? v1::AgentResult::OUTCOME_REFUSED : v1::AgentResult::OUTCOME_SUCCEEDED, text);
  } else if (text_at(line, "terminal_reason").starts_with("aborted")) {
    add_result(out, v1::AgentResult::OUTCOME_CANCELLED, {});  // its text is for its own authors
  } else if (last_error_ == "authentication_failed" || last_error_ == "oauth_org_not_allowed") {
    add_result(out, v1::AgentResult::OUTCOME_NEEDS_LOGIN, text);
  } else {
    add_failure(out, text.empty() ? subtype : text, small_at(line, "api_error_status"));
  }
  auto& result = *out.activities.back().mutable_result();
  if (const auto ms = count_at(line, "duration_ms")) {
    *result.mutable_duration() = TimeUtil::MillisecondsToDuration(
        static_cast<std::int64_t>(std::min<std::uint64_t>(*ms, 1'000'000'000'000)));
  }
  if (const auto turns = count_at(line, "num_turns")) result.set_turns(static_cast<std::uint32_t>(*turns));
  if (const auto* denials = array_at(line, "permission_denials")) {
    result.set_denials(static_cast<std::uint32_t>(denials->size()));
  }
  on_result(result, out);
}

}  // namespace fanout::agent
