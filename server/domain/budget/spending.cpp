#include "server/domain/budget/spending.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "common/duration.hpp"
#include "server/domain/run/spent.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;
using google::protobuf::Timestamp;
using google::protobuf::util::TimeUtil;
using Kind = v1::BudgetUsed;

namespace {

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

std::string money(double dollars) {
  char text[32];
  std::snprintf(text, sizeof text, "$%.2f", dollars);
  return text;
}

std::string amount(Kind::Kind kind, double value) {
  const auto whole = std::to_string(static_cast<std::uint64_t>(std::llround(value)));
  switch (kind) {
    case Kind::KIND_TOKENS: return whole + " tokens";
    case Kind::KIND_MONEY: return money(value);
    case Kind::KIND_TIME: return format_duration(std::chrono::milliseconds(std::llround(value * 1000)));
    case Kind::KIND_TURNS: return whole + " turns";
    default: return whole;
  }
}

std::string owner(Kind::Scope scope) {
  switch (scope) {
    case Kind::SCOPE_TASK: return "the task's";
    case Kind::SCOPE_RUN: return "the run's";
    default: return "today's";
  }
}

std::string sentence(const v1::BudgetUsed& used, bool unpriced) {
  const auto limit = amount(used.kind(), used.limit()), so_far = amount(used.kind(), used.used());
  auto text = owner(used.scope()) + " budget of " + limit +
              (used.exhausted() ? " is used up (" + so_far + ")"
                                : " is used to " + std::to_string(static_cast<int>(100 * used.used() / used.limit())) +
                                      " % (" + so_far + ")");
  if (unpriced && used.kind() == Kind::KIND_MONEY) text += "; some of the work has no known price and is not counted";
  return text;
}

}  // namespace

v1::Spending spent_by(const v1::Subagent& task, const Timestamp& now) {
  return difference(spent(task, now), task.spent_before());
}

v1::Spending spent_by(const v1::Run& run, const Timestamp& now) {
  return difference(spent(run, now), run.spent_before());
}

v1::Spending difference(const v1::Spending& a, const v1::Spending& b) {
  v1::Spending rest;
  rest.set_tokens(less(a.tokens(), b.tokens()));
  rest.set_money(std::max(0.0, a.money() - b.money()));
  rest.set_turns(static_cast<std::uint32_t>(less(a.turns(), b.turns())));
  const auto time = TimeUtil::DurationToMilliseconds(a.time()) - TimeUtil::DurationToMilliseconds(b.time());
  *rest.mutable_time() = TimeUtil::MillisecondsToDuration(std::max<std::int64_t>(0, time));
  rest.set_unpriced(a.unpriced());
  return rest;
}

void add(v1::Spending& into, const v1::Spending& more) {
  into.set_tokens(into.tokens() + more.tokens());
  into.set_money(into.money() + more.money());
  into.set_turns(into.turns() + more.turns());
  *into.mutable_time() = into.time() + more.time();
  into.set_unpriced(into.unpriced() || more.unpriced());
}

std::vector<v1::BudgetUsed> used_up(Kind::Scope scope, const v1::Budget& budget, const v1::Spending& spent) {
  std::vector<v1::BudgetUsed> found;
  const auto look = [&](Kind::Kind kind, double used, double limit) {
    if (used < limit * kWarnedAt) return;
    auto& news = found.emplace_back();
    news.set_scope(scope);
    news.set_kind(kind);
    news.set_used(used);
    news.set_limit(limit);
    news.set_exhausted(used >= limit);
    news.set_text(sentence(news, spent.unpriced()));
  };
  if (budget.has_tokens()) look(Kind::KIND_TOKENS, static_cast<double>(spent.tokens()), static_cast<double>(budget.tokens()));
  if (budget.has_money()) look(Kind::KIND_MONEY, spent.money(), budget.money());
  if (budget.has_time()) {
    look(Kind::KIND_TIME, static_cast<double>(TimeUtil::DurationToMilliseconds(spent.time())) / 1000,
         static_cast<double>(TimeUtil::DurationToMilliseconds(budget.time())) / 1000);
  }
  if (budget.has_turns()) look(Kind::KIND_TURNS, spent.turns(), budget.turns());
  return found;
}

bool is_told(const v1::BudgetUsed& news, const std::vector<v1::BudgetUsed>& told) {
  return std::any_of(told.begin(), told.end(), [&](const auto& before) {
    return before.scope() == news.scope() && before.kind() == news.kind() && (before.exhausted() || !news.exhausted());
  });
}

void take_in(fanout::internal::v1::DaySpending& day, const std::string& today, const v1::Run& run, const Timestamp& now) {
  if (day.day() != today) {
    day.set_day(today);
    day.clear_spent();
  }
  const auto whole = spent(run, now);
  auto& before = (*day.mutable_runs())[run.id()];
  add(*day.mutable_spent(), difference(whole, before));
  before = whole;
}

bool is_empty(const v1::Budget& budget) {
  return !budget.has_tokens() && !budget.has_money() && !budget.has_time() && !budget.has_turns();
}

}  // namespace fanout::domain
