#include "client/mcp/run_json.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "client/render/attention.hpp"
#include "client/render/looks.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"

namespace fanout::mcp {

namespace json = boost::json;
namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;

namespace {

constexpr std::size_t kSummaryBytes = 2 << 10;

void set(json::object& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = valid_utf8(text);
}

template <class Times>
void set_times(json::object& object, const Times& of) {
  if (of.has_started_at()) object["started_at"] = TimeUtil::ToString(of.started_at());
  if (of.has_ended_at()) object["ended_at"] = TimeUtil::ToString(of.ended_at());
}

json::array options_of(const v1::AgentQuestion::Item& item) {
  json::array options;
  for (const auto& option : item.options()) options.push_back(json::string(valid_utf8(option.label())));
  return options;
}

json::array options_of(const v1::AgentPermission& permission) {
  json::array options;
  for (const auto& option : permission.options()) options.push_back(json::string(option.id()));
  return options;
}

/// One item is the question itself.
void set_items(json::object& question, const v1::AgentQuestion& asked) {
  if (asked.items_size() == 1) question["options"] = options_of(asked.items(0));
  if (asked.items_size() < 2) return;
  json::array items;
  for (const auto& item : asked.items())
    items.push_back(json::object{{"key", item.key()},
                                 {"text", valid_utf8(item.text())},
                                 {"options", options_of(item)},
                                 {"multiple", item.multiple()}});
  question["items"] = std::move(items);
}

json::object question_json(const v1::Attention& attention) {
  json::object question{{"id", attention.id()},
                        {"kind", attention.has_permission() ? "permission" : "question"},
                        {"text", valid_utf8(client::asked_in_words(attention))}};
  const bool permission = attention.has_permission();
  if (permission) question["options"] = options_of(attention.permission());
  if (!permission) set_items(question, attention.question());
  const auto& deadline = permission ? attention.permission().deadline() : attention.question().deadline();
  if (deadline.seconds() > 0) question["answered_otherwise_at"] = TimeUtil::ToString(deadline);
  return question;
}

json::array gates_json(const v1::Subagent& agent) {
  json::array gates;
  for (const auto& gate : agent.gates()) {
    json::object one{{"name", gate.name()}, {"passed", gate.passed()}, {"log", gate.log()}};
    if (!gate.passed()) set(one, "output", tail(gate.output_tail(), kSummaryBytes));
    gates.push_back(std::move(one));
  }
  return gates;
}

void set_work(json::object& task, const v1::Subagent& agent) {
  set(task, "branch", agent.branch());
  set(task, "worktree", agent.worktree());
  set(task, "issue", agent.issue().url());
  set(task, "pull_request", agent.pull_request().url());
  set(task, "summary", tail(agent.report().summary(), kSummaryBytes));
  if (auto gates = gates_json(agent); !gates.empty()) task["gates"] = std::move(gates);
}

json::object task_json(const v1::Subagent& agent) {
  json::object task{{"id", agent.task_id()},
                    {"title", valid_utf8(agent.title())},
                    {"phase", domain::phase_name(agent.phase())},
                    {"attempt", agent.attempt()},
                    {"commits", agent.commit_count()}};
  set(task, "repository", agent.repository());
  set(task, "reason", agent.reason());
  set(task, "waiting_for", agent.waiting_for());
  set(task, "last_message", agent.last_message());
  set_times(task, agent);
  set_work(task, agent);
  json::array questions;
  for (const auto& attention : agent.attention()) questions.push_back(question_json(attention));
  if (!questions.empty()) task["questions"] = std::move(questions);
  return task;
}

constexpr const char* kTaskSchema = R"({
  "type": "object",
  "properties": {
    "id": {"type": "string"},
    "title": {"type": "string"},
    "phase": {"type": "string", "description": "pending, setting_up, implementing, testing, pushing, reporting; or an end: completed, failed, blocked, cancelled, skipped, interrupted"},
    "attempt": {"type": "integer", "description": "from 1"},
    "commits": {"type": "integer", "description": "on its branch, so far"},
    "repository": {"type": "string", "description": "where it works, in a run of several: the plan's name of it"},
    "reason": {"type": "string", "description": "why it ended so"},
    "waiting_for": {"type": "string", "description": "what holds it back just now"},
    "last_message": {"type": "string", "description": "what its agent last said or did"},
    "started_at": {"type": "string"},
    "ended_at": {"type": "string"},
    "branch": {"type": "string"},
    "worktree": {"type": "string", "description": "absolute path"},
    "issue": {"type": "string"},
    "pull_request": {"type": "string"},
    "summary": {"type": "string", "description": "the agent's own last words"},
    "gates": {"type": "array", "items": {"type": "object", "properties": {
      "name": {"type": "string"}, "passed": {"type": "boolean"}, "log": {"type": "string", "description": "for task_logs"},
      "output": {"type": "string", "description": "its last lines, where it failed"}}, "required": ["name", "passed", "log"]}},
    "questions": {"type": "array", "description": "what its agent waits for somebody to answer", "items": {"type": "object", "properties": {
      "id": {"type": "string", "description": "for task_answer"}, "kind": {"type": "string", "enum": ["permission", "question"]},
      "text": {"type": "string"}, "options": {"type": "array", "items": {"type": "string"}},
      "items": {"type": "array", "description": "of a question with several: each is answered by its key", "items": {"type": "object", "properties": {
        "key": {"type": "string"}, "text": {"type": "string"}, "options": {"type": "array", "items": {"type": "string"}}, "multiple": {"type": "boolean"}},
        "required": ["key", "text"]}},
      "answered_otherwise_at": {"type": "string", "description": "when it is answered by itself, if nobody has"}},
      "required": ["id", "kind", "text"]}}
  },
  "required": ["id", "title", "phase", "attempt", "commits"]
})";

constexpr const char* kRunSchema = R"({
  "type": "object",
  "properties": {
    "id": {"type": "string"},
    "name": {"type": "string"},
    "state": {"type": "string", "enum": ["running", "completed", "failed", "cancelled", "interrupted"]},
    "repository": {"type": "string", "description": "absolute path"},
    "plan": {"type": "string", "description": "absolute path"},
    "base": {"type": "string", "description": "what the branches start from"},
    "repositories": {"type": "array", "description": "all that its tasks work in, where the plan names some", "items": {"type": "object", "properties": {
      "name": {"type": "string"}, "path": {"type": "string"}, "base": {"type": "string"}}, "required": ["name", "path", "base"]}},
    "started_at": {"type": "string"},
    "ended_at": {"type": "string"},
    "tasks_total": {"type": "integer"},
    "tasks_done": {"type": "integer", "description": "completed or skipped"},
    "questions": {"type": "integer", "description": "how many wait for an answer"},
    "waiting_for": {"type": "string", "description": "why no task begins just now"},
    "last_sequence": {"type": "integer", "description": "of its last event: a cursor for run_events"}
  },
  "required": ["id", "name", "state", "repository", "plan", "tasks_total", "tasks_done", "questions", "last_sequence"]
})";

constexpr const char* kDiagnosticsSchema = R"({
  "type": "array",
  "items": {
    "type": "object",
    "properties": {
      "severity": {"type": "string", "enum": ["error", "warning", "note"]},
      "file": {"type": "string", "description": "absolute path; missing where the fault is in no file"},
      "line": {"type": "integer"},
      "column": {"type": "integer"},
      "field": {"type": "string"},
      "message": {"type": "string"}
    },
    "required": ["severity", "message"]
  }
})";

json::object parsed(const char* text) { return json::parse(text).get_object(); }

}  // namespace

std::string word_of(std::string name, std::string_view prefix) {
  name.erase(0, prefix.size());
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

std::string state_name(v1::RunState state) { return word_of(v1::RunState_Name(state), "RUN_STATE_"); }

std::string run_sentence(const v1::Run& run) {
  return valid_utf8(run.name()) + " (" + run.id() + "): " + state_name(run.state()) + ", " +
         std::to_string(client::count_done(run)) + " of " +
         counted(domain::count_tasks(run), "task") + " done";
}

json::object run_json(const v1::Run& run, bool tasks) {
  int questions = 0;
  json::array all;
  for (const auto& agent : run.subagents()) {
    questions += agent.attention_size();
    if (tasks) all.push_back(task_json(agent));
  }
  json::object object{{"id", run.id()},
                      {"name", valid_utf8(run.name())},
                      {"state", state_name(run.state())},
                      {"repository", valid_utf8(run.repository())},
                      {"plan", valid_utf8(run.plan_path())},
                      {"tasks_total", domain::count_tasks(run)},
                      {"tasks_done", client::count_done(run)},
                      {"questions", questions},
                      {"last_sequence", run.last_sequence()}};
  set(object, "base", client::base_of(run));
  json::array repositories;
  for (const auto& one : run.repositories()) {
    repositories.push_back(json::object{{"name", one.name()}, {"path", valid_utf8(one.path())}, {"base", valid_utf8(one.base())}});
  }
  if (!repositories.empty()) object["repositories"] = std::move(repositories);
  set(object, "waiting_for", run.waiting_for());
  set_times(object, run);
  if (tasks) object["tasks"] = std::move(all);
  return object;
}

json::object run_schema() {
  auto schema = parsed(kRunSchema);
  schema["properties"].get_object()["tasks"] = {{"type", "array"}, {"items", parsed(kTaskSchema)}};
  return schema;
}

json::array diagnostics_json(const google::protobuf::RepeatedPtrField<v1::Diagnostic>& diagnostics) {
  json::array all;
  for (const auto& one : diagnostics) {
    json::object object{{"severity", word_of(v1::Diagnostic::Severity_Name(one.severity()), "SEVERITY_")},
                        {"message", valid_utf8(one.message())}};
    set(object, "file", one.file());
    set(object, "field", one.field());
    if (one.line() > 0) object["line"] = one.line();
    if (one.column() > 0) object["column"] = one.column();
    all.push_back(std::move(object));
  }
  return all;
}

json::object diagnostics_schema() { return parsed(kDiagnosticsSchema); }

}  // namespace fanout::mcp
