// How runs stand, what happens to them, and their end.
#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "client/mcp/following.hpp"
#include "client/mcp/run_json.hpp"
#include "client/mcp/tool.hpp"
#include "client/render/plain.hpp"
#include "client/render/times.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::mcp {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;

namespace {

constexpr std::size_t kMostListed = 20;
constexpr std::uint64_t kPollSeconds = 30;
constexpr std::uint64_t kEvents = 100;
constexpr std::size_t kMostTextBytes = 8 << 10;  // of one event

constexpr const char* kStatusInput = R"({"type": "object", "additionalProperties": false, "properties": {
  "run": {"type": "string", "description": "run id, the beginning of one, or last; without it the newest runs are listed, without their tasks"}
}})";

constexpr const char* kEventsInput = R"({"type": "object", "additionalProperties": false, "properties": {
  "run": {"type": "string", "description": "run id, the beginning of one, or last, the default"},
  "after": {"type": "integer", "minimum": 0, "description": "cursor of the last answer; default 0: from the beginning"},
  "timeout_seconds": {"type": "integer", "minimum": 0, "maximum": 600, "description": "how long to wait for the first event; default 30"},
  "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "description": "events in one answer; default 100"},
  "task": {"type": "string", "description": "only of this task, and of the run as a whole"},
  "output": {"type": "boolean", "description": "with what the programs print; default: without"}
}})";

constexpr const char* kCancelInput = R"({"type": "object", "additionalProperties": false, "properties": {
  "run": {"type": "string", "minLength": 1, "description": "run id, the beginning of one, or last"},
  "task": {"type": "string", "description": "only this task; default: all"}
}, "required": ["run"]})";

json::object status_output() {
  auto output = schema(R"({"type": "object", "properties": {}, "required": ["runs"]})");
  output["properties"].get_object()["runs"] = {{"type", "array"}, {"items", run_schema()}};
  return output;
}

constexpr const char* kEventsOutput = R"({"type": "object", "properties": {
  "run_id": {"type": "string"},
  "events": {"type": "array", "items": {"type": "object", "properties": {
    "sequence": {"type": "integer"}, "time": {"type": "string"},
    "elapsed_seconds": {"type": "number", "description": "since the run started"},
    "task": {"type": "string", "description": "missing: the run as a whole"},
    "phase": {"type": "string", "description": "of the task, after this event"},
    "kind": {"type": "string", "description": "such as phase_changed, gate_ended, agent_activity, run_ended"},
    "text": {"type": "string", "description": "for people; may be several lines"}},
    "required": ["sequence", "time", "elapsed_seconds", "kind", "text"]}},
  "cursor": {"type": "integer", "description": "give it as after, to go on"},
  "ended": {"type": "boolean", "description": "the run has ended, and nothing comes behind these"}
}, "required": ["run_id", "events", "cursor", "ended"]})";

Answer status(const json::object& arguments, const Bounds& bounds) {
  Access access(bounds);
  if (arguments.contains("run")) {
    const auto run = access.run(text_of(arguments, "run"));
    return {run_sentence(run), {{"runs", json::array{run_json(run, true)}}}, false};
  }
  json::array runs;
  std::string text;
  for (const auto& run : access.runs(kMostListed)) {
    if (runs.size() == kMostListed) break;
    runs.push_back(run_json(run, false));
    text += run_sentence(run) + "\n";
  }
  return {text.empty() ? "no runs yet" : text, {{"runs", std::move(runs)}}, false};
}

/// What of a run's events is asked for, and how it is told.
class Telling {
 public:
  Telling(const v1::Run& run, const json::object& arguments)
      : lines_(run, {client::Style(), flag_of(arguments, "output")}),
        task_(text_of(arguments, "task")),
        most_(number_of(arguments, "limit", kEvents)) {}

  /// Those that are told are added, up to the limit; `cursor` follows.
  void add(const std::vector<v1::Event>& events) {
    for (const auto& event : events) {
      if (full()) return;
      cursor_ = event.sequence();
      if (!task_.empty() && !event.task_id().empty() && event.task_id() != task_) continue;
      if (auto text = text_for(event); !text.empty()) told_.push_back(event_json(event, std::move(text)));
    }
  }

  bool full() const { return told_.size() >= most_; }
  bool empty() const { return told_.empty(); }
  std::uint64_t cursor() const { return cursor_; }
  void set_cursor(std::uint64_t cursor) { cursor_ = cursor; }
  json::array take() { return std::move(told_); }

 private:
  std::string text_for(const v1::Event& event) {
    return valid_utf8(head(join(lines_.lines(event), "\n"), kMostTextBytes));
  }

  static json::object event_json(const v1::Event& event, std::string text) {
    const auto* kind = event.GetDescriptor()->FindFieldByNumber(event.payload_case());
    json::object object{
        {"sequence", event.sequence()},
        {"time", TimeUtil::ToString(event.time())},
        {"elapsed_seconds", static_cast<double>(client::to_milliseconds(event.elapsed()).count()) / 1000},
        {"kind", kind ? kind->name() : "unknown"},
        {"text", std::move(text)}};
    if (event.task_id().empty()) return object;
    object["task"] = event.task_id();
    object["phase"] = domain::phase_name(event.phase());
    return object;
  }

  client::PlainLines lines_;
  std::string task_;
  std::size_t most_;
  std::uint64_t cursor_ = 0;
  json::array told_;
};

/// Waits for something to tell, and no longer.
bool poll_events(Following& following, Telling& telling, std::chrono::seconds time) {
  const auto deadline = Following::Clock::now() + time;
  std::vector<v1::Event> events;
  while (!telling.full()) {
    // Once there is something, only what else is there already is told with it.
    const auto next = following.next(events, telling.empty() ? deadline : Following::Clock::now());
    telling.add(events);
    if (next == Following::Next::ended) return true;
    if (next != Following::Next::events) return false;
  }
  return false;
}

Answer events(const json::object& arguments, Call& call, const Bounds& bounds) {
  Access access(bounds);
  const auto run = access.run(text_of(arguments, "run"));
  const auto after = number_of(arguments, "after", 0);
  Telling telling(run, arguments);
  telling.set_cursor(after);
  Following following(access.daemon(), call, run.id(), after);
  const bool ended =
      poll_events(following, telling, std::chrono::seconds(number_of(arguments, "timeout_seconds", kPollSeconds)));
  const auto cursor = telling.cursor();
  auto told = telling.take();
  const auto text = counted(told.size(), "event") + " of " + run.id() + (ended ? ", which has ended" : "");
  return {text, {{"run_id", run.id()}, {"events", std::move(told)}, {"cursor", cursor}, {"ended", ended}}, false};
}

Answer cancel(const json::object& arguments, const Bounds& bounds) {
  Access access(bounds);
  v1::CancelRunRequest request;
  request.set_run_id(access.run(text_of(arguments, "run")).id());
  request.set_task_id(text_of(arguments, "task"));
  const auto answer = access.daemon().call(request);
  json::array tasks;
  for (const auto& id : answer.task_ids()) tasks.push_back(json::string(id));
  const auto text = "cancelling " + counted(tasks.size(), "task") + " of " + answer.run_id();
  return {text, {{"run_id", answer.run_id()}, {"tasks", std::move(tasks)}}, false};
}

}  // namespace

void add_run_tools(std::vector<Tool>& tools, const Bounds& bounds) {
  tools.push_back(reading_tool({"run_status", "Show runs",
                                "How runs stand, or all about one: its tasks, their reasons, gates, branches, and the "
                                "questions that wait for an answer.",
                                schema(kStatusInput), status_output()},
                               [&bounds](const json::object& arguments, Call&) { return status(arguments, bounds); }));
  tools.push_back(
      reading_tool({"run_events", "Wait for events",
                    "What happened to a run after a cursor; where there is nothing yet, waits for it. Ask again with "
                    "the cursor until ended is true.",
                    schema(kEventsInput), schema(kEventsOutput)},
                   [&bounds](const json::object& arguments, Call& call) { return events(arguments, call, bounds); }));
  tools.push_back(acting_tool(
      {"run_cancel", "Cancel a run", "Ends a run, or one of its tasks. Worktrees and branches stay.",
       schema(kCancelInput),
       schema(
           R"({"type": "object", "properties": {"run_id": {"type": "string"}, "tasks": {"type": "array", "description": "that were asked to end",
         "items": {"type": "string"}}}, "required": ["run_id", "tasks"]})")},
      true, [&bounds](const json::object& arguments, Call&) { return cancel(arguments, bounds); }));
}

}  // namespace fanout::mcp
