#include "server/agent/codex_dialogue.hpp"

#include <algorithm>
#include <array>

#include "common/text.hpp"
#include "server/agent/activities.hpp"
#include "server/agent/codex_parts.hpp"
#include "server/agent/json_rpc.hpp"
#include "server/agent/limits.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMostRequests = 256;

void write_message(Output& out, json::object message) { out.write += json::serialize(message) + "\n"; }

void reply(Output& out, const json::value& id, json::object result) {
  write_message(out, {{"id", id}, {"result", std::move(result)}});
}

void refuse(Output& out, const json::value& id, int code, std::string_view why) {
  write_message(out, {{"id", id}, {"error", json::object{{"code", code}, {"message", why}}}});
}

/// Told of more than a reader wants to know, or told again by what follows.
bool is_quiet_notification(std::string_view method) {
  constexpr std::array<std::string_view, 12> prefixes{"account/", "app/",  "fs/",     "hook/",  "mcpServer/", "model/",
                                                      "remoteControl/", "skills/", "thread/", "turn/", "windows",   "fuzzyFileSearch/"};
  return method.ends_with("Delta") || method.ends_with("/delta") || method.ends_with("PartAdded") ||
         std::any_of(prefixes.begin(), prefixes.end(), [&](auto prefix) { return method.starts_with(prefix); });
}

/// The HTTP status of a failed call of the model: {"codexErrorInfo": {"KIND": {"httpStatusCode": 429}}}.
std::optional<int> status_of_error(const json::value& error) {
  const auto* info = member(error, "codexErrorInfo");
  if (!info) return std::nullopt;
  const auto word = lower_case(text_of(*info));
  if (word == "unauthorized") return 401;
  if (word == "usagelimitexceeded") return 429;
  if (!info->is_object()) return std::nullopt;
  for (const auto& [kind, about] : info->get_object()) {
    if (const auto code = small_at(about, "httpStatusCode")) return code;
  }
  return std::nullopt;
}

/// The texts of a list of texts or of {"text": …}, one below the other.
std::string texts_of(const json::array* parts) {
  std::string all;
  for (const auto& part : parts ? *parts : json::array()) {
    const auto text = part.is_string() ? text_of(part) : text_at(part, "text");
    if (!text.empty()) all += (all.empty() ? "" : "\n") + std::string(text);
  }
  return all;
}

/// The command as it was written, where it is one; else the line with the shell around it.
std::string command_of(const json::value& told) {
  const auto* actions = array_at(told, "commandActions");
  if (actions && actions->size() == 1) {
    if (const auto text = text_at(actions->front(), "command"); !text.empty()) return std::string(text);
  }
  return std::string(text_at(told, "command"));
}

v1::AgentQuestion question_in(const std::string& id, const json::value& params) {
  v1::AgentQuestion question;
  question.set_id(id);
  question.set_tool_call(std::string(text_at(params, "itemId")));
  const auto* items = array_at(params, "questions");
  for (const auto& told : items ? *items : json::array()) {
    auto& item = *question.add_items();
    item.set_key(std::string(text_at(told, "id")));
    item.set_text(std::string(text_at(told, "question")));
    item.set_required(true);
    const auto* options = array_at(told, "options");
    for (const auto& one : options ? *options : json::array()) {
      auto& option = *item.add_options();
      option.set_label(std::string(text_at(one, "label")));
      option.set_description(std::string(text_at(one, "description")));
    }
  }
  return question;
}

}  // namespace

void CodexDialogue::on_start(Output& out) {
  if (!options_.prompt.empty()) queued_.push_back(std::exchange(options_.prompt, {}));
  json::object client{{"name", "fanout"}, {"title", "Fanout"}, {"version", options_.client_version}};
  call(Call::initialize, "initialize", {{"clientInfo", std::move(client)}}, out);
}

void CodexDialogue::call(Call kind, std::string_view method, json::object params, Output& out) {
  const auto id = next_id_++;
  sent_[id] = kind;
  write_message(out, {{"id", id}, {"method", method}, {"params", std::move(params)}});
}

void CodexDialogue::on_line(std::string_view line, Output& out) {
  const auto message = rpc::read(line);
  if (!message) return add_raw(out, line, "not JSON");
  const auto& [all, id, method, params] = *message;
  if (method.empty()) return on_response(all, line, out);
  if (id) return on_request(*id, method, params, out);
  on_notification(method, params, line, out);
}

void CodexDialogue::on_response(const json::value& message, std::string_view line, Output& out) {
  const auto id = integer_at(message, "id");
  const auto found = id ? sent_.find(*id) : sent_.end();
  if (found == sent_.end()) return add_raw(out, line, "an answer to nothing that was asked");
  const auto kind = found->second;
  sent_.erase(found);
  const auto* error = member(message, "error");
  if (error && kind == Call::interrupt) return add_notice(out, "Codex was not interrupted: " + std::string(text_at(*error, "message")));
  if (error) {
    fail(*error, out);
    if (kind != Call::turn) queued_.clear();
    return end_turn(out);
  }
  const auto* told = member(message, "result");
  const auto result = told ? *told : json::value(json::object());
  if (kind == Call::initialize) {
    write_message(out, {{"method", "initialized"}});
    return open_thread(out);
  }
  if (kind == Call::open) return opened(result, out);
  if (kind != Call::turn) return;
  if (const auto* turn = member(result, "turn")) turn_ = text_at(*turn, "id");
  if (std::exchange(interrupted_, false)) on_interrupt(out);
}

void CodexDialogue::open_thread(Output& out) {
  json::object params{{"cwd", options_.worktree}, {"approvalPolicy", options_.approvals}, {"sandbox", options_.sandbox}};
  if (!options_.model.empty()) params["model"] = options_.model;
  if (options_.resume_session.empty()) return call(Call::open, "thread/start", std::move(params), out);
  params["threadId"] = options_.resume_session;
  call(Call::open, "thread/resume", std::move(params), out);
}

void CodexDialogue::opened(const json::value& result, Output& out) {
  const auto* thread = member(result, "thread");
  thread_ = thread ? text_at(*thread, "id") : std::string_view();
  auto& session = *out.activities.emplace_back().mutable_session();
  session.set_id(thread_);
  session.set_agent("Codex");
  session.set_cwd(std::string(text_at(result, "cwd")));
  session.set_model(std::string(text_at(result, "model")));
  if (thread) session.set_version(std::string(text_at(*thread, "cliVersion")));
  session.set_resumed(!options_.resume_session.empty());
  if (std::exchange(interrupted_, false)) {
    queued_.clear();
    add_result(out, v1::AgentResult::OUTCOME_CANCELLED, "interrupted before it began");
  }
  next_turn(out);
}

void CodexDialogue::next_turn(Output& out) {
  if (thread_.empty() || in_turn_) return;
  out.idle = queued_.empty();
  if (queued_.empty()) return;
  in_turn_ = true;
  json::array input{json::object{{"type", "text"}, {"text", valid_utf8(queued_.front())}}};
  queued_.pop_front();
  call(Call::turn, "turn/start", {{"threadId", thread_}, {"input", std::move(input)}}, out);
}

/// Whatever the turn had open is void.
void CodexDialogue::end_turn(Output& out) {
  in_turn_ = interrupted_ = false;
  turn_.clear();
  take_back_all(out);
  if (!thread_.empty()) return next_turn(out);
  out.idle = true;
}

void CodexDialogue::turn_completed(const json::value& turn, Output& out) {
  if (!turn_.empty() && text_at(turn, "id") != turn_) return;  // of another of its agents
  const auto status = text_at(turn, "status");
  if (status == "failed") {
    const auto* error = member(turn, "error");
    fail(error ? *error : json::value(json::object()), out);
  } else if (status == "interrupted") {
    add_result(out, v1::AgentResult::OUTCOME_CANCELLED, last_message_);
  } else {
    add_result(out, v1::AgentResult::OUTCOME_SUCCEEDED, last_message_);
  }
  end_turn(out);
}

void CodexDialogue::fail(const json::value& error, Output& out) {
  auto text = sentence_of_codex(text_at(error, "message"));
  if (const auto more = text_at(error, "additionalDetails"); !more.empty()) text += (text.empty() ? "" : ": ") + std::string(more);
  add_failure(out, text, status_of_error(error));
}

void CodexDialogue::on_say(std::string_view text, Output& out) {
  queued_.emplace_back(text);
  next_turn(out);
}

void CodexDialogue::on_interrupt(Output& out) {
  if (turn_.empty()) {
    interrupted_ = in_turn_ || thread_.empty();
    return;
  }
  call(Call::interrupt, "turn/interrupt", {{"threadId", thread_}, {"turnId", turn_}}, out);
  take_back_all(out);
}

void CodexDialogue::on_notification(std::string_view method, const json::value& params, std::string_view line, Output& out) {
  const auto* item = member(params, "item");
  const auto* turn = member(params, "turn");
  if (method == "item/started" && item) return on_item(false, *item, out);
  if (method == "item/completed" && item) return on_item(true, *item, out);
  if (method == "item/agentMessage/delta") return add_message(out, text_at(params, "delta"), text_at(params, "itemId"), true);
  if (method == "item/reasoning/summaryTextDelta") return add_reasoning(out, text_at(params, "delta"), true);
  if (method == "turn/started" && turn && turn_.empty()) {
    turn_ = text_at(*turn, "id");
    return;
  }
  if (method == "turn/completed" && turn) return turn_completed(*turn, out);
  if (method == "thread/tokenUsage/updated") return on_usage(params, out);
  if (method == "error") return on_error(params, out);
  if (method == "warning" || method == "guardianWarning") return add_notice(out, text_at(params, "message"));
  if (method == "configWarning" || method == "deprecationNotice") return add_notice(out, text_at(params, "summary"));
  if (method == "serverRequest/resolved") {
    if (const auto* id = member(params, "requestId")) take_back(rpc::id_text(*id), out);
    return;
  }
  if (const auto* plan = array_at(params, "plan"); plan && method == "turn/plan/updated") {
    *out.activities.emplace_back().mutable_plan() = plan_from(*plan);
    return;
  }
  if (!is_quiet_notification(method)) add_raw(out, line, "unknown notification \"" + head(valid_utf8(method), 60) + "\"");
}

void CodexDialogue::on_error(const json::value& params, Output& out) {
  const auto* error = member(params, "error");
  const auto text = error ? text_at(*error, "message") : std::string_view();
  if (auto retrying = codex_retry_in(text)) {
    if (const auto status = status_of_error(*error); status && !retrying->has_status()) retrying->set_status(*status);
    *out.activities.emplace_back().mutable_retrying() = *retrying;
  } else {
    add_notice(out, sentence_of_codex(text));  // turn/completed says whether it was the end
  }
}

void CodexDialogue::on_usage(const json::value& params, Output& out) {
  const auto* told = member(params, "tokenUsage");
  const auto* total = member(told, "total");
  if (!total || text_at(params, "threadId") != thread_) return;
  auto& usage = *out.activities.emplace_back().mutable_usage();
  usage.set_scope(v1::AgentUsage::SCOPE_CUMULATIVE);
  usage.set_cached_inside_input(true);
  usage.set_reasoning_inside_output(true);
  if (const auto n = count_at(*total, "inputTokens")) usage.set_input_tokens(*n);
  if (const auto n = count_at(*total, "cachedInputTokens")) usage.set_cached_input_tokens(*n);
  if (const auto n = count_at(*total, "cacheWriteInputTokens")) usage.set_cache_write_tokens(*n);
  if (const auto n = count_at(*total, "outputTokens")) usage.set_output_tokens(*n);
  if (const auto n = count_at(*total, "reasoningOutputTokens")) usage.set_reasoning_tokens(*n);
  if (const auto* last = member(*told, "last")) {
    if (const auto n = count_at(*last, "totalTokens")) usage.set_context_used(*n);
  }
  if (const auto n = count_at(*told, "modelContextWindow")) usage.set_context_size(*n);
}

void CodexDialogue::on_item(bool ended, const json::value& item, Output& out) {
  const auto type = text_at(item, "type");
  if (type == "agentMessage") {
    if (!ended) return;
    last_message_ = head(valid_utf8(text_at(item, "text")), kMaxToolOutput);
    return add_message(out, text_at(item, "text"), text_at(item, "id"));
  }
  if (type == "reasoning") {
    if (!ended) return;
    const auto summary = texts_of(array_at(item, "summary"));
    return add_reasoning(out, summary.empty() ? texts_of(array_at(item, "content")) : summary);
  }
  if (type == "commandExecution") return on_command(ended, item, out);
  if (type == "fileChange") return on_changes(ended, item, out);
  if (type == "mcpToolCall") return add_codex_tool(calls_, item, ended, out);
  if (type == "webSearch") return add_codex_search(calls_, item, ended, out);
  if (type == "plan") return ended ? add_message(out, text_at(item, "text"), text_at(item, "id")) : void();
  if (type == "contextCompaction" && ended) return add_notice(out, "Codex has shortened what it remembers of the session.", false);
  if (type == "userMessage" || type == "contextCompaction" || !ended) return;
  add_raw(out, json::serialize(item), "unknown item \"" + head(valid_utf8(type), 40) + "\"");
}

void CodexDialogue::on_command(bool ended, const json::value& item, Output& out) {
  const auto id = text_at(item, "id");
  const json::value input = json::object{{"command", command_of(item)}};
  auto& call = calls_.begin(out, id, "shell", input);
  call.cwd = text_at(item, "cwd");
  if (!ended) return;
  const auto status = text_at(item, "status");
  const auto code = small_at(item, "exitCode");
  const bool declined = status == "declined";
  if (!declined) add_command(out, id, call.command, code);
  add_tool_result(out, id, declined || status == "failed" || code.value_or(0) != 0, text_at(item, "aggregatedOutput"));
  out.activities.back().mutable_tool_result()->set_denied(declined);
}

void CodexDialogue::on_changes(bool ended, const json::value& item, Output& out) {
  const auto id = text_at(item, "id");
  const auto* changes = array_at(item, "changes");
  const auto first = changes && !changes->empty() ? text_at(changes->front(), "path") : std::string_view();
  auto& call = calls_.begin(out, id, "apply_patch", json::object{{"path", first}});
  call.changes.clear();
  for (const auto& told : changes ? *changes : json::array()) {
    const auto* kind = member(told, "kind");
    Output made;
    add_file_change(made, id, shown_path(text_at(told, "path"), calls_.worktree()),
                    codex_change_kind(kind && kind->is_object() ? text_at(*kind, "type") : text_of(kind)), std::nullopt);
    for (auto& activity : made.activities) call.changes.push_back(std::move(*activity.mutable_file_change()));
  }
  if (!ended) return;
  const auto status = text_at(item, "status");
  const bool done = status == "completed";
  for (const auto& change : call.changes) {
    if (done) *out.activities.emplace_back().mutable_file_change() = change;
  }
  add_tool_result(out, id, !done, {});
  out.activities.back().mutable_tool_result()->set_denied(status == "declined");
}

void CodexDialogue::on_request(const json::value& id, std::string_view method, const json::value& params, Output& out) {
  if (open_.size() >= kMostRequests) return refuse(out, id, rpc::kInternal, "too many requests are open");
  if (method == "item/commandExecution/requestApproval" || method == "item/fileChange/requestApproval") return ask_permission(id, params, out);
  if (method == "item/tool/requestUserInput" || method == "tool/requestUserInput") return ask_question(id, params, out);
  refuse(out, id, rpc::kMethodNotFound, "not supported");
  add_notice(out, "Codex was refused " + head(valid_utf8(method), 60) + ", which Fanout does not know.");
}

void CodexDialogue::ask_permission(const json::value& id, const json::value& params, Output& out) {
  const auto call_id = text_at(params, "itemId");
  const auto command = command_of(params);
  if (!command.empty()) calls_.begin(out, call_id, "shell", json::object{{"command", command}}).cwd = text_at(params, "cwd");
  auto permission = permission_for(rpc::id_text(id), calls_.at(call_id), calls_.worktree());
  permission.set_reason(std::string(text_at(params, "reason")));
  // Of a permission for a whole folder, a host or more than the call needs nothing can be judged by rule.
  for (const auto* more : {"grantRoot", "networkApprovalContext", "additionalPermissions"}) {
    const auto* value = member(params, more);
    if (value && !value->is_null()) permission.set_truncated(true);
  }
  if (permission.title().empty()) permission.set_title(permission.reason().empty() ? "something it does not name" : one_line(permission.reason()));
  open_[permission.id()] = {id, false};
  *out.activities.emplace_back().mutable_permission() = std::move(permission);
}

void CodexDialogue::ask_question(const json::value& id, const json::value& params, Output& out) {
  auto question = question_in(rpc::id_text(id), params);
  open_[question.id()] = {id, true};
  *out.activities.emplace_back().mutable_question() = std::move(question);
}

void CodexDialogue::on_answer(const Answer& answer, Output& out) {
  const auto found = open_.find(answer.id);
  if (found == open_.end()) return;
  const auto open = std::move(found->second);
  open_.erase(found);
  if (!open.question) {
    // Not "cancel", which would end the turn, even where that alone is named as available.
    reply(out, open.rpc_id, {{"decision", answer.allow ? "accept" : "decline"}});
    return add_answer(out, answer, answer.text);
  }
  json::object answers;
  std::string said = answer.text;
  for (const auto& [key, values] : answer.fields) {
    json::array all;
    for (const auto& value : values) all.emplace_back(valid_utf8(value));
    answers[key] = json::object{{"answers", std::move(all)}};
    said += (said.empty() ? "" : "; ") + join(values, ", ");
  }
  reply(out, open.rpc_id, {{"answers", std::move(answers)}});
  add_answer(out, answer, said);
}

/// It has been settled without us, or its turn is over.
void CodexDialogue::take_back(const std::string& id, Output& out) {
  if (open_.erase(id) == 0) return;
  Answer answer;
  answer.id = id;
  answer.by = v1::AgentAnswer::BY_AGENT;
  add_answer(out, answer, "The turn was interrupted, or the agent took it back.");
}

void CodexDialogue::take_back_all(Output& out) {
  while (!open_.empty()) take_back(std::string(open_.begin()->first), out);
}

}  // namespace fanout::agent
