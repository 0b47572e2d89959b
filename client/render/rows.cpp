#include "client/render/rows.hpp"

#include <algorithm>

#include "client/render/looks.hpp"
#include "client/render/summary.hpp"
#include "client/render/table.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kPhaseColumns = 12;  // "implementing"
constexpr std::size_t kDurationColumns = 6;
constexpr std::size_t kBarColumns = 5;
constexpr std::size_t kChangeColumns = 11;
constexpr std::size_t kTokenColumns = 7;
constexpr std::size_t kCostColumns = 8;
constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastWords = 30;  // columns for its last words, before anything else is shown
constexpr std::size_t kDeepest = 4;      // further indentation says no more
constexpr std::size_t kRowMargin = 2;

std::string indented(const v1::Subagent& agent, std::size_t depth) {
  if (depth == 0) return agent.task_id();
  return std::string(2 * (std::min(depth, kDeepest) - 1), ' ') + "└ " + agent.task_id();
}

/// Which columns there are: the ones that fit beside the last words, the most telling first.
struct Shape {
  std::size_t ids = 0;
  bool bar = false, changes = false, tokens = false, cost = false;
};

Shape shape_of(const v1::Run& run, std::size_t columns) {
  Shape shape;
  bool changes = false, usage = false;
  for (const auto& placed : arranged(run)) {  // of all tasks, so that columns stay where they are when others are shown
    const auto& agent = run.subagents(placed.index);
    shape.ids = std::max(shape.ids, display_width(printable(indented(agent, placed.depth))));
    changes = changes || agent.has_report();
    usage = usage || agent.has_usage();
  }
  shape.ids = std::min(shape.ids, std::max<std::size_t>(8, columns / 3));
  std::size_t used = kRowMargin + 1 + shape.ids + kPhaseColumns + kDurationColumns + 4 * kGap + kLeastWords;
  const auto fits = [&](bool wanted, std::size_t width) {
    if (!wanted || used + width + kGap > columns) return false;
    used += width + kGap;
    return true;
  };
  shape.bar = fits(true, kBarColumns);
  shape.changes = fits(changes, kChangeColumns);
  shape.tokens = fits(usage, kTokenColumns);
  shape.cost = fits(usage, kCostColumns);
  return shape;
}

Table table_of(const Shape& shape) {
  std::vector<Column> columns{{""}, {"", false, shape.ids, shape.ids}, {"", false, kPhaseColumns}};
  if (shape.bar) columns.push_back({"", false, kBarColumns});
  columns.push_back({"", true, kDurationColumns});
  if (shape.changes) columns.push_back({"", true, kChangeColumns});
  if (shape.tokens) columns.push_back({"", true, kTokenColumns});
  if (shape.cost) columns.push_back({"", true, kCostColumns});
  columns.push_back({""});
  return Table(std::move(columns));
}

/// Its last words are as good as its state's: they are what one looks for.
bool speaks(v1::Phase phase) {
  return phase == v1::PHASE_IMPLEMENTING || (domain::is_end(phase) && !domain::is_success(phase));
}

std::vector<Cell> row_of(const v1::Subagent& agent, const Placed& placed, const Shape& shape, const v1::Run& run,
                         const View& view) {
  const auto look = look_in(run, agent);
  const bool bold = at_work(agent.phase()) || agent.task_id() == view.selected;
  std::vector<Cell> row{{look.glyph, look.ink},
                        {indented(agent, placed.depth), bold ? Ink::bold : Ink::plain},
                        {look.word, look.ink}};
  if (shape.bar) row.push_back({phase_bar(agent), look.ink});
  row.push_back({shown_time(agent, view.now), Ink::dim});
  if (shape.changes) row.push_back({changed_lines(agent), Ink::dim});
  if (shape.tokens) row.push_back({tokens_of(agent), Ink::dim});
  if (shape.cost) row.push_back({short_cost(agent.usage()), Ink::dim});
  row.push_back({message_of(agent, run), speaks(agent.phase()) ? Ink::plain : Ink::dim});
  return row;
}

int steps_of(v1::Phase phase) {
  switch (phase) {
    case v1::PHASE_SETTING_UP: return 1;
    case v1::PHASE_IMPLEMENTING: return 2;
    case v1::PHASE_TESTING: return 3;
    case v1::PHASE_PUSHING: return 4;
    case v1::PHASE_REPORTING:
    case v1::PHASE_COMPLETED: return 5;
    default: return 0;
  }
}

}  // namespace

std::string phase_bar(const v1::Subagent& agent) {
  if (agent.phase() == v1::PHASE_SKIPPED) return {};
  const bool stopped = domain::is_end(agent.phase()) && agent.phase() != v1::PHASE_COMPLETED;
  const int steps = steps_of(stopped ? agent.ended_in() : agent.phase());
  std::string bar;
  for (int i = 0; i < static_cast<int>(kBarColumns); ++i) bar += i < steps ? "▰" : "▱";
  return bar;
}

std::string changed_lines(const v1::Subagent& agent) {
  if (!agent.has_report()) return {};
  std::uint64_t added = 0, deleted = 0;
  for (const auto& file : agent.report().files()) {
    added += file.added();
    deleted += file.deleted();
  }
  return "+" + std::to_string(added) + " −" + std::to_string(deleted);
}

std::vector<std::string> task_rows(const v1::Run& run, const std::vector<Placed>& shown, const View& view,
                                   std::size_t columns) {
  const auto shape = shape_of(run, columns);
  auto table = table_of(shape);
  for (const auto& placed : shown) table.add(row_of(run.subagents(placed.index), placed, shape, run, view));
  const auto margin = std::min(kRowMargin, columns);
  auto lines = table.lines(view.style, {columns - margin, false, 1});
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool selected = !view.selected.empty() && run.subagents(shown[i].index).task_id() == view.selected;
    Line mark(view.style, margin);
    mark.add(selected ? "›" : "", Ink::bold);
    if (!lines[i].empty()) lines[i] = mark.text() + std::string(margin - mark.width(), ' ') + lines[i];
  }
  return lines;
}

}  // namespace fanout::client
