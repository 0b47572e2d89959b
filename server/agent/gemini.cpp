#include "server/agent/gemini.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "common/text.hpp"
#include "server/agent/limits.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;

namespace {

/// The statistics are of this process.
void add_session_usage(Output& out, const json::value& stats) {
  auto& usage = *out.activities.emplace_back().mutable_usage();
  usage.set_scope(v1::AgentUsage::SCOPE_SESSION);
  usage.set_cached_inside_input(true);
  usage.set_reasoning_inside_output(true);
  if (const auto n = count_at(stats, "input_tokens")) usage.set_input_tokens(*n);
  if (const auto n = count_at(stats, "cached")) usage.set_cached_input_tokens(*n);
  if (const auto n = count_at(stats, "output_tokens")) usage.set_output_tokens(*n);
  const auto* models = object_at(stats, "models");
  if (models && models->size() == 1) usage.set_model(std::string(models->begin()->key()));
}

/// "[API Error: {"error":{"code":400,"message":"…"}}]": the sentence in it.
std::string sentence_of_api(std::string_view message) {
  constexpr std::string_view prefix = "[API Error: ";
  if (!message.starts_with(prefix)) return std::string(message);
  message.remove_prefix(prefix.size());
  const auto close = message.rfind(']');
  const auto inner = message.substr(0, close);
  if (const auto parsed = parse_json(inner)) {
    const auto* error = member(*parsed, "error");
    if (const auto text = error ? text_at(*error, "message") : ""; !text.empty()) return std::string(text);
  }
  return std::string(inner) + (close == std::string_view::npos ? "" : std::string(message.substr(close + 1)));
}

}  // namespace

void Gemini::on_line(std::string_view text, Output& out) {
  const auto line = parse_json(text);
  if (!line || !line->is_object()) return add_raw(out, text, "not JSON");
  const auto type = text_at(*line, "type");
  if (type == "message") {
    if (text_at(*line, "role") != "assistant") return;
    const auto content = text_at(*line, "content");
    return flag_at(*line, "delta").value_or(false) ? message_.add(out, content, {})
                                                   : add_message(out, content);
  }
  message_.end(out);
  if (type == "init") {
    auto& session = *out.activities.emplace_back().mutable_session();
    session.set_id(std::string(text_at(*line, "session_id")));
    session.set_model(std::string(text_at(*line, "model")));
    session.set_agent("Gemini CLI");
  } else if (type == "tool_use") {
    on_tool_use(*line, out);
  } else if (type == "tool_result") {
    on_tool_result(*line, out);
  } else if (type == "error") {
    add_notice(out, sentence_of_api(text_at(*line, "message")));
  } else if (type == "result") {
    on_result(*line, out);
  } else {
    add_raw(out, text, "unknown type \"" + head(valid_utf8(type), 40) + "\"");
  }
}

void Gemini::on_tool_use(const json::value& line, Output& out) {
  const auto* input = member(line, "parameters");
  const auto name = text_at(line, "tool_name");
  calls_.begin(out, text_at(line, "tool_id"), name, input ? *input : json::value(json::object()));
  const auto* todos = input ? array_at(*input, "todos") : nullptr;
  if (todos && name == "write_todos") *out.activities.emplace_back().mutable_plan() = plan_from(*todos);
}

void Gemini::on_tool_result(const json::value& line, Output& out) {
  const auto id = text_at(line, "tool_id");
  const bool failed = text_at(line, "status") != "success";
  const auto* error = member(line, "error");
  const auto output = text_at(line, "output");
  if (const auto* call = calls_.find(id); call && !failed) {
    // "success" says that the tool worked: the command itself may have failed, its exit code is not told.
    if (call->told.kind() == v1::AGENT_TOOL_KIND_EXECUTE) add_command(out, id, call->command, std::nullopt);
    if (call->told.kind() == v1::AGENT_TOOL_KIND_EDIT) {
      const auto kind = call->told.name() == "replace" ? v1::AgentFileChange::KIND_MODIFIED
                                                       : v1::AgentFileChange::KIND_UNSPECIFIED;
      add_file_change(out, id, shown_path(call->path, calls_.worktree()), kind, std::nullopt);
    }
  }
  add_tool_result(out, id, failed, output.empty() && error ? text_at(*error, "message") : output);
  const auto reason = error ? text_at(*error, "type") : std::string_view();
  out.activities.back().mutable_tool_result()->set_denied(reason.find("denied") != std::string_view::npos ||
                                                          reason.find("policy") != std::string_view::npos);
}

void Gemini::on_result(const json::value& line, Output& out) {
  const auto* stats = member(line, "stats");
  if (stats && stats->is_object()) add_session_usage(out, *stats);
  const auto* error = member(line, "error");
  if (text_at(line, "status") == "success") {
    add_result(out, v1::AgentResult::OUTCOME_SUCCEEDED, message_.last());
  } else {
    const auto said = error ? text_at(*error, "message") : std::string_view();
    add_failure(out, sentence_of_api(said), status_in(said));
  }
  if (const auto ms = stats ? count_at(*stats, "duration_ms") : std::nullopt; ms && *ms > 0) {
    auto& duration = *out.activities.back().mutable_result()->mutable_duration();
    duration = TimeUtil::MillisecondsToDuration(
        static_cast<std::int64_t>(std::min<std::uint64_t>(*ms, 1'000'000'000'000)));
  }
}

}  // namespace fanout::agent
