#include "client/render/report.hpp"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "client/render/branches.hpp"
#include "client/render/json.hpp"
#include "client/render/looks.hpp"
#include "client/render/summary.hpp"
#include "client/render/times.hpp"
#include "common/duration.hpp"
#include "common/text.hpp"
#include "server/domain/run/usage_text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;
using namespace document;

namespace {

constexpr std::size_t kMostCommand = 160, kMostPrompt = 16u << 10, kMostWords = 2000;
constexpr int kMostFiles = 100;

const v1::BranchState* state_of(const Evidence& evidence, const std::string& task) {
  for (const auto& state : evidence.review.tasks()) {
    if (state.task_id() == task) return &state;
  }
  return nullptr;
}

std::string duration_of(const google::protobuf::Duration& duration) { return format_duration(to_milliseconds(duration)); }

/// By the clocks of the events: a report says how long it took, not how long ago.
std::string time_of(const v1::Subagent& agent) {
  const auto time = client::time_of(agent, agent.has_ended_at() ? to_time(agent.ended_at()) : std::chrono::system_clock::now());
  return time ? format_duration(*time) : "";
}

std::string size_of(const v1::Subagent& agent, const v1::BranchState* state) {
  if (state && state->file_count() > 0) return change_text(*state);
  return agent.has_report() ? numbered(agent.report().file_count(), "file") : "";
}

std::string gates_of(const v1::Subagent& agent) {
  if (agent.gates().empty()) return "";
  const auto passed = std::count_if(agent.gates().begin(), agent.gates().end(), [](const auto& gate) { return gate.passed(); });
  return std::to_string(passed) + " of " + std::to_string(agent.gates_size()) + " passed";
}

Table overview(const Evidence& evidence) {
  Table table{{"Task", "Outcome", "Time", "Commits", "Change", "Gates", "Used"}, {}};
  for (const auto& agent : evidence.run.subagents()) {
    const auto look = look_in(evidence.run, agent);
    table.rows.push_back({{agent.task_id(), true},
                          {std::string(look.glyph) + " " + look.word},
                          {time_of(agent)},
                          {agent.commit_count() > 0 ? std::to_string(agent.commit_count()) : ""},
                          {size_of(agent, state_of(evidence, agent.task_id()))},
                          {gates_of(agent)},
                          {domain::usage_text(evidence.run, agent)}});
  }
  return table;
}

std::string branch_sentence(const v1::Subagent& agent, const v1::BranchState* state) {
  if (agent.branch().empty()) return "";
  std::string text = "Branch " + agent.branch();
  if (state && !state->head_commit().empty()) text += " at " + short_commit(state->head_commit());
  if (!agent.report().pushed_to().empty()) text += ", pushed to " + agent.report().pushed_to();
  if (agent.has_pull_request()) text += ", pull request " + agent.pull_request().url();
  if (state && state->readiness() == v1::BranchState::READINESS_MERGED) text += ", merged: " + state->reason();
  if (state && state->readiness() == v1::BranchState::READINESS_CONFLICT) text += ": " + state->reason();
  return text + ".";
}

std::string result_of(const RanCommand& command) {
  if (!command.has_ended) return "under way";
  const auto& ended = command.ended;
  if (ended.timed_out()) return "ended by its deadline";
  if (ended.signal() != 0) return "signal " + std::to_string(ended.signal());
  return "exit " + std::to_string(ended.exit_code());
}

Table commands_of(const std::vector<RanCommand>& commands) {
  Table table{{"Attempt", "What", "Command", "Result", "Time"}, {}};
  for (const auto& command : commands) {
    table.rows.push_back({{std::to_string(command.attempt)},
                          {command.started.role()},
                          {fit(printable(command.started.command()), kMostCommand), true},
                          {result_of(command)},
                          {command.has_ended ? duration_of(command.ended.duration()) : ""}});
  }
  return table;
}

Table commits_of(const google::protobuf::RepeatedPtrField<v1::Commit>& commits) {
  Table table{{"Commit", ""}, {}};
  for (const auto& commit : commits) table.rows.push_back({{short_commit(commit.id()), true}, {commit.summary()}});
  return table;
}

Table files_of(const google::protobuf::RepeatedPtrField<v1::FileChange>& files) {
  Table table{{"File", "+", "-"}, {}};
  for (int i = 0; i < std::min(files.size(), kMostFiles); ++i) {
    const auto& file = files[i];
    table.rows.push_back({{file.path(), true},
                          {file.has_added() ? std::to_string(file.added()) : ""},
                          {file.has_deleted() ? std::to_string(file.deleted()) : ""}});
  }
  return table;
}

void add_task(Document& document, const Evidence& evidence, const v1::Subagent& agent) {
  const auto look = look_in(evidence.run, agent);
  const auto* state = state_of(evidence, agent.task_id());
  const auto title = agent.title().empty() ? agent.task_id() : agent.task_id() + ": " + agent.title();
  document.push_back(Heading{3, std::string(look.glyph) + " " + title});
  if (!agent.reason().empty()) document.push_back(Paragraph{look.word + ": " + agent.reason()});
  if (const auto sentence = branch_sentence(agent, state); !sentence.empty()) document.push_back(Paragraph{sentence});
  const auto words = tail(agent.report().summary(), kMostWords);
  if (!trimmed(words).empty()) document.push_back(Quote{std::string(trimmed(words))});
  const auto& commits = state && state->commits_size() > 0 ? state->commits() : agent.report().commits();
  const auto& files = state && state->files_size() > 0 ? state->files() : agent.report().files();
  if (!commits.empty()) document.push_back(commits_of(commits));
  if (!files.empty()) document.push_back(files_of(files));
  if (const auto found = evidence.commands.find(agent.task_id()); found != evidence.commands.end()) document.push_back(commands_of(found->second));
  for (const auto& gate : agent.gates()) {
    if (!gate.passed() && !gate.output_tail().empty()) document.push_back(Folded{"What gate " + gate.name() + " printed last", gate.output_tail()});
  }
  if (const auto asked = evidence.prompts.find(agent.task_id()); asked != evidence.prompts.end()) {
    document.push_back(Folded{"What was asked", head(asked->second, kMostPrompt)});
  }
}

/// Every plain field of it, with those that say who and when.
std::string json_of(const RanCommand& command) {
  return "{\"attempt\":" + std::to_string(command.attempt) + ",\"started\":" + to_json(command.started) +
         (command.has_ended ? ",\"ended\":" + to_json(command.ended) : "") + "}";
}

std::string json_of(const std::string& text) {
  google::protobuf::Value value;
  value.set_string_value(valid_utf8(text));
  return to_json(value);
}

}  // namespace

void collect(Evidence& evidence, const v1::Event& event) {
  if (event.task_id().empty()) return;
  auto& commands = evidence.commands[event.task_id()];
  if (event.has_command_started()) commands.push_back({event.attempt(), event.command_started(), {}, false});
  if (event.has_command_ended()) {
    const auto same = std::find_if(commands.rbegin(), commands.rend(), [&](const RanCommand& command) {
      return command.attempt == event.attempt() && command.started.program() == event.command_ended().program();
    });
    if (same == commands.rend()) return;
    same->ended = event.command_ended();
    same->has_ended = true;
  }
  if (commands.empty()) evidence.commands.erase(event.task_id());
}

Document report_of(const Evidence& evidence) {
  const auto& run = evidence.run;
  const auto now = run.has_ended_at() ? to_time(run.ended_at()) : std::chrono::system_clock::now();
  Document document;
  document.push_back(Heading{2, run.name().empty() ? run.id() : run.name()});
  document.push_back(Paragraph{outcome_sentence(run, now) + "."});
  document.push_back(Paragraph{"Run " + run.id() + " of " + run.plan_path() + ", from " + base_of(run) + ", begun " +
                               google::protobuf::util::TimeUtil::ToString(google::protobuf::util::TimeUtil::SecondsToTimestamp(run.started_at().seconds())) + "."});
  document.push_back(overview(evidence));
  for (const auto& collision : evidence.review.collisions()) {
    std::vector<std::string> files;
    for (const auto& file : collision.files()) files.push_back(file.path());
    document.push_back(Paragraph{collision.first() + " and " + collision.second() + " conflict with each other in " + join(files, ", ") + "."});
  }
  for (const auto& agent : run.subagents()) add_task(document, evidence, agent);
  return document;
}

std::string report_json(const Evidence& evidence) {
  auto json = "{\"run\":" + to_json(evidence.run) + ",\"review\":" + to_json(evidence.review) + ",\"tasks\":[";
  for (const auto& agent : evidence.run.subagents()) {
    if (!json.ends_with('[')) json += ",";
    json += "{\"taskId\":" + json_of(agent.task_id());
    if (const auto asked = evidence.prompts.find(agent.task_id()); asked != evidence.prompts.end()) json += ",\"prompt\":" + json_of(asked->second);
    json += ",\"commands\":[";
    if (const auto found = evidence.commands.find(agent.task_id()); found != evidence.commands.end()) {
      for (const auto& command : found->second) json += (json.ends_with('[') ? "" : ",") + json_of(command);
    }
    json += "]}";
  }
  return json + "]}";
}

}  // namespace fanout::client
