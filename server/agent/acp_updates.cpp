#include "server/agent/acp_updates.hpp"

#include <algorithm>
#include <array>

#include "common/text.hpp"
#include "server/agent/opencode.hpp"
#include "server/agent/shell_words.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMaxThought = 8192;
constexpr int kMaxLocations = 64;
constexpr std::size_t kMaxChanges = 256;

/// They tell nothing that is of interest here.
bool is_quiet(std::string_view kind) {
  constexpr std::array<std::string_view, 7> kinds{
      "user_message_chunk",  "available_commands_update", "current_mode_update",     "config_option_update",
      "session_info_update", "compaction_update",         "compaction_summary_chunk"};
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

std::string_view chunk_text(const json::value& update) {
  const auto* content = member(update, "content");
  return content ? text_at(*content, "text") : std::string_view();
}

/// The text of a call's content, without the fences that some agents put around it.
std::string output_text(const json::value& update) {
  const auto* raw = member(update, "rawOutput");
  if (const auto text = text_of(raw); !text.empty()) return std::string(text);
  for (const auto* key : {"aggregated_output", "formatted_output", "output", "stdout"}) {
    if (const auto text = raw ? text_at(*raw, key) : ""; !text.empty()) return std::string(text);
  }
  std::string all;
  const auto* content = array_at(update, "content");
  if (!content) return all;
  for (const auto& block : *content) {
    const auto* inner = member(block, "content");
    if (const auto text = inner ? text_at(*inner, "text") : ""; !text.empty()) {
      if (!all.empty()) all += '\n';
      all += text;
    }
  }
  return all;
}

std::optional<int> exit_code(const json::value& update) {
  const auto* raw = member(update, "rawOutput");
  if (!raw) return std::nullopt;
  if (const auto code = small_at(*raw, "exit_code")) return code;
  if (const auto* metadata = member(raw, "metadata")) {
    if (const auto code = small_at(*metadata, "exit")) return code;
  }
  return exit_code_in(text_of(*raw));
}

v1::AgentToolCall::Status status_from(std::string_view status) {
  if (status == "pending") return v1::AgentToolCall::STATUS_PENDING;
  if (status == "in_progress") return v1::AgentToolCall::STATUS_IN_PROGRESS;
  if (status == "completed") return v1::AgentToolCall::STATUS_COMPLETED;
  return status == "failed" ? v1::AgentToolCall::STATUS_FAILED : v1::AgentToolCall::STATUS_UNSPECIFIED;
}

bool is_end(v1::AgentToolCall::Status status) {
  return status == v1::AgentToolCall::STATUS_COMPLETED || status == v1::AgentToolCall::STATUS_FAILED;
}

/// Adds what is not there yet: an agent may tell a call's places in several pieces.
void add_locations(v1::AgentToolCall& now, const json::array& locations, std::string_view worktree) {
  for (const auto& told : locations) {
    if (now.locations_size() == kMaxLocations) return;
    const auto path = shown_path(text_at(told, "path"), worktree);
    const auto line = count_at(told, "line");
    const auto same = [&](const auto& known) {
      return known.path() == path && (!line || known.line() == *line);
    };
    if (path.empty() || std::any_of(now.locations().begin(), now.locations().end(), same)) continue;
    auto& location = *now.add_locations();
    location.set_path(path);
    if (line) location.set_line(static_cast<std::uint32_t>(*line));
  }
}

}  // namespace

void AcpUpdates::take(const json::value& update, Output& out) {
  const auto kind = text_at(update, "sessionUpdate");
  if (kind == "available_commands_update" && agent_ == "gemini-cli") replaying_ = false;
  if (is_quiet(kind) || replaying_) return;
  if (kind == "agent_message_chunk") {
    if (!thought_.empty()) end_message(out);
    return message_.add(out, chunk_text(update), text_at(update, "messageId"));
  }
  if (kind == "usage_update") return on_usage(update, out);
  if (kind == "agent_thought_chunk") {
    message_.end(out);
    const auto piece = chunk_text(update);
    add_reasoning(out, piece, true);
    thought_ += piece.substr(0, kMaxThought - std::min(kMaxThought, thought_.size()));
    return;
  }
  end_message(out);
  if (kind == "tool_call" || kind == "tool_call_update") return on_tool_call(update, out);
  if (const auto* entries = array_at(update, "entries"); entries && kind == "plan") {
    *out.activities.emplace_back().mutable_plan() = plan_from(*entries);
    return;
  }
  add_raw(out, json::serialize(update), "unknown update \"" + head(valid_utf8(kind), 40) + "\"");
}

void AcpUpdates::end_message(Output& out) {
  message_.end(out);
  add_reasoning(out, std::exchange(thought_, {}));
}

void AcpUpdates::take_content(const json::array& content, ToolCalls::Call& call) {
  std::vector<v1::AgentFileChange> changes;
  for (const auto& block : content) {
    if (text_at(block, "type") != "diff" || changes.size() == kMaxChanges) continue;
    const auto before = text_at(block, "oldText");
    const auto after = text_at(block, "newText");
    Output made;
    add_file_change(made, call.told.id(), shown_path(text_at(block, "path"), worktree()),
                    before.empty() ? v1::AgentFileChange::KIND_ADDED : v1::AgentFileChange::KIND_MODIFIED,
                    line_changes(before, after));
    for (auto& activity : made.activities) changes.push_back(std::move(*activity.mutable_file_change()));
  }
  if (!changes.empty()) call.changes = std::move(changes);
}

void AcpUpdates::take_input(const json::value& input, ToolCalls::Call& call, v1::AgentToolCall& now) {
  now.set_input(summarised(input, kMaxInputSummary));
  if (const auto path = path_in(input); !path.empty()) call.path = path;
  if (const auto cwd = text_at(input, "cwd"); !cwd.empty()) call.cwd = cwd;
  if (auto line = command_in(input); !line.empty()) {
    call.command = std::move(line);
    call.command_certain = true;
  }
}

void AcpUpdates::take_title(std::string_view title, ToolCalls::Call& call, v1::AgentToolCall& now) {
  const bool runs = now.kind() == v1::AGENT_TOOL_KIND_EXECUTE;
  if (runs && call.command.empty()) {
    call.command = title;
    call.command_certain = agent_ == "gemini-cli";  // whose title is the whole command, as it is
  }
  // Some agents title a call by the tool's bare name, or by the path alone.
  const auto path = now.locations_size() > 0 ? now.locations(0).path() : shown_path(call.path, worktree());
  const bool bare = !runs && title.find_first_of(" /.") == std::string_view::npos;
  now.set_title(
      one_line(bare && !path.empty() ? std::string(title) + " " + path : shown_path(title, worktree())));
}

ToolCalls::Call& AcpUpdates::upsert(const json::value& told, bool asking, Output& out) {
  auto& call = calls_.at(text_at(told, "toolCallId"));
  const bool known = !call.told.title().empty();
  auto now = call.told;
  const auto* meta = member(member(told, "_meta"), "claudeCode");
  const auto name = meta ? text_at(*meta, "toolName") : text_at(told, "name");
  if (!name.empty()) now.set_name(std::string(name));
  if (const auto kind = text_at(told, "kind"); !kind.empty()) now.set_kind(tool_kind_from_acp(kind));
  if (const auto* content = array_at(told, "content")) take_content(*content, call);
  if (const auto* locations = array_at(told, "locations")) add_locations(now, *locations, worktree());
  const auto* input = member(told, "rawInput");
  if (input && input->is_object() && !input->get_object().empty()) take_input(*input, call, now);
  const auto status = status_from(text_at(told, "status"));
  const auto title = text_at(told, "title");
  if (!title.empty() && !is_end(status) && !(asking && known)) take_title(title, call, now);
  if (status != v1::AgentToolCall::STATUS_UNSPECIFIED && !is_end(status)) now.set_status(status);
  // An announcement: the update that follows says what the call is about.
  const bool runs = now.kind() == v1::AGENT_TOOL_KIND_EXECUTE;
  const bool announced = status == v1::AgentToolCall::STATUS_PENDING && !asking && input &&
                         input->is_object() &&
                         (input->get_object().empty() || (runs && command_in(*input).empty()));
  if (announced) {
    call.command.clear();
  } else if (asking && known && now.kind() == call.told.kind()) {
    *call.told.mutable_locations() = now.locations();  // said anew, in other words, only to ask for it
  } else {
    calls_.tell(out, call, now);
  }
  return call;
}

void AcpUpdates::on_tool_call(const json::value& update, Output& out) {
  auto& call = upsert(update, false, out);
  const auto status = status_from(text_at(update, "status"));
  if (!is_end(status) || call.ended) return;
  call.ended = true;
  end_call(update, call, status == v1::AgentToolCall::STATUS_FAILED, out);
}

void AcpUpdates::end_call(const json::value& update, ToolCalls::Call& call, bool failed, Output& out) {
  const auto& id = call.told.id();
  const auto text = output_text(update);
  if (call.told.kind() == v1::AGENT_TOOL_KIND_EXECUTE && !call.command.empty()) {
    const auto code = exit_code(update);
    if (!failed || code) add_command(out, id, call.command, code);
    if (!failed && code && *code != 0) failed = true;
  } else if (!failed) {
    const auto* metadata = member(member(update, "rawOutput"), "metadata");
    const bool edits = call.told.kind() == v1::AGENT_TOOL_KIND_EDIT;
    if (call.changes.empty() && metadata && edits) add_opencode_change(out, id, *metadata, {}, worktree());
    for (const auto& change : call.changes) *out.activities.emplace_back().mutable_file_change() = change;
  }
  add_tool_result(out, id, failed, text);
}

void AcpUpdates::on_usage(const json::value& update, Output& out) {
  const auto used = count_at(update, "used");
  const auto* cost = member(update, "cost");
  const auto amount = cost ? number_at(*cost, "amount") : std::nullopt;
  if ((!used || *used == context_used_) && !amount) return;
  context_used_ = used.value_or(context_used_);
  auto& usage = *out.activities.emplace_back().mutable_usage();
  // opencode adds up all messages of the session; others begin with the process.
  usage.set_scope(agent_ == "OpenCode" ? v1::AgentUsage::SCOPE_CUMULATIVE : v1::AgentUsage::SCOPE_SESSION);
  if (used) usage.set_context_used(*used);
  if (const auto size = count_at(update, "size")) usage.set_context_size(*size);
  if (!amount) return;
  usage.mutable_cost()->set_amount(*amount);
  usage.mutable_cost()->set_currency(std::string(text_at(*cost, "currency")));
  usage.mutable_cost()->set_source(v1::AgentCost::SOURCE_SAID);
}

}  // namespace fanout::agent
