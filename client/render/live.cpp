#include "client/render/live.hpp"

#include <algorithm>
#include <set>

#include "client/render/arrangement.hpp"
#include "client/render/attention.hpp"
#include "client/render/looks.hpp"
#include "client/render/rows.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"
#include "server/domain/run/usage_text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kAiryRows = 10;  // from here on there is room for blank lines, hints and questions

struct Counts {
  std::size_t completed = 0, working = 0, pending = 0, failed = 0, held = 0, skipped = 0, asking = 0;

  void add(const v1::Subagent& agent) {
    const auto phase = agent.phase();
    if (domain::is_contender(agent) && agent.attention().empty()) return;  // its task counts
    if (!agent.attention().empty())
      ++asking;
    else if (phase == v1::PHASE_COMPLETED)
      ++completed;
    else if (phase == v1::PHASE_SKIPPED)
      ++skipped;
    else if (phase == v1::PHASE_FAILED)
      ++failed;
    else if (phase == v1::PHASE_PENDING)
      ++pending;
    else if (at_work(phase))
      ++working;
    else
      ++held;
  }
};

/// "2 completed · 3 at work".
void add_counts(Line& line, const Counts& counts) {
  bool first = true;
  const auto part = [&](std::size_t count, const char* word, Ink ink) {
    if (count == 0) return;
    if (!std::exchange(first, false)) line.add(" · ", Ink::dim);
    line.add(std::to_string(count) + " " + word, ink);
  };
  part(counts.completed, "completed", Ink::green);
  part(counts.asking, "waiting for you", Ink::magenta);
  part(counts.working, "at work", Ink::cyan);
  part(counts.pending, "pending", Ink::dim);
  part(counts.failed, "failed", Ink::red);
  part(counts.held, "held up", Ink::yellow);
  part(counts.skipped, "skipped", Ink::dim);
}

std::string header(const v1::Run& run, const View& view, std::size_t columns) {
  Line line(view.style, columns);
  line.add(run.name().empty() ? run.id() : run.name(), Ink::bold);
  line.add("  " + run.id(), Ink::dim).add("  " + base_of(run), Ink::dim);
  return line.text();
}

std::string footer(const v1::Run& run, const View& view, std::size_t columns) {
  Counts counts;
  for (const auto& agent : run.subagents()) counts.add(agent);
  Line line(view.style, columns);
  line.pad_to(2);
  add_counts(line, counts);
  if (const auto time = time_of(run, view.now)) line.add(" · " + ticking(*time), Ink::dim);
  if (const auto used = domain::usage_text(run); !used.empty()) line.add(" · " + used, Ink::dim);
  if (run.open()) line.add(" · more tasks may come", Ink::dim);
  constexpr std::string_view hint = "Ctrl-C leaves, the run goes on";
  if (!run.tracker_waiting().empty()) {
    line.add(" · " + printable(run.tracker_waiting()), Ink::yellow);
  } else if (!view.surroundings.empty()) {
    line.add(" · " + view.surroundings, Ink::dim);
  } else if (!view.keys && line.room() > hint.size() + 2) {
    line.pad_to(columns - hint.size()).add(hint, Ink::dim);
  }
  return line.text();
}

/// What the keys do just now.
std::string hints(const v1::Run& run, const View& view, std::size_t columns) {
  Line line(view.style, columns);
  line.pad_to(2);
  if (!view.below.empty()) return line.add(view.below).text();
  const bool selected = !view.selected.empty();
  line.add(selected ? "enter log · r retry · c cancel · esc none · " : "↑↓ select · enter log · ", Ink::dim);
  if (asking(run, view.selected)) line.add("a answer · ", Ink::dim);
  return line.add("q leave, the run goes on", Ink::dim).text();
}

/// What an agent asks, and which keys answer it. Empty: nobody asks.
std::vector<std::string> question(const v1::Run& run, const View& view, std::size_t columns) {
  const auto* agent = asking(run, view.selected);
  if (!agent) return {};
  Line asks(view.style, columns);
  asks.add("? ", Ink::magenta).add(agent->task_id(), Ink::bold).add(" asks: " + asked_in_words(agent->attention(0)));
  Line keys(view.style, columns);
  keys.pad_to(2).add(answer_keys(agent->attention(0)), Ink::dim);
  return {asks.text(), keys.text()};
}

std::string left_out(const v1::Run& run, const std::vector<Placed>& shown, const View& view, std::size_t columns) {
  std::set<int> indices;
  for (const auto& placed : shown) indices.insert(placed.index);
  Counts counts;
  for (int i = 0; i < run.subagents_size(); ++i) {
    if (!indices.contains(i)) counts.add(run.subagents(i));
  }
  Line line(view.style, columns);
  const auto left = static_cast<std::size_t>(run.subagents_size()) - shown.size();
  line.add("  … and " + std::to_string(left) + " more: ", Ink::dim);
  add_counts(line, counts);
  return line.text();
}

/// The rows of those that there is room for, and a line that counts the rest.
std::vector<std::string> rows_within(const v1::Run& run, const View& view, std::size_t columns, std::size_t room) {
  const auto all = arranged(run);
  const auto count = all.size() <= room ? all.size() : room - std::min<std::size_t>(1, room);
  const auto selected = std::find_if(all.begin(), all.end(), [&](const auto& placed) {
    return run.subagents(placed.index).task_id() == view.selected;
  });
  const auto place = static_cast<std::size_t>(selected - all.begin());
  const auto shown = chosen(run, all, count, selected == all.end() ? nullptr : &place);
  auto lines = task_rows(run, shown, view, columns);
  if (shown.size() < all.size() && room > 0) lines.push_back(left_out(run, shown, view, columns));
  return lines;
}

std::string place_in_queue(const v1::Subagent& agent) {
  if (agent.queue_position() == 0) return {};
  return agent.queue_position() == 1 ? "; next in the queue" : "; number " + std::to_string(agent.queue_position()) + " in the queue";
}

std::string awaited(const v1::Subagent& agent, const v1::Run& run) {
  std::vector<std::string> open;
  for (const auto& id : agent.dependencies()) {
    const auto* other = domain::find_subagent(run, id);
    if (!other) open.push_back(id + " (not here yet)");
    else if (!domain::is_success(other->phase())) open.push_back(id);
  }
  return open.empty() ? "" : "waits for " + join(open, ", ");
}

/// What becomes of a completed task's pull request, while that is still open.
std::string followed(const v1::Subagent& agent) {
  if (agent.following().state() != v1::Following::STATE_WATCHING) {
    return agent.following().state() == v1::Following::STATE_MERGED ? " · merged" : "";
  }
  const auto& request = agent.pull_request();
  auto text = " · #" + std::to_string(request.number());
  if (!request.checks().empty()) text += " checks " + request.checks();
  return text + (request.review().empty() ? "" : ", review " + request.review());
}

/// Of one that raced and whose gates passed: its branch is gone, once the race is decided.
std::string race_outcome(const v1::Subagent& agent, const v1::Run& run) {
  const auto* task = domain::find_subagent(run, agent.race_of());
  if (!task || task->race_winner().empty()) return "its gates have passed";
  return task->race_winner() == agent.task_id() ? "won the race for " + agent.race_of() : "its gates have passed, but " + task->race_winner() + " won";
}

}  // namespace

std::string message_of(const v1::Subagent& agent, const v1::Run& run) {
  if (domain::is_contender(agent) && agent.phase() == v1::PHASE_COMPLETED) return race_outcome(agent, run);
  if (agent.phase() == v1::PHASE_COMPLETED) {
    const auto commits = agent.commit_count() == 0 ? "" : numbered(agent.commit_count(), "commit") + " on ";
    return commits + agent.branch() + followed(agent);
  }
  if (domain::is_end(agent.phase())) return agent.reason();
  if (!agent.waiting_for().empty()) return "waits for " + agent.waiting_for() + place_in_queue(agent);
  if (agent.phase() == v1::PHASE_PENDING) {
    const auto tasks = awaited(agent, run);
    return tasks.empty() && !run.waiting_for().empty() ? "waits with its run for " + run.waiting_for() : tasks;
  }
  if (!agent.condition_text().empty()) return agent.condition_text();
  return agent.last_message();
}

std::vector<std::string> frame(const v1::Run& run, const View& view) {
  const auto columns = std::max<std::size_t>(view.columns, 2) - 1;
  const auto rows = std::max<std::size_t>(view.rows, 2) - 1;
  const bool airy = view.rows >= kAiryRows;
  std::vector<std::string> lines, below;
  if (rows >= 2) lines.push_back(header(run, view, columns));
  if (airy) lines.emplace_back();
  if (airy) below.emplace_back();
  if (airy && view.keys) {
    for (auto& line : question(run, view, columns)) below.push_back(std::move(line));
  }
  if (airy || view.below.empty()) below.push_back(footer(run, view, columns));
  if (view.keys && (airy || !view.below.empty())) below.push_back(hints(run, view, columns));
  const auto room = rows - std::min(rows, lines.size() + below.size());
  for (auto& line : rows_within(run, view, columns, room)) lines.push_back(std::move(line));
  for (auto& line : below) lines.push_back(std::move(line));
  return lines;
}

}  // namespace fanout::client
