#include "server/domain/run/usage_text.hpp"

#include <cstdio>

#include "server/domain/run/race.hpp"
#include "server/domain/run/usage.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

std::string decimal(double value, const char* form) {
  char text[64];
  std::snprintf(text, sizeof text, form, value);
  return text;
}

std::uint64_t tokens_of(const v1::AgentUsage& usage) { return usage.input_tokens() + usage.output_tokens(); }

void append(std::string& text, const std::string& part) {
  if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
}

std::string text_of(const v1::AgentUsage& usage, unsigned turns) {
  std::string text;
  if (tokens_of(usage) > 0) append(text, tokens_text(tokens_of(usage)) + " tokens");
  append(text, cost_text(usage));
  if (turns > 0) append(text, std::to_string(turns) + (turns == 1 ? " turn" : " turns"));
  return text;
}

struct Sum {
  v1::AgentUsage usage;
  unsigned turns = 0;

  void add(const v1::Subagent& task) {
    const bool unpriced = tokens_of(task.usage()) > 0 && !task.usage().has_cost();
    usage = sum(usage, task.usage());
    if (unpriced) usage.set_cost_incomplete(true);
    turns += task.turns();
  }
};

}  // namespace

std::string tokens_text(std::uint64_t tokens) {
  const auto value = static_cast<double>(tokens);
  if (tokens < 1000) return std::to_string(tokens);
  if (tokens < 999'950) return decimal(value / 1e3, "%.1fk");
  return decimal(value / 1e6, "%.1fM");
}

std::string cost_text(const v1::AgentUsage& usage) {
  if (!usage.has_cost()) return tokens_of(usage) > 0 ? "cost unknown" : "";
  const auto& cost = usage.cost();
  const bool dollars = cost.currency().empty() || cost.currency() == "USD";
  const auto* form = cost.amount() > 0 && cost.amount() < 0.095 ? "%.4f" : "%.2f";
  auto text = (dollars ? "$" : "") + decimal(cost.amount(), form) + (dollars ? "" : " " + cost.currency());
  if (cost.source() == v1::AgentCost::SOURCE_COMPUTED) text = "~" + text;
  if (usage.cost_incomplete()) text += " + unpriced";
  return text;
}

std::string usage_text(const v1::Subagent& task) { return text_of(task.usage(), task.turns()); }

std::string usage_text(const v1::Run& run, const v1::Subagent& task) {
  Sum all;
  all.add(task);
  for (const auto* racing : contenders_of(run, task.task_id())) all.add(*racing);
  return text_of(all.usage, all.turns);
}

std::string usage_text(const v1::Run& run) {
  Sum all;
  for (const auto& task : run.subagents()) all.add(task);
  return text_of(all.usage, all.turns);
}

}  // namespace fanout::domain
