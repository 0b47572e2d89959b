#include "server/subagent/treasury.hpp"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <ctime>

#include "server/domain/budget/spending.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/spent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using async::awaitable;
using google::protobuf::util::TimeUtil;

namespace {

constexpr const char* kDayNote = "spending";
/// As often as that the day's sum is written while agents use something.
constexpr std::chrono::seconds kSaveInterval{2};

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[16];
  std::strftime(text, sizeof text, "%F", &local);
  return text;
}

/// Of the same owner, kind, limit and severity.
bool is_noted(const v1::BudgetUsed& news, const google::protobuf::RepeatedPtrField<std::string>& notes) {
  constexpr std::string_view verb = " is used ", up = "up";
  const auto key = news.text().substr(0, news.text().find(verb) + verb.size() + up.size());
  return std::any_of(notes.begin(), notes.end(), [&](const auto& note) { return note.starts_with(key); });
}

std::vector<v1::BudgetUsed> joined(std::vector<v1::BudgetUsed> all, const std::vector<v1::BudgetUsed>& some,
                                   const std::vector<v1::BudgetUsed>& more) {
  all.insert(all.end(), some.begin(), some.end());
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// That of a run or a day is about the run as a whole.
v1::Event event_of(const v1::BudgetUsed& used, const std::string& run_id, const v1::Subagent& agent) {
  v1::Event event;
  event.set_run_id(run_id);
  *event.mutable_budget_used() = used;
  if (used.scope() != v1::BudgetUsed::SCOPE_TASK) return event;
  event.set_task_id(agent.task_id());
  event.set_attempt(agent.attempt());
  event.set_phase(agent.phase());
  return event;
}

}  // namespace

awaitable<void> Treasury::load() {
  const auto note = co_await log_.query([](store::Database& database) { return database.note(kDayNote); });
  fanout::internal::v1::DaySpending stored;
  if (note && google::protobuf::util::JsonStringToMessage(*note, &stored).ok()) day_ = saved_ = std::move(stored);
}

awaitable<void> Treasury::save() {
  const auto now = std::chrono::steady_clock::now();
  if (now < save_due_ || google::protobuf::util::MessageDifferencer::Equals(day_, saved_)) co_return;
  save_due_ = now + kSaveInterval;
  saved_ = day_;
  std::string note;
  if (!google::protobuf::util::MessageToJsonString(day_, &note).ok()) co_return;  // every string in it is ours
  co_await log_.query([&](store::Database& database) { database.set_note(kDayNote, note); });
}

awaitable<std::string> Treasury::look(const fanout::internal::v1::RunSpec& spec,
                                      const fanout::internal::v1::TaskSpec& task) {
  co_await async::checkpoint();
  const auto* run = log_.open(spec.run_id());
  const auto* agent = run ? domain::find_subagent(*run, task.id()) : nullptr;
  if (!agent) co_return std::string();
  const auto now = TimeUtil::GetCurrentTime();
  domain::take_in(day_, today(), *run, now);
  const auto used = joined(domain::used_up(v1::BudgetUsed::SCOPE_TASK, domain::overlaid(task.budget(), agent->budget()), domain::spent_by(*agent, now)),
                           domain::used_up(v1::BudgetUsed::SCOPE_RUN, spec.budget(), domain::spent_by(*run, now)),
                           domain::used_up(v1::BudgetUsed::SCOPE_DAY, spec.day_budget(), day_.spent()));
  std::vector<v1::Event> news;
  for (const auto& one : used) {
    const bool own = one.scope() == v1::BudgetUsed::SCOPE_TASK;
    if (!is_noted(one, own ? agent->budget_notes() : run->budget_notes())) news.push_back(event_of(one, run->id(), *agent));
  }
  for (auto& event : news) co_await tell(std::move(event));
  co_await save();
  const auto end = std::find_if(used.begin(), used.end(), [](const auto& one) { return one.exhausted(); });
  co_return end == used.end() ? std::string() : end->text();
}

/// Others look at the same while it is being recorded.
awaitable<void> Treasury::tell(v1::Event event) {
  const auto& used = event.budget_used();
  const auto key = event.run_id() + "/" + event.task_id() + "/" + std::to_string(used.scope()) + "/" +
                   std::to_string(used.kind()) + (used.exhausted() ? "!" : "");
  if (!telling_.insert(key).second) co_return;
  co_await log_.append(std::move(event));
  telling_.erase(key);
}

}  // namespace fanout::subagent
