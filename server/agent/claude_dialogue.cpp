#include "server/agent/claude_dialogue.hpp"

#include "common/text.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMostQuestions = 256;

void write_line(Output& out, const json::value& line) { out.write += json::serialize(line) + "\n"; }

json::object response(std::string_view id, json::value body) {
  return {{"type", "control_response"},
          {"response", {{"subtype", "success"}, {"request_id", id}, {"response", std::move(body)}}}};
}

v1::AgentQuestion question_from(std::string_view id, const json::value& request, const json::value& input) {
  v1::AgentQuestion question;
  question.set_id(std::string(id));
  question.set_tool_call(std::string(text_at(request, "tool_use_id")));
  const auto* items = array_at(input, "questions");
  if (!items) return question;
  for (const auto& told : *items) {
    auto& item = *question.add_items();
    item.set_key(std::string(text_at(told, "question")));
    item.set_text(item.key());
    item.set_multiple(flag_at(told, "multiSelect").value_or(false));
    item.set_required(true);
    const auto* options = array_at(told, "options");
    if (!options) continue;
    for (const auto& option : *options) {
      auto& added = *item.add_options();
      added.set_label(std::string(text_at(option, "label")));
      added.set_description(std::string(text_at(option, "description")));
    }
  }
  return question;
}

}  // namespace

void ClaudeDialogue::on_start(Output& out) {
  request({{"subtype", "initialize"}, {"hooks", nullptr}}, out);
  on_say(prompt_, out);
  std::string().swap(prompt_);
}

void ClaudeDialogue::on_say(std::string_view text, Output& out) {
  if (in_turn_) return queued_.emplace_back(text), void();
  in_turn_ = true;
  const json::value content = json::array{json::object{{"type", "text"}, {"text", valid_utf8(text)}}};
  write_line(out, {{"type", "user"},
                   {"session_id", ""},
                   {"parent_tool_use_id", nullptr},
                   {"message", {{"role", "user"}, {"content", content}}}});
}

void ClaudeDialogue::request(json::object what, Output& out) {
  write_line(out, {{"type", "control_request"},
                   {"request_id", "fanout-" + std::to_string(++requests_)},
                   {"request", std::move(what)}});
}

void ClaudeDialogue::on_interrupt(Output& out) {
  interrupted_ = true;
  request({{"subtype", "interrupt"}}, out);
}

void ClaudeDialogue::on_control(std::string_view type, const json::value& line, Output& out) {
  if (type == "control_request") return ask(line, out);
  if (type == "control_cancel_request") return take_back(std::string(text_at(line, "request_id")), out);
  const auto* answered = member(line, "response");
  if (type == "control_response" && answered && text_at(*answered, "subtype") == "error") {
    add_notice(out, "Claude Code refused a request: " + std::string(text_at(*answered, "error")));
  }
}

void ClaudeDialogue::ask(const json::value& line, Output& out) {
  const auto id = text_at(line, "request_id");
  const auto* wanted = member(line, "request");
  const auto* input = member(wanted, "input");
  const auto subtype = wanted ? text_at(*wanted, "subtype") : std::string_view();
  if (subtype != "can_use_tool" || !input || id.empty() || open_.size() >= kMostQuestions) {
    write_line(out, {{"type", "control_response"},
                     {"response", {{"subtype", "error"}, {"request_id", id}, {"error", "not supported"}}}});
    return add_raw(out, json::serialize(line), "an unknown request; it was refused");
  }
  const auto tool = text_at(*wanted, "tool_name");
  const bool question = tool == "AskUserQuestion";
  open_[std::string(id)] = {*input, question};
  if (question) {
    *out.activities.emplace_back().mutable_question() = question_from(id, *wanted, *input);
    return;
  }
  const auto& call = calls().begin(out, text_at(*wanted, "tool_use_id"), tool, *input);
  auto permission = permission_for(id, call, calls().worktree());
  if (const auto path = text_at(*wanted, "blocked_path"); !path.empty()) {
    permission.add_paths(shown_path(path, calls().worktree()));
  }
  permission.set_reason(std::string(text_at(*wanted, "decision_reason")));
  *out.activities.emplace_back().mutable_permission() = std::move(permission);
}

void ClaudeDialogue::on_answer(const Answer& answer, Output& out) {
  const auto found = open_.find(answer.id);
  if (found == open_.end()) return;
  auto input = found->second.input;
  const bool question = found->second.question;
  open_.erase(found);
  if (!answer.allow) {
    const auto why = answer.text.empty() ? "This was not allowed. Go on without it." : answer.text;
    write_line(out, response(answer.id, {{"behavior", "deny"}, {"message", valid_utf8(why)}}));
    return add_answer(out, answer, why);
  }
  std::string said = answer.text;
  if (question && input.is_object()) {
    json::object answers;
    for (const auto& [key, values] : answer.fields) {
      answers[key] = valid_utf8(join(values, ", "));
      said += (said.empty() ? "" : "; ") + join(values, ", ");
    }
    input.as_object()["answers"] = std::move(answers);
  }
  write_line(out, response(answer.id, {{"behavior", "allow"}, {"updatedInput", std::move(input)}}));
  add_answer(out, answer, said);
}

void ClaudeDialogue::take_back(std::string id, Output& out) {
  if (open_.erase(id) == 0) return;
  Answer answer;
  answer.id = std::move(id);
  answer.by = v1::AgentAnswer::BY_AGENT;
  add_answer(out, answer, "The agent took it back.");
}

void ClaudeDialogue::on_result(v1::AgentResult& result, Output& out) {
  if (std::exchange(interrupted_, false) && result.outcome() == v1::AgentResult::OUTCOME_FAILED) {
    result.set_outcome(v1::AgentResult::OUTCOME_CANCELLED);
  }
  while (!open_.empty()) take_back(open_.begin()->first, out);
  in_turn_ = false;
  out.idle = queued_.empty();
  if (queued_.empty()) return;
  on_say(queued_.front(), out);
  queued_.pop_front();
}

}  // namespace fanout::agent
