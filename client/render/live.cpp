#include "client/render/live.hpp"

#include <algorithm>
#include <numeric>

#include "client/render/looks.hpp"
#include "client/render/table.hpp"
#include "common/duration.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kAiryRows = 10;      // from here on there is room for blank lines
constexpr std::size_t kPhaseColumns = 12;  // "implementing": the column keeps its place while phases change
constexpr std::size_t kDurationColumns = 6;

/// Who is shown when not all can be: who waits for a person, those at work, then what needs a person.
int importance(v1::Phase phase) {
  if (at_work(phase)) return 0;
  if (phase == v1::PHASE_PENDING) return 2;
  if (phase == v1::PHASE_COMPLETED) return 3;
  if (phase == v1::PHASE_SKIPPED) return 4;
  return 1;
}

int importance_of(const v1::Subagent& agent) { return agent.attention().empty() ? importance(agent.phase()) : -1; }

/// The indices of the `count` most important subagents, in plan order.
std::vector<int> chosen(const v1::Run& run, std::size_t count) {
  std::vector<int> indices(static_cast<std::size_t>(run.subagents_size()));
  std::iota(indices.begin(), indices.end(), 0);
  if (indices.size() <= count) return indices;
  std::stable_sort(indices.begin(), indices.end(), [&](int a, int b) {
    return importance_of(run.subagents(a)) < importance_of(run.subagents(b));
  });
  indices.resize(count);
  std::sort(indices.begin(), indices.end());
  return indices;
}

struct Counts {
  std::size_t completed = 0, working = 0, pending = 0, failed = 0, held = 0, skipped = 0, asking = 0;

  void add(const v1::Subagent& agent) {
    const auto phase = agent.phase();
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
  std::string_view hint = "Ctrl-C leaves, the run goes on";
  Counts counts;
  for (const auto& agent : run.subagents()) counts.add(agent);
  if (counts.asking > 0) hint = "y allows, n denies, a number chooses";
  Line line(view.style, columns);
  line.pad_to(2);
  add_counts(line, counts);
  if (const auto time = time_of(run, view.now)) line.add(" · " + ticking(*time), Ink::dim);
  if (!run.tracker_waiting().empty()) {
    line.add(" · " + printable(run.tracker_waiting()), Ink::yellow);
  } else if (line.room() > hint.size() + 2) {
    line.pad_to(columns - hint.size()).add(hint, Ink::dim);
  }
  return line.text();
}

std::string left_out(const v1::Run& run, const std::vector<int>& shown, const View& view,
                     std::size_t columns) {
  Counts counts;
  auto next = shown.begin();
  for (int i = 0; i < run.subagents_size(); ++i) {
    if (next != shown.end() && *next == i)
      ++next;
    else
      counts.add(run.subagents(i));
  }
  Line line(view.style, columns);
  const auto left = static_cast<std::size_t>(run.subagents_size()) - shown.size();
  line.add("  … and " + std::to_string(left) + " more: ", Ink::dim);
  add_counts(line, counts);
  return line.text();
}

std::vector<std::string> task_lines(const v1::Run& run, const std::vector<int>& shown, const View& view,
                                    std::size_t columns) {
  std::size_t widest = 0;  // of all tasks, so that columns stay where they are when others are shown
  for (const auto& agent : run.subagents())
    widest = std::max(widest, display_width(printable(agent.task_id())));
  const auto most = std::max<std::size_t>(8, columns / 3);
  Table table({{""},
               {"", false, std::min(widest, most), most},
               {"", false, kPhaseColumns},
               {"", true, kDurationColumns},
               {""}});
  for (const int i : shown) {
    const auto& agent = run.subagents(i);
    const auto look = look_of(agent);
    const bool speaks = agent.phase() == v1::PHASE_IMPLEMENTING || importance(agent.phase()) == 1;
    table.add({{look.glyph, look.ink},
               {agent.task_id(), at_work(agent.phase()) ? Ink::bold : Ink::plain},
               {look.word, look.ink},
               {shown_time(agent, view.now), Ink::dim},
               {message_of(agent, run), speaks ? Ink::plain : Ink::dim}});
  }
  const std::string margin(std::min<std::size_t>(2, columns), ' ');
  auto lines = table.lines(view.style, {columns - margin.size(), false, 1});
  for (auto& line : lines) line = line.empty() ? line : margin + line;
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
    if (!other || !domain::is_success(other->phase())) open.push_back(id);
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

}  // namespace

std::string message_of(const v1::Subagent& agent, const v1::Run& run) {
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
  std::vector<std::string> lines;
  const auto around = std::min<std::size_t>(airy ? 4 : 2, rows);
  const auto room = rows - around;
  const auto tasks = static_cast<std::size_t>(run.subagents_size());
  const auto shown = chosen(run, tasks <= room ? tasks : room - std::min<std::size_t>(1, room));
  if (rows >= 2) lines.push_back(header(run, view, columns));
  if (airy) lines.emplace_back();
  for (auto& line : task_lines(run, shown, view, columns)) lines.push_back(std::move(line));
  if (shown.size() < tasks && room > 0) lines.push_back(left_out(run, shown, view, columns));
  if (airy) lines.emplace_back();
  lines.push_back(footer(run, view, columns));
  return lines;
}

/// After a terminal became narrower, most of them have broken the old lines anew.
std::string Canvas::to_start(std::size_t columns) const {
  std::size_t rows = 0;
  for (const auto& line : drawn_) {
    const auto width = display_width(printable(line));
    rows += width == 0 || columns == 0 ? 1 : (width + columns - 1) / columns;
  }
  return rows == 0 ? "\r" : "\r\x1b[" + std::to_string(rows) + "A";
}

std::string Canvas::draw(std::vector<std::string> lines, std::size_t columns) {
  // Without automatic wrapping a character that is wider than we think cannot break the picture.
  std::string bytes = to_start(columns) + "\x1b[?7l";
  for (const auto& line : lines) bytes += line + "\x1b[K\n";
  bytes += "\x1b[J\x1b[?7h";
  drawn_ = std::move(lines);
  return bytes;
}

std::string Canvas::erase(std::size_t columns) {
  if (drawn_.empty()) return "\r\x1b[K";
  auto bytes = to_start(columns) + "\x1b[J";
  drawn_.clear();
  return bytes;
}

}  // namespace fanout::client
