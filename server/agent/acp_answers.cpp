// What the agent asks a person over ACP, and the answers.
#include "common/text.hpp"
#include "server/agent/acp.hpp"
#include "server/agent/json_rpc.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;
using Option = v1::AgentPermission::Option;

namespace {

Option::Kind option_kind(std::string_view kind) {
  if (kind == "allow_once") return Option::KIND_ALLOW_ONCE;
  if (kind == "allow_always") return Option::KIND_ALLOW_ALWAYS;
  if (kind == "reject_once") return Option::KIND_REJECT_ONCE;
  return kind == "reject_always" ? Option::KIND_REJECT_ALWAYS : Option::KIND_UNSPECIFIED;
}

std::string_view first_text(const json::value& call) {
  const auto* content = array_at(call, "content");
  if (!content) return {};
  for (const auto& block : *content) {
    const auto* inner = member(block, "content");
    if (const auto text = inner ? text_at(*inner, "text") : ""; !text.empty()) return text;
  }
  return {};
}

/// The option to choose: the one asked for, else the one that allows or rejects, rather once than always.
const Option* choice(const v1::AgentPermission& permission, const Answer& answer) {
  const auto first_of_kind = [&](Option::Kind kind) -> const Option* {
    for (const auto& option : permission.options()) {
      if (option.kind() == kind) return &option;
    }
    return nullptr;
  };
  for (const auto& option : permission.options()) {
    if (!answer.option.empty() && option.id() == answer.option) return &option;
  }
  const auto* once = first_of_kind(answer.allow ? Option::KIND_ALLOW_ONCE : Option::KIND_REJECT_ONCE);
  if (once || answer.allow) return once;  // never "always" for one who meant once
  return first_of_kind(Option::KIND_REJECT_ALWAYS);
}

bool allows(const Option& option) {
  return option.kind() == Option::KIND_ALLOW_ONCE || option.kind() == Option::KIND_ALLOW_ALWAYS;
}

/// One field of an elicitation's form.
void add_item(v1::AgentQuestion& question, std::string_view key, const json::value& field, bool required) {
  auto& item = *question.add_items();
  item.set_key(std::string(key));
  const auto title = text_at(field, "title");
  const auto description = text_at(field, "description");
  item.set_text(std::string(!description.empty() ? description : !title.empty() ? title : key));
  item.set_required(required);
  item.set_multiple(text_at(field, "type") == "array");
  const auto* items = member(field, "items");
  const auto& choices = item.multiple() && items ? *items : field;
  if (const auto* values = array_at(choices, "enum")) {
    for (const auto& value : *values) item.add_options()->set_label(std::string(text_of(value)));
  }
  for (const auto* name : {"oneOf", "anyOf"}) {
    const auto* titled = array_at(choices, name);
    if (!titled) continue;
    for (const auto& one : *titled) {
      auto& option = *item.add_options();
      option.set_label(std::string(text_at(one, "const")));
      option.set_description(std::string(text_at(one, "title")));
    }
  }
  if (text_at(field, "type") == "boolean") {
    item.add_options()->set_label("true");
    item.add_options()->set_label("false");
  }
}

/// A field's value in the type that the form asks for.
json::value typed(const json::value* field, const std::vector<std::string>& values) {
  const auto type = field ? text_at(*field, "type") : std::string_view();
  if (type == "array") {
    json::array all;
    for (const auto& value : values) all.emplace_back(valid_utf8(value));
    return all;
  }
  const auto text = values.empty() ? std::string() : valid_utf8(values.front());
  if (type == "boolean") return text == "true" || text == "yes";
  if (type == "integer" || type == "number") {
    if (auto number = parse_json(text); number && number->is_number()) return std::move(*number);
  }
  return json::string(text);
}

}  // namespace

void Acp::ask_permission(const json::value& id, const json::value& params, Output& out) {
  const auto* call = member(params, "toolCall");
  const auto* options = array_at(params, "options");
  if (!call || !options) {
    out.write += rpc::error(id, rpc::kInvalidParams, "toolCall or options are missing");
    return add_raw(out, json::serialize(params), "a permission without a call or options");
  }
  updates_.end_message(out);
  auto permission = permission_for(rpc::id_text(id), updates_.upsert(*call, true, out), options_.worktree);
  permission.set_reason(std::string(first_text(*call)));
  if (const auto* input = object_at(*call, "rawInput"))
    permission.set_input(summarised(*input, kMaxInputSummary));
  for (const auto& told : *options) {
    auto& option = *permission.add_options();
    option.set_id(std::string(text_at(told, "optionId")));
    option.set_name(std::string(text_at(told, "name")));
    option.set_kind(option_kind(text_at(told, "kind")));
  }
  open_[permission.id()] = {id, permission, {}, false};
  *out.activities.emplace_back().mutable_permission() = std::move(permission);
}

void Acp::ask_question(const json::value& id, const json::value& params, Output& out) {
  const auto* schema = member(params, "requestedSchema");
  const auto* fields = schema ? object_at(*schema, "properties") : nullptr;
  if (!fields || text_at(params, "mode") == "url") {
    out.write += rpc::result(id, json::object{{"action", "decline"}});
    return add_notice(out, "The agent asked for something only a browser can give: " +
                               head(valid_utf8(text_at(params, "message")), 500));
  }
  updates_.end_message(out);
  v1::AgentQuestion question;
  question.set_id(rpc::id_text(id));
  question.set_text(std::string(text_at(params, "message")));
  question.set_tool_call(std::string(text_at(params, "toolCallId")));
  const auto* required = array_at(*schema, "required");
  for (const auto& [key, field] : *fields) {
    const bool must =
        required && std::find(required->begin(), required->end(), json::value(key)) != required->end();
    add_item(question, key, field, must);
  }
  open_[question.id()] = {id, {}, *schema, true};
  *out.activities.emplace_back().mutable_question() = std::move(question);
}

void Acp::on_answer(const Answer& answer, Output& out) {
  const auto found = open_.find(answer.id);
  if (found == open_.end()) return;
  const auto open = std::move(found->second);
  open_.erase(found);
  open.question ? answer_question(open, answer, out) : answer_permission(open, answer, out);
}

void Acp::answer_permission(const Open& open, const Answer& answer, Output& out) {
  const auto* option = choice(open.permission, answer);
  json::object outcome{{"outcome", "cancelled"}};
  if (option) outcome = {{"outcome", "selected"}, {"optionId", option->id()}};
  out.write += rpc::result(open.rpc_id, json::object{{"outcome", std::move(outcome)}});
  auto told = answer;
  told.allow = option && allows(*option);
  add_answer(out, told, option ? option->name() : "There is no such option; the call was cancelled.");
}

void Acp::answer_question(const Open& open, const Answer& answer, Output& out) {
  if (!answer.allow) {
    out.write += rpc::result(open.rpc_id, json::object{{"action", "decline"}});
    return add_answer(out, answer, answer.text);
  }
  json::object content;
  std::string said;
  const auto* fields = member(open.schema, "properties");
  for (const auto& [key, values] : answer.fields) {
    content[key] = typed(member(fields, key), values);
    said += (said.empty() ? "" : "; ") + join(values, ", ");
  }
  out.write += rpc::result(open.rpc_id, json::object{{"action", "accept"}, {"content", std::move(content)}});
  add_answer(out, answer, said);
}

void Acp::withdraw(const std::string& id, Output& out) {
  Answer answer;
  answer.id = id;
  answer.by = v1::AgentAnswer::BY_AGENT;
  if (const auto found = open_.find(id); found != open_.end()) {
    const auto outcome = found->second.question
                             ? json::object{{"action", "cancel"}}
                             : json::object{{"outcome", json::object{{"outcome", "cancelled"}}}};
    out.write += rpc::result(found->second.rpc_id, outcome);
    open_.erase(found);
    return add_answer(out, answer, "The turn was interrupted, or the agent took it back.");
  }
  if (const auto found = requests_.find(id); found != requests_.end()) {
    out.write += rpc::error(found->second, rpc::kCancelled, "cancelled");
    requests_.erase(found);
    out.withdrawn.push_back(id);
  }
}

void Acp::withdraw_all(Output& out) {
  while (!open_.empty()) withdraw(std::string(open_.begin()->first), out);
  while (!requests_.empty()) withdraw(std::string(requests_.begin()->first), out);
}

}  // namespace fanout::agent
