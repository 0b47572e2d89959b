#include "client/render/runs.hpp"

#include "client/render/looks.hpp"
#include "client/render/summary.hpp"
#include "client/render/table.hpp"
#include "common/duration.hpp"
#include "common/text.hpp"
#include "server/domain/run/race.hpp"
#include "server/domain/run/repositories.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

std::string run_time(const v1::Run& run, Time now) {
  const auto time = time_of(run, now);
  if (!time) return {};
  return run.state() == v1::RUN_STATE_RUNNING ? ticking(*time) : format_duration(*time);
}

std::string gate_text(const v1::GateResult& gate) {
  const auto time = format_duration(to_milliseconds(gate.duration()));
  if (gate.passed()) return "passed in " + time;
  return "failed in " + time +
         (gate.has_exit_code() ? " with exit code " + std::to_string(gate.exit_code()) : "");
}

/// Empty when no gate has run.
std::vector<std::string> gate_table(const v1::Run& run, const Style& style, std::size_t columns) {
  Table table({{""}, {"TASK", false, 0, 40}, {"GATE", false, 0, 40}, {"RESULT"}});
  bool any = false;
  for (const auto& agent : run.subagents()) {
    for (const auto& gate : agent.gates()) {
      any = true;
      const auto look = look_of(gate.passed() ? v1::PHASE_COMPLETED : v1::PHASE_FAILED);
      table.add({{look.glyph, look.ink},
                 {agent.task_id()},
                 {gate.name()},
                 {gate_text(gate), gate.passed() ? Ink::dim : Ink::plain}});
    }
  }
  return any ? table.lines(style, {columns, true, 1}) : std::vector<std::string>{};
}

/// ", followed: checks pending"; empty where it is not followed.
std::string following_text(const v1::Subagent& agent) {
  const auto& request = agent.pull_request();
  std::string text = request.state().empty() || request.state() == "open" ? "" : ", " + request.state();
  if (request.draft()) text += ", draft";
  if (agent.following().state() == v1::Following::STATE_WATCHING) text += ", followed";
  if (!request.checks().empty()) text += ", checks " + request.checks();
  if (!request.review().empty()) text += ", review " + request.review();
  if (!agent.following().reason().empty()) text += ": " + agent.following().reason();
  return text;
}

/// What each task has at the tracker; empty when the run has none.
std::vector<std::string> tracker_table(const v1::Run& run, const Style& style, std::size_t columns) {
  if (run.tracker_repository().empty()) return {};
  Table table({{""}, {"TASK", false, 0, 40}, {"ISSUE AND PULL REQUEST"}});
  const auto add = [&](const v1::Subagent& agent, const Cell& glyph, const std::string& text, Ink ink) {
    table.add({glyph, {agent.task_id()}, {text, ink}});
  };
  if (run.has_tracking_issue()) {
    table.add({{run.tracking_issue().closed() ? "✓" : " ", Ink::green}, {"all", Ink::dim}, {run.tracking_issue().url(), Ink::dim}});
  }
  for (const auto& agent : run.subagents()) {
    const Cell done{agent.issue().closed() ? "✓" : " ", Ink::green};
    if (agent.has_issue()) add(agent, done, agent.issue().url(), Ink::dim);
    if (agent.has_pull_request()) add(agent, {" "}, agent.pull_request().url() + following_text(agent), Ink::plain);
    for (const auto& fault : agent.tracker_faults()) add(agent, {"!", Ink::yellow}, fault, Ink::yellow);
  }
  return table.lines(style, {columns, true, 4});
}

void append(std::vector<std::string>& lines, std::vector<std::string> more) {
  for (auto& line : more) lines.push_back(std::move(line));
}

std::vector<std::string> facts(const v1::Run& run, const Style& style, std::size_t columns) {
  Table table({{""}, {""}});
  const auto fact = [&](const char* name, const std::string& value) {
    if (!value.empty()) table.add({{name, Ink::dim}, {value}});
  };
  fact("run", run.id());
  fact("plan", run.plan_path());
  if (run.repositories_size() < 2) {
    fact("repository", run.repository());
    fact("base", base_of(run));
    fact("tracker", run.tracker_repository());
  }
  for (int i = 0; run.repositories_size() > 1 && i < run.repositories_size(); ++i) {
    const auto& one = run.repositories(i);
    auto text = shown_repository(one.name(), one.path()) + ": " + one.path() + ", " + base_of(domain::in_repository(run, one.name()));
    if (!one.tracker_repository().empty()) text += ", " + one.tracker_repository();
    fact(i == 0 ? "repositories" : " ", text);
  }
  if (run.open()) fact("tasks", "more may come: the plan is still being written");
  if (!run.waiting_for().empty()) fact("queued", "waits for " + run.waiting_for());
  return table.lines(style, {columns, false, 2});
}

}  // namespace

std::vector<std::string> run_table(const std::vector<v1::Run>& runs, Time now, const Style& style,
                                   std::size_t columns) {
  Table table({{""}, {"RUN"}, {"STATE"}, {"DONE", true}, {"TIME", true}, {"STARTED"}, {"PLAN"}});
  for (const auto& run : runs) {
    const auto look = look_of(run.state());
    table.add({{look.glyph, look.ink},
               {run.id()},
               {look.word, look.ink},
               {std::to_string(count_done(run)) + "/" + std::to_string(domain::count_tasks(run))},
               {run_time(run, now), Ink::dim},
               {run.has_started_at() ? ago(to_time(run.started_at()), now) : "", Ink::dim},
               {run.name(), Ink::dim}});
  }
  return table.lines(style, {columns, true, 1});
}

std::vector<std::string> run_details(const v1::Run& run, Time now, const Style& style, std::size_t columns) {
  const auto look = look_of(run.state());
  Line title(style, columns);
  title.add(std::string(look.glyph) + " " + look.word, look.ink).add("  ");
  title.add(run.name().empty() ? run.id() : run.name(), Ink::bold).add("  " + outcome_sentence(run, now));
  std::vector<std::string> lines{title.text(), ""};
  append(lines, facts(run, style, columns));
  lines.emplace_back();
  append(lines, task_table(run, now, style, columns));
  for (auto& more : {gate_table(run, style, columns), tracker_table(run, style, columns), tracker_lines(run, style)}) {
    if (more.empty()) continue;
    lines.emplace_back();
    append(lines, more);
  }
  return lines;
}

}  // namespace fanout::client
