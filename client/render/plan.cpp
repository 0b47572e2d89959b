#include "client/render/plan.hpp"

#include <algorithm>

#include "client/render/diagnostics.hpp"
#include "client/render/looks.hpp"
#include "client/render/table.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kOverviewColumns = 100;
constexpr std::size_t kOverviewLines = 4;

std::string listed(const google::protobuf::RepeatedPtrField<std::string>& items, std::string_view separator) {
  return join(std::vector<std::string>(items.begin(), items.end()), separator);
}

Ink ink_of_priority(const std::string& priority) {
  if (priority == "blocker") return Ink::red;
  return priority == "high" ? Ink::yellow : Ink::dim;
}

/// Builds the page section by section; a section without content leaves no trace.
class Page {
 public:
  Page(const Style& style, std::size_t columns) : style_(style), columns_(columns) {}

  void heading(const std::string& text) {
    if (!lines_.empty()) lines_.emplace_back();
    lines_.push_back(Line(style_, columns_).add(text, Ink::bold).text());
  }
  void paragraph(const std::string& text, Ink ink) {
    for (const auto& piece : wrapped(printable(text), std::min(columns_, kOverviewColumns), kOverviewLines)) {
      if (!piece.empty()) lines_.push_back(Line(style_, columns_).add(piece, ink).text());
    }
  }
  void table(const Table& table, std::size_t last_lines) {
    const auto room = columns_ == kUnlimited ? kUnlimited : columns_ - std::min<std::size_t>(2, columns_);
    for (const auto& line : table.lines(style_, {room, false, last_lines})) lines_.push_back("  " + line);
  }
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  Style style_;
  std::size_t columns_;
  std::vector<std::string> lines_;
};

/// All waves as one table, so that their columns stand below each other.
std::vector<std::pair<std::string, std::vector<const v1::PlannedTask*>>> waves_of(
    const v1::PlanDescription& plan) {
  std::vector<std::pair<std::string, std::vector<const v1::PlannedTask*>>> waves;
  std::uint32_t last = 0;
  for (const auto& task : plan.tasks()) last = std::max(last, task.wave());
  for (std::uint32_t wave = 1; wave <= last && wave <= static_cast<std::uint32_t>(plan.tasks_size());
       ++wave) {
    std::vector<const v1::PlannedTask*> tasks;
    for (const auto& task : plan.tasks()) {
      if (task.wave() == wave && !task.skipped()) tasks.push_back(&task);
    }
    waves.emplace_back("Wave " + std::to_string(wave) + (wave == 1 ? ": starts at once" : ""),
                       std::move(tasks));
  }
  std::vector<const v1::PlannedTask*> skipped;
  for (const auto& task : plan.tasks()) {
    if (task.skipped()) skipped.push_back(&task);
  }
  if (!skipped.empty()) waves.emplace_back("Skipped: completed already", std::move(skipped));
  return waves;
}

void add_waves(Page& page, const v1::PlanDescription& plan) {
  std::size_t widest = 0;
  for (const auto& task : plan.tasks()) widest = std::max(widest, display_width(printable(task.id())));
  widest = std::min<std::size_t>(widest, 40);
  std::size_t titles = 0;
  for (const auto& task : plan.tasks()) titles = std::max(titles, display_width(printable(task.title())));
  titles = std::min<std::size_t>(titles, 44);
  for (const auto& [name, tasks] : waves_of(plan)) {
    page.heading(name);
    Table table({{"", false, widest, 40}, {"", false, 7}, {"", false, titles, 60}, {""}});
    for (const auto* task : tasks) {
      auto needs = task->dependencies().empty() ? "" : "after " + listed(task->dependencies(), ", ");
      if (!task->repository().empty()) needs = "in " + task->repository() + (needs.empty() ? "" : ", ") + needs;
      if (!task->race().empty()) needs += (needs.empty() ? "race: " : "; race: ") + listed(task->race(), ", ");
      table.add({{task->id()},
                 {task->priority(), ink_of_priority(task->priority())},
                 {task->title()},
                 {needs, Ink::dim}});
    }
    page.table(table, 1);
  }
}

void add_critical_path(Page& page, const v1::PlanDescription& plan) {
  if (plan.critical_path_size() < 2) return;
  page.heading("Critical path: " + numbered(static_cast<std::size_t>(plan.critical_path_size()), "task"));
  Table table({{""}});
  table.add({{listed(plan.critical_path(), " → ")}});
  page.table(table, 10);
}

void add_conflicts(Page& page, const v1::PlanDescription& plan) {
  if (plan.conflicts().empty()) return;
  page.heading("Conflict risks: may run at once and touch the same files");
  Table table({{""}, {""}, {""}});
  for (const auto& risk : plan.conflicts()) {
    table.add(
        {{"!", Ink::yellow}, {risk.task_a() + ", " + risk.task_b()}, {listed(risk.files(), ", "), Ink::dim}});
  }
  page.table(table, 4);
}

void add_settings(Page& page, const v1::PlanDescription& plan, const std::filesystem::path& folder) {
  page.heading("Settings");
  Table table({{""}, {""}});
  const auto setting = [&](const char* name, const std::string& value) {
    table.add({{name, Ink::dim}, value.empty() ? Cell{"none", Ink::dim} : Cell{value}});
  };
  setting("plan", shown_path(plan.path(), folder));
  if (plan.repositories_size() < 2) setting("repository", plan.repository());
  for (int i = 0; plan.repositories_size() > 1 && i < plan.repositories_size(); ++i) {
    const auto& one = plan.repositories(i);
    setting(i == 0 ? "repositories" : "", shown_repository(one.name(), one.path()) + ": " + one.path() + ", " + one.base());
  }
  if (plan.repositories_size() < 2) setting("base", plan.base());
  setting("agent", plan.agent());
  setting("max parallel", std::to_string(plan.max_parallel()));
  setting("setup", listed(plan.setup(), " && "));
  setting("verify", listed(plan.verify(), " && "));
  if (!plan.cache().empty()) setting("cache", listed(plan.cache(), ", "));
  if (plan.ports() > 0) setting("ports", numbered(plan.ports(), "port") + " for each worktree");
  if (plan.waits_for_issue()) {
    table.add({{"issue", Ink::dim}, {"every task waits for the tracker's answer, since {issue} is in a name of its own", Ink::yellow}});
  }
  if (plan.gates().empty()) setting("gates", "");
  for (const auto& gate : plan.gates())
    setting("gate", gate.name() == gate.run() ? gate.run() : gate.name() + ": " + gate.run());
  page.table(table, 4);
}

}  // namespace

std::vector<std::string> plan_lines(const v1::PlanDescription& plan, const std::filesystem::path& folder,
                                    const Style& style, std::size_t columns) {
  Page page(style, columns);
  const auto name = plan.name().empty() ? shown_path(plan.path(), folder) : plan.name();
  page.heading(name + ": " + numbered(static_cast<std::size_t>(plan.tasks_size()), "task"));
  page.paragraph(plan.overview(), Ink::dim);
  add_waves(page, plan);
  add_critical_path(page, plan);
  add_conflicts(page, plan);
  add_settings(page, plan, folder);
  return page.take();
}

}  // namespace fanout::client
