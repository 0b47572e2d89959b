#include "server/agent/acp.hpp"

#include "common/text.hpp"
#include "server/agent/acp_config.hpp"
#include "server/agent/json_rpc.hpp"
#include "server/agent/limits.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;

namespace {

constexpr int kVersion = 1;
constexpr std::size_t kMostOpen = 256;

/// The HTTP status of a failed call of the model, which each agent hides elsewhere.
std::optional<int> http_status(const json::value& error) {
  const auto is_status = [](std::optional<int> code) { return code && *code >= 400 && *code <= 599; };
  if (const auto code = small_at(error, "code"); is_status(code)) return code;
  const auto* data = member(error, "data");
  if (!data) return std::nullopt;
  for (const auto* key : {"statusCode", "status", "http_status_code"}) {
    if (const auto code = small_at(*data, key); is_status(code)) return code;
  }
  // Codex: {"codex_error_info": {"kind of error": {"http_status_code": 429}}}
  if (const auto* kinds = object_at(*data, "codex_error_info")) {
    for (const auto& [kind, info] : *kinds) {
      if (const auto code = small_at(info, "http_status_code"); is_status(code)) return code;
    }
  }
  return std::nullopt;
}

std::string error_text(const json::value& error) {
  auto text = std::string(text_at(error, "message"));
  const auto* data = member(error, "data");
  if (!data) return text;
  for (const auto* key : {"details", "message", "errorMessage"}) {
    if (const auto more = text_at(*data, key); !more.empty() && text.find(more) == std::string::npos) {
      text += (text.empty() ? "" : ": ") + std::string(more);
    }
  }
  if (const auto more = text_of(*data); !more.empty()) text += ": " + std::string(more);
  return text;
}

v1::AgentResult::Outcome outcome_of(std::string_view stop_reason) {
  if (stop_reason == "end_turn") return v1::AgentResult::OUTCOME_SUCCEEDED;
  if (stop_reason == "cancelled") return v1::AgentResult::OUTCOME_CANCELLED;
  if (stop_reason == "refusal") return v1::AgentResult::OUTCOME_REFUSED;
  if (stop_reason == "max_tokens" || stop_reason == "max_turn_requests")
    return v1::AgentResult::OUTCOME_EXHAUSTED;
  return v1::AgentResult::OUTCOME_FAILED;
}

}  // namespace

void Acp::on_start(Output& out) {
  json::object files{{"readTextFile", options_.host_files}, {"writeTextFile", options_.host_files}};
  json::object capabilities{{"fs", std::move(files)},
                            {"terminal", options_.host_terminals},
                            {"elicitation", json::object{{"form", json::object()}}}};
  json::object client{{"name", "fanout"}, {"title", "Fanout"}, {"version", options_.client_version}};
  call(Call::initialize, "initialize",
       json::object{{"protocolVersion", kVersion},
                    {"clientInfo", std::move(client)},
                    {"clientCapabilities", std::move(capabilities)}},
       out);
  if (!options_.prompt.empty()) queued_.push_back(std::exchange(options_.prompt, {}));
}

void Acp::call(Call kind, std::string_view method, json::value params, Output& out) {
  const auto id = next_id_++;
  calls_[id] = kind;
  out.write += rpc::request(id, method, std::move(params));
}

void Acp::on_line(std::string_view line, Output& out) {
  const auto message = rpc::read(line);
  if (!message) return add_raw(out, line, "not JSON");
  const auto& [all, id, method, params] = *message;
  if (method.empty()) return on_response(all, line, out);
  if (id) return on_request(*id, method, params, out);
  on_notification(method, params, line, out);
}

void Acp::on_response(const json::value& message, std::string_view line, Output& out) {
  const auto id = integer_at(message, "id");
  const auto found = id ? calls_.find(*id) : calls_.end();
  if (found == calls_.end()) return add_raw(out, line, "an answer to nothing that was asked");
  const auto kind = found->second;
  calls_.erase(found);
  if (const auto* error = member(message, "error")) return failed(kind, *error, out);
  const auto* told = member(message, "result");
  const auto result = told ? *told : json::value();
  switch (kind) {
    case Call::initialize:
      return initialized(result, out);
    case Call::authenticate:
      return open_session(out);
    case Call::open:
      return opened(result, out);
    case Call::configure: {
      if (!calls_.empty()) return;
      ready_ = true;
      return next_turn(out);
    }
    case Call::prompt:
      return prompted(result, out);
  }
}

void Acp::initialized(const json::value& result, Output& out) {
  const auto version = integer_at(result, "protocolVersion");
  if (version != kVersion) {
    add_result(out, v1::AgentResult::OUTCOME_FAILED,
               "The agent speaks version " + (version ? std::to_string(*version) : "?") +
                   " of the Agent Client Protocol; Fanout speaks 1.");
    return end_turn(out);
  }
  if (const auto* capabilities = member(result, "agentCapabilities")) capabilities_ = *capabilities;
  if (const auto* info = member(result, "agentInfo")) {
    agent_ = text_at(*info, "name");
    updates_.set_agent(agent_);
  }
  open_session(out);
}

void Acp::open_session(Output& out) {
  json::object params{{"cwd", options_.worktree}, {"mcpServers", json::array()}};
  resuming_ = !options_.resume_session.empty();
  if (!resuming_) return call(Call::open, "session/new", std::move(params), out);
  params["sessionId"] = options_.resume_session;
  const auto* sessions = member(capabilities_, "sessionCapabilities");
  if (sessions && member(*sessions, "resume"))
    return call(Call::open, "session/resume", std::move(params), out);
  if (flag_at(capabilities_, "loadSession").value_or(false)) {
    updates_.begin_replay();
    return call(Call::open, "session/load", std::move(params), out);
  }
  add_notice(out, "The agent cannot resume a session; it begins a new one.");
  options_.resume_session.clear();
  open_session(out);
}

void Acp::opened(const json::value& result, Output& out) {
  updates_.end_replay();
  session_ = resuming_ ? options_.resume_session : std::string(text_at(result, "sessionId"));
  auto& session = *out.activities.emplace_back().mutable_session();
  session.set_id(session_);
  session.set_cwd(options_.worktree);
  session.set_agent(agent_);
  session.set_resumed(resuming_);
  session.set_model(std::string(current_choice(result, "model")));
  configure(result, out);
}

void Acp::configure(const json::value& result, Output& out) {
  for (const auto* category : {"mode", "model"}) {
    const auto& wanted = std::string_view(category) == "mode" ? options_.mode : options_.model;
    if (wanted.empty() || current_choice(result, category) == wanted) continue;
    if (const auto way = way_to_choose(result, category, wanted)) {
      json::object params{{"sessionId", session_}};
      for (const auto& [key, value] : way->params) params[key] = value;
      call(Call::configure, way->method, std::move(params), out);
    } else if (category == std::string_view("model")) {
      // A model costs what it costs: never another one than was asked for.
      add_result(out, v1::AgentResult::OUTCOME_FAILED,
                 "The agent does not offer the model " + wanted + offered_choices(result, category) + ".");
      return end_turn(out);
    } else {
      add_notice(out,
                 "The agent does not offer the mode " + wanted + offered_choices(result, category) + ".");
    }
  }
  if (!calls_.empty()) return;
  ready_ = true;
  next_turn(out);
}

void Acp::next_turn(Output& out) {
  if (!ready_ || in_turn_) return;
  if (std::exchange(cancelled_, false)) {
    queued_.clear();
    add_result(out, v1::AgentResult::OUTCOME_CANCELLED, "interrupted before it began");
  }
  out.idle = queued_.empty();
  if (queued_.empty()) return;
  in_turn_ = true;
  json::array blocks{json::object{{"type", "text"}, {"text", valid_utf8(queued_.front())}}};
  queued_.pop_front();
  call(Call::prompt, "session/prompt", json::object{{"sessionId", session_}, {"prompt", std::move(blocks)}},
       out);
}

void Acp::prompted(const json::value& result, Output& out) {
  updates_.end_message(out);
  if (const auto usage = prompt_usage(result, agent_))
    *out.activities.emplace_back().mutable_usage() = *usage;
  const auto reason = text_at(result, "stopReason");
  const auto outcome = outcome_of(reason);
  const bool unknown = outcome == v1::AgentResult::OUTCOME_FAILED;
  add_result(
      out, outcome,
      unknown ? "the turn ended for an unknown reason: " + std::string(reason) : updates_.last_message());
  end_turn(out);
}

void Acp::failed(Call kind, const json::value& error, Output& out) {
  updates_.end_message(out);
  updates_.end_replay();
  const auto code = integer_at(error, "code");
  const auto text = error_text(error);
  if (kind == Call::open && code == rpc::kAuthRequired && !authenticated_ && !options_.auth_method.empty()) {
    authenticated_ = true;
    return call(Call::authenticate, "authenticate", json::object{{"methodId", options_.auth_method}}, out);
  }
  if (kind == Call::open && resuming_ && code != rpc::kAuthRequired) {
    add_notice(out, "The session could not be resumed (" + text + "); the agent begins a new one.");
    options_.resume_session.clear();
    return open_session(out);
  }
  if (code == rpc::kAuthRequired || kind == Call::authenticate) {
    add_result(out, v1::AgentResult::OUTCOME_NEEDS_LOGIN, text);
  } else if (code == rpc::kCancelled) {
    add_result(out, v1::AgentResult::OUTCOME_CANCELLED, text);
  } else {
    add_failure(out, text, http_status(error));
  }
  if (kind == Call::prompt) return end_turn(out);
  queued_.clear();
  end_turn(out);
}

/// Whatever the turn had open is void.
void Acp::end_turn(Output& out) {
  in_turn_ = false;
  withdraw_all(out);
  if (ready_) return next_turn(out);
  queued_.clear();
  out.idle = true;
}

void Acp::on_say(std::string_view text, Output& out) {
  queued_.emplace_back(text);
  next_turn(out);
}

void Acp::on_interrupt(Output& out) {
  if (!in_turn_) {
    cancelled_ = !ready_;
    return;
  }
  out.write += rpc::notification("session/cancel", json::object{{"sessionId", session_}});
  withdraw_all(out);
}

void Acp::on_notification(std::string_view method, const json::value& params, std::string_view line,
                          Output& out) {
  if (method == "session/update") {
    const auto* update = member(params, "update");
    return update ? updates_.take(*update, out) : add_raw(out, line, "an update without content");
  }
  if (method == "$/cancel_request") {
    if (const auto* id = member(params, "requestId")) withdraw(rpc::id_text(*id), out);
    return;
  }
  if (method != "elicitation/complete") add_raw(out, line, "unknown notification");
}

void Acp::on_request(const json::value& id, std::string_view method, const json::value& params, Output& out) {
  if (open_.size() + requests_.size() >= kMostOpen) {
    out.write += rpc::error(id, rpc::kInternal, "too many requests are open");
    return;
  }
  if (method == "session/request_permission") return ask_permission(id, params, out);
  if (method == "elicitation/create") return ask_question(id, params, out);
  const bool hosted =
      method.starts_with("fs/") || options_.host_terminals;  // opencode calls fs/* in any case
  if (!is_host_method(method) || !hosted) {
    out.write += rpc::error(id, rpc::kMethodNotFound, "not supported");
    return;
  }
  auto request = host_request(rpc::id_text(id), method, params, options_.worktree);
  if (const auto* refusal = std::get_if<Refusal>(&request)) {
    out.write += rpc::error(id, refusal->code, refusal->why);
    return add_notice(out, "The agent was refused " + std::string(method) + ": " + refusal->why);
  }
  requests_[rpc::id_text(id)] = id;
  out.requests.push_back(std::move(std::get<HostRequest>(request)));
}

void Acp::on_respond(const HostReply& reply, Output& out) {
  const auto found = requests_.find(reply.id);
  if (found == requests_.end()) return;
  out.write += host_response(found->second, reply);
  requests_.erase(found);
}

}  // namespace fanout::agent
