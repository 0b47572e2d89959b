// Budgets and prices while an agent is at work.
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include "server/domain/budget/price.hpp"
#include "server/domain/budget/spending.hpp"
#include "server/domain/run/spent.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace {

/// As often as that what is used is looked at: time passes also while an agent says nothing.
constexpr std::chrono::milliseconds kLook{500};
/// An agent that is asked to end its turn has so long before it is ended.
constexpr std::chrono::seconds kPatience{5};

}  // namespace

/// Until it is cancelled, or there is nothing left to use: then the work is a snapshot, and the agent is ended.
awaitable<void> Subagent::watch_budget() {
  boost::asio::steady_timer timer(services_.executor);
  try {
    for (;;) {
      budget_spent_ = co_await services_.treasury.look(spec_, task_);
      if (!budget_spent_.empty()) break;
      timer.expires_after(kLook);
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    co_await take_snapshot("its budget is used up");
    const auto session = session_;
    if (!session) co_return;
    co_await session->interrupt(kPatience);
    session->channel().stop();
  } catch (const boost::system::system_error&) {
    co_return;  // the agent has ended
  }
}

/// Tells the cost of what tells none, and that the account works.
void Subagent::appraise(agent::Activity& activity) {
  if (activity.has_usage()) domain::add_cost(*activity.mutable_usage(), known()->agent_model(), spec_.prices());
  if (activity.has_message() || activity.has_tool_call()) services_.accounts.work(account());
}

/// What is left of the task's money, for an agent that can be told. Unset: as much as it takes.
std::optional<double> Subagent::money_left() const {
  const auto budget = domain::overlaid(task_.budget(), known()->budget());
  if (!budget.has_money()) return std::nullopt;
  constexpr double least = 0.01;
  const auto spent = domain::spent_by(*known(), {});
  return std::max(least, budget.money() - spent.money());
}

}  // namespace fanout::subagent
