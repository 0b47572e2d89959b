// What a task's programs printed, what its agent asks, and another attempt.
#include "client/mcp/tool.hpp"
#include "client/render/attention.hpp"
#include "common/text.hpp"

namespace fanout::mcp {

namespace v1 = fanout::v1;

namespace {

constexpr std::uint64_t kLogBytes = 16 << 10;

constexpr const char* kLogsInput = R"({"type": "object", "additionalProperties": false, "properties": {
  "run": {"type": "string", "description": "run id, the beginning of one, or last, the default"},
  "task": {"type": "string", "minLength": 1},
  "log": {"type": "string", "description": "such as agent.stdout (default), agent.stderr, prompt.md, setup.log, or a gate's; a name that is none is answered with those that there are"},
  "attempt": {"type": "integer", "minimum": 1, "maximum": 1000000, "description": "default: the latest"},
  "offset": {"type": "integer", "minimum": 0, "description": "in bytes, to read on from next_offset; default: the end of the log is read"},
  "limit": {"type": "integer", "minimum": 1, "maximum": 262144, "description": "in bytes; default 16384"}
}, "required": ["task"]})";

constexpr const char* kAnswerInput = R"({"type": "object", "additionalProperties": false, "properties": {
  "run": {"type": "string", "description": "run id, the beginning of one, or last, the default"},
  "task": {"type": "string", "minLength": 1},
  "id": {"type": "string", "description": "which question, as run_status tells; default: the only one"},
  "allow": {"type": "boolean", "description": "of a permission: it may, this once, or it may not"},
  "option": {"type": "string", "description": "one of the options of a permission"},
  "text": {"type": "string", "description": "an answer in words; of a permission: it may not, and this is why"},
  "items": {"type": "array", "description": "of a question with several items: an answer to each", "items": {"type": "object", "additionalProperties": false,
    "properties": {"key": {"type": "string", "minLength": 1}, "values": {"type": "array", "items": {"type": "string"}, "description": "what is chosen or said"}},
    "required": ["key", "values"]}}
}, "required": ["task"]})";

constexpr const char* kRetryInput = R"({"type": "object", "additionalProperties": false, "properties": {
  "run": {"type": "string", "minLength": 1, "description": "run id, the beginning of one, or last"},
  "task": {"type": "string", "description": "default: all that ended without completing"},
  "fresh": {"type": "boolean", "description": "start over in a new worktree; the old one stays"},
  "only_interrupted": {"type": "boolean", "description": "only what was interrupted, by a stop of the daemon or of the machine"}
}, "required": ["run"]})";

Answer logs(const json::object& arguments, const Bounds& bounds) {
  Access access(bounds);
  v1::ReadLogRequest request;
  request.set_run_id(access.run(text_of(arguments, "run")).id());
  request.set_task_id(text_of(arguments, "task"));
  request.set_log(text_of(arguments, "log"));
  request.set_attempt(static_cast<std::uint32_t>(number_of(arguments, "attempt", 0)));
  std::optional<std::uint64_t> offset;
  if (arguments.contains("offset")) offset = number_of(arguments, "offset", 0);
  const auto part = read_log(access.daemon(), request, offset, number_of(arguments, "limit", kLogBytes));
  const auto log = request.log().empty() ? "agent.stdout" : request.log();
  const auto text =
      log + " of " + request.task_id() + ", bytes " + std::to_string(part.offset) + " to " + std::to_string(part.next);
  return {text,
          {{"run_id", request.run_id()},
           {"task", request.task_id()},
           {"log", log},
           {"offset", part.offset},
           {"next_offset", part.next},
           {"more", part.more},
           {"text", part.text}},
          false};
}

void add_items(v1::AnswerAgentRequest& request, const json::array& items) {
  for (const auto& item : items) {
    auto& choice = (*request.mutable_fields())[text_of(item.get_object(), "key")];
    for (const auto& value : item.at("values").get_array()) choice.add_values(json::value_to<std::string>(value));
  }
}

/// Which of several a model means has to be said.
v1::AnswerAgentRequest answer_request(const json::object& arguments) {
  const bool allow = arguments.contains("allow"), option = arguments.contains("option"),
             text = arguments.contains("text"), items = arguments.contains("items");
  if (allow + option + text + items != 1)
    throw Error(ErrorKind::invalid_input, "answer with one of allow, option, text and items");
  v1::AnswerAgentRequest request;
  request.set_task_id(text_of(arguments, "task"));
  request.set_id(text_of(arguments, "id"));
  if (allow) request.set_allow(flag_of(arguments, "allow"));
  if (option) request.set_option(text_of(arguments, "option"));
  if (text) request.set_text(text_of(arguments, "text"));
  if (items) add_items(request, arguments.at("items").get_array());
  return request;
}

Answer answer(const json::object& arguments, const Bounds& bounds) {
  auto request = answer_request(arguments);
  Access access(bounds);
  request.set_run_id(access.run(text_of(arguments, "run")).id());
  const auto done = access.daemon().call(request);
  const auto asked = valid_utf8(client::asked_in_words(done.answered()));
  return {
      "answered: " + asked, {{"run_id", request.run_id()}, {"task", request.task_id()}, {"answered", asked}}, false};
}

Answer retry(const json::object& arguments, const Bounds& bounds) {
  Access access(bounds);
  v1::RetryRunRequest request;
  request.set_run_id(access.run(text_of(arguments, "run")).id());
  request.set_task_id(text_of(arguments, "task"));
  request.set_fresh(flag_of(arguments, "fresh"));
  request.set_only_interrupted(flag_of(arguments, "only_interrupted"));
  const auto answered = access.daemon().call(request);
  json::array tasks;
  for (const auto& id : answered.task_ids()) tasks.push_back(json::string(id));
  const auto text = "trying " + counted(tasks.size(), "task") + " of " + answered.run_id() + " again";
  return {text, {{"run_id", answered.run_id()}, {"tasks", std::move(tasks)}}, false};
}

}  // namespace

void add_task_tools(std::vector<Tool>& tools, const Bounds& bounds) {
  tools.push_back(reading_tool(
      {"task_logs", "Read a log", "What a task's programs printed: by default the end of what its agent wrote.",
       schema(kLogsInput),
       schema(
           R"({"type": "object", "properties": {"run_id": {"type": "string"}, "task": {"type": "string"}, "log": {"type": "string"},
         "offset": {"type": "integer"}, "next_offset": {"type": "integer"}, "more": {"type": "boolean", "description": "there is more behind it"},
         "text": {"type": "string"}}, "required": ["run_id", "task", "log", "offset", "next_offset", "more", "text"]})")},
      [&bounds](const json::object& arguments, Call&) { return logs(arguments, bounds); }));
  tools.push_back(acting_tool(
      {"task_answer", "Answer an agent",
       "Answers a permission or a question that a task's agent waits for; run_status tells which there are.",
       schema(kAnswerInput),
       schema(
           R"({"type": "object", "properties": {"run_id": {"type": "string"}, "task": {"type": "string"}, "answered": {"type": "string",
         "description": "what was asked"}}, "required": ["run_id", "task", "answered"]})")},
      false, [&bounds](const json::object& arguments, Call&) { return answer(arguments, bounds); }));
  tools.push_back(acting_tool(
      {"task_retry", "Try again",
       "Starts another attempt of a task, or of all that ended without completing, in the same worktree unless fresh.",
       schema(kRetryInput),
       schema(
           R"({"type": "object", "properties": {"run_id": {"type": "string"}, "tasks": {"type": "array", "description": "that are pending again",
         "items": {"type": "string"}}}, "required": ["run_id", "tasks"]})")},
      false, [&bounds](const json::object& arguments, Call&) { return retry(arguments, bounds); }));
}

}  // namespace fanout::mcp
