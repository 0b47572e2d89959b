#include "server/dashboard/wire.hpp"

#include <google/protobuf/util/json_util.h>

#include <boost/json.hpp>
#include <set>

#include "common/text.hpp"
#include "server/domain/metrics/timeline.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::dashboard {

namespace json = boost::json;
namespace pb = google::protobuf;
namespace v1 = fanout::v1;

namespace {

std::string to_json(pb::Message& message) {
  neutralise(message);
  std::string text;
  const auto status = pb::util::MessageToJsonString(message, &text);
  return status.ok() ? text : "{}";
}

/// What only the daemon needs, or nobody reads here.
void trim(v1::Subagent& agent) {
  agent.clear_usage_ledger();
  agent.clear_left_work();
  agent.clear_untold();
  for (auto& gate : *agent.mutable_gates()) gate.clear_output_tail();
  if (agent.has_report()) agent.mutable_report()->clear_gates();
}

void neutralise_field(pb::Message& message, const pb::FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  const bool text = field.type() == pb::FieldDescriptor::TYPE_STRING;
  const bool nested = field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
  if (!field.is_repeated()) {
    if (text) reflection.SetString(&message, &field, neutral(reflection.GetString(message, &field)));
    if (nested) neutralise(*reflection.MutableMessage(&message, &field));
    return;
  }
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    if (text) reflection.SetRepeatedString(&message, &field, i, neutral(reflection.GetRepeatedString(message, &field, i)));
    if (nested) neutralise(*reflection.MutableRepeatedMessage(&message, &field, i));
  }
}

json::value step_json(const domain::Span& span, const char* name) {
  const auto seconds = [](domain::Moment moment) { return std::chrono::duration<double>(moment).count(); };
  json::object step{{"step", name}, {"begin", seconds(span.begin)}, {"end", seconds(span.end)}};
  if (span.open) step["open"] = true;
  return step;
}

}  // namespace

std::string neutral(std::string_view text) {
  std::string clean;
  for (;;) {
    const auto end = text.find('\n');
    clean += printable(text.substr(0, end));
    if (end == std::string_view::npos) return clean;
    clean += '\n';
    text.remove_prefix(end + 1);
  }
}

void neutralise(pb::Message& message) {
  std::vector<const pb::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const auto* field : fields) neutralise_field(message, *field);
}

std::string run_json(v1::Run run) {
  for (auto& agent : *run.mutable_subagents()) trim(agent);
  return to_json(run);
}

std::string runs_json(const std::vector<v1::Run>& runs) {
  std::string text = "{\"runs\":[";
  for (const auto& run : runs) {
    v1::Run brief;
    brief.set_id(run.id());
    brief.set_name(run.name());
    brief.set_state(run.state());
    brief.set_repository(run.repository());
    *brief.mutable_started_at() = run.started_at();
    if (run.has_ended_at()) *brief.mutable_ended_at() = run.ended_at();
    for (const auto& agent : run.subagents()) {
      auto& task = *brief.add_subagents();
      task.set_phase(agent.phase());
      if (!agent.attention().empty()) task.add_attention();
    }
    text += (&run == &runs.front() ? "" : ",") + to_json(brief);
  }
  return text + "]}";
}

std::string update_json(const v1::Run& run, std::vector<v1::Event> events) {
  std::set<std::string> concerned;
  std::string told;
  for (auto& event : events) {
    if (!event.task_id().empty()) concerned.insert(event.task_id());
    for (const auto& added : event.tasks_added().subagents()) concerned.insert(added.task_id());
    told += (told.empty() ? "" : ",") + to_json(event);
  }
  std::string agents;
  for (const auto& id : concerned) {
    const auto* found = domain::find_subagent(run, id);
    if (!found) continue;
    auto agent = *found;
    trim(agent);
    agents += (agents.empty() ? "" : ",") + to_json(agent);
  }
  auto rest = run;
  rest.clear_subagents();
  return "{\"run\":" + to_json(rest) + ",\"subagents\":[" + agents + "],\"events\":[" + told + "]}";
}

std::string timeline_json(const v1::Run& run) {
  json::array tasks;
  for (const auto& lane : domain::timeline(run)) {
    json::array steps;
    for (const auto& span : lane.spans) steps.push_back(step_json(span, to_string(span.step)));
    json::object task{{"taskId", neutral(lane.task_id)}, {"steps", std::move(steps)}};
    if (lane.issue) task["issue"] = step_json(*lane.issue, "issue");
    tasks.push_back(std::move(task));
  }
  json::object all;
  all["tasks"] = std::move(tasks);
  return json::serialize(all);
}

}  // namespace fanout::dashboard
