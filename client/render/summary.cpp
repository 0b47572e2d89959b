#include "client/render/summary.hpp"

#include <algorithm>
#include <map>

#include "client/render/live.hpp"
#include "client/render/looks.hpp"
#include "client/render/table.hpp"
#include "common/duration.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"
#include "server/domain/run/usage_text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kReasonLines = 4;
constexpr std::size_t kMostIdColumns = 40;
constexpr std::size_t kMostNamed = 5;

bool needs_quotes(const std::string& word) {
  return word.empty() || word.find_first_not_of(
                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789@%+=:,./_-") != std::string::npos;
}

std::string word(const std::string& text) { return needs_quotes(text) ? shell_quoted(text) : text; }

std::string count_or_blank(const v1::Subagent& agent, std::size_t count) {
  return agent.has_report() || count > 0 ? std::to_string(count) : "";
}

const v1::Subagent* first_failure(const v1::Run& run) {
  const v1::Subagent* first = nullptr;
  for (const auto& agent : run.subagents()) {
    if (domain::is_contender(agent)) continue;
    if (agent.phase() == v1::PHASE_FAILED) return &agent;
    if (!first && domain::is_end(agent.phase()) && !domain::is_success(agent.phase())) first = &agent;
  }
  return first;
}

/// Where the cause can be read, when something ran at all: of a race that nobody won, with the first that failed.
std::string logs_command(const v1::Run& run, const v1::Subagent& agent) {
  if (agent.ended_in() == v1::PHASE_IMPLEMENTING && agent.race_winner().empty()) {
    for (const auto* racing : domain::contenders_of(run, agent.task_id())) {
      if (racing->phase() == v1::PHASE_FAILED) return logs_command(run, *racing);
    }
  }
  const auto command = "fanout logs " + word(run.id()) + " " + word(agent.task_id());
  for (const auto& gate : agent.gates()) {
    if (!gate.passed() && !gate.log().empty()) return command + " --log " + word(gate.log());
  }
  const bool ran = agent.ended_in() == v1::PHASE_IMPLEMENTING || agent.ended_in() == v1::PHASE_TESTING;
  return ran ? command : "";
}

/// Whether some task's branch waits to be looked at.
bool has_work(const v1::Run& run) {
  return std::any_of(run.subagents().begin(), run.subagents().end(),
                     [](const auto& agent) {
                       return !domain::is_contender(agent) && agent.phase() == v1::PHASE_COMPLETED && !agent.branch().empty();
                     });
}

}  // namespace

std::string tokens_of(const v1::Subagent& agent) {
  const auto tokens = agent.usage().input_tokens() + agent.usage().output_tokens();
  return tokens > 0 ? domain::tokens_text(tokens) : "";
}

std::string short_cost(const v1::AgentUsage& usage) {
  const auto text = domain::cost_text(usage);
  if (text == "cost unknown") return "?";
  const auto more = text.find(" + ");
  return more == std::string::npos ? text : text.substr(0, more) + " + ?";
}

std::vector<std::string> task_table(const v1::Run& run, Time now, const Style& style, std::size_t columns) {
  const bool running = run.state() == v1::RUN_STATE_RUNNING;
  // Only where agents tell what they use.
  const bool usage = std::any_of(run.subagents().begin(), run.subagents().end(), [](const auto& agent) { return agent.has_usage(); });
  RepositoryTitles repositories(run);
  std::vector<Column> titles;
  if (repositories.several()) titles.push_back({"REPOSITORY", false, 0, kMostIdColumns});
  titles.insert(titles.end(), {{""},
                               {"TASK", false, 0, kMostIdColumns},
                               {running ? "PHASE" : "OUTCOME"},
                               {"TIME", true},
                               {"COMMITS", true},
                               {"FILES", true}});
  if (usage) titles.insert(titles.end(), {{"TOKENS", true}, {"COST", true}});
  titles.push_back({running ? "BRANCH OR MESSAGE" : "BRANCH OR REASON"});
  Table table(std::move(titles));
  for (const auto* one : by_repository(run)) {
    const auto& agent = *one;
    const auto look = look_in(run, agent);
    const bool success = domain::is_success(agent.phase());
    std::vector<Cell> row;
    if (repositories.several()) row.push_back({repositories.of(agent.repository()), Ink::bold});
    row.insert(row.end(), {{look.glyph, look.ink},
                           {agent.task_id()},
                           {look.word, look.ink},
                           {shown_time(agent, now), Ink::dim},
                           {count_or_blank(agent, agent.commit_count()), Ink::dim},
                           {count_or_blank(agent, agent.report().file_count()), Ink::dim}});
    if (usage) row.push_back({tokens_of(agent), Ink::dim});
    if (usage) row.push_back({short_cost(agent.usage()), Ink::dim});
    row.push_back({success && !agent.branch().empty() && !domain::is_contender(agent) ? agent.branch() : message_of(agent, run),
                   success ? Ink::dim : Ink::plain});
    table.add(std::move(row));
  }
  return table.lines(style, {columns, true, kReasonLines});
}

std::string outcome_sentence(const v1::Run& run, Time now) {
  const auto total = domain::count_tasks(run);
  const auto time = time_of(run, now);
  const bool running = run.state() == v1::RUN_STATE_RUNNING;
  auto sentence = std::to_string(count_done(run)) + " of " + numbered(total, "task") + " completed";
  if (time)
    sentence += (running ? ", running for " : " in ") + (running ? ticking(*time) : format_duration(*time));
  if (const auto used = domain::usage_text(run); !used.empty()) sentence += "; " + used;
  return sentence;
}

std::vector<std::string> summary(const v1::Run& run, Time now, const Style& style, std::size_t columns) {
  const auto look = look_of(run.state());
  Line title(style, columns);
  title.add(std::string(look.glyph) + " " + look.word, look.ink).add("  ");
  title.add(run.name().empty() ? run.id() : run.name(), Ink::bold).add("  " + outcome_sentence(run, now));
  std::vector<std::string> lines{title.text(), ""};
  for (auto& line : task_table(run, now, style, columns)) lines.push_back(std::move(line));
  for (auto& more : {sandbox_lines(run, style), budget_lines(run, style), tracker_lines(run, style), next_lines(run, style)}) {
    if (more.empty()) continue;
    lines.emplace_back();
    lines.insert(lines.end(), more.begin(), more.end());
  }
  return lines;
}

/// "sandbox: workspace", and of each other level who is in it and why; then what changed outside worktrees.
std::vector<std::string> sandbox_lines(const v1::Run& run, const Style& style) {
  std::map<std::pair<v1::SandboxLevel, std::string>, std::vector<std::string>> tasks;
  for (const auto& agent : run.subagents()) {
    if (agent.sandbox() != v1::SANDBOX_LEVEL_UNSPECIFIED) tasks[{agent.sandbox(), agent.sandbox_reason()}].push_back(agent.task_id());
  }
  std::vector<std::string> lines;
  for (const auto& [kind, ids] : tasks) {
    auto text = "sandbox: " + std::string(sandbox_word(kind.first));
    if (tasks.size() > 1) text += " for " + (ids.size() > kMostNamed ? numbered(ids.size(), "task") : join(ids, ", "));
    if (!kind.second.empty()) text += ", since " + kind.second;
    lines.push_back(Line(style).add(printable(text), kind.second.empty() ? Ink::dim : Ink::yellow).text());
  }
  for (const auto& agent : run.subagents()) {
    for (const auto& escape : agent.escapes()) lines.push_back(Line(style).add(printable(agent.task_id() + ": " + escape), Ink::red).text());
  }
  return lines;
}

std::vector<std::string> budget_lines(const v1::Run& run, const Style& style) {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& who, const auto& notes) {
    for (const auto& note : notes) lines.push_back(Line(style).add(printable(who + note), Ink::yellow).text());
  };
  add("", run.budget_notes());
  for (const auto& agent : run.subagents()) add(agent.task_id() + ": ", agent.budget_notes());
  return lines;
}

std::vector<std::string> tracker_lines(const v1::Run& run, const Style& style) {
  const auto& repository = run.tracker_repository();
  if (repository.empty()) return {};
  std::size_t issues = 0, requests = 0, faults = 0;
  for (const auto& agent : run.subagents()) {
    issues += agent.has_issue();
    requests += agent.has_pull_request();
    faults += static_cast<std::size_t>(agent.tracker_faults_size());
  }
  Line line(style);
  line.add(printable(repository) + ": " + numbered(issues, "issue") + ", " + numbered(requests, "pull request"), Ink::dim);
  if (faults > 0) line.add("; " + numbered(faults, "step") + " refused", Ink::yellow);
  if (run.tracker_pending() > 0) line.add("; " + numbered(run.tracker_pending(), "step") + " left", Ink::yellow);
  std::vector<std::string> lines{line.text()};
  if (!run.tracker_waiting().empty()) lines.push_back(Line(style).add(printable(run.tracker_waiting()), Ink::yellow).text());
  return lines;
}

std::vector<std::string> next_steps(const v1::Run& run) {
  const auto id = word(run.id());
  std::vector<std::string> steps;
  if (run.state() == v1::RUN_STATE_RUNNING) {
    const bool asks = std::any_of(run.subagents().begin(), run.subagents().end(),
                                  [](const auto& agent) { return !agent.attention().empty(); });
    if (asks) steps.push_back("fanout answer " + id);
    steps.insert(steps.end(), {"fanout watch " + id, "fanout cancel " + id});
    if (run.open()) steps.push_back("fanout extend " + id + " --close");
    return steps;
  }
  if (const auto* failure = first_failure(run)) {
    steps = {logs_command(run, *failure), "fanout retry " + id};
  } else {
    steps = {has_work(run) ? "fanout review " + id : "", has_work(run) ? "fanout merge " + id : "fanout status " + id};
  }
  if (run.tracker_pending() > 0) steps.push_back("fanout sync " + id);
  std::erase(steps, "");
  return steps;
}

std::vector<std::string> next_lines(const v1::Run& run, const Style& style) { return step_lines(next_steps(run), style); }

std::vector<std::string> step_lines(const std::vector<std::string>& steps, const Style& style) {
  std::vector<std::string> lines;
  for (const auto& step : steps) {
    // Never cut: it is there to be copied.
    lines.push_back(Line(style).add(lines.empty() ? "Next:  " : "       ", Ink::dim).add(step).text());
  }
  return lines;
}

}  // namespace fanout::client
