#include "server/domain/run/spent.hpp"

#include <google/protobuf/util/time_util.h>

namespace fanout::domain {

namespace v1 = fanout::v1;
using google::protobuf::Duration;
using google::protobuf::Timestamp;
using google::protobuf::util::TimeUtil;

namespace {

/// A clock that was set back takes nothing away.
Duration since(const Timestamp& begin, const Timestamp& now) { return now < begin ? Duration() : now - begin; }

}  // namespace

v1::Spending spent(const v1::Subagent& task, const Timestamp& now) {
  v1::Spending all;
  const auto& usage = task.usage();
  all.set_tokens(usage.input_tokens() + usage.output_tokens());
  all.set_money(usage.cost().amount());
  all.set_unpriced(usage.cost_incomplete() || (all.tokens() > 0 && !usage.has_cost()));
  all.set_turns(task.turns());
  *all.mutable_time() = task.agent_time();
  if (task.has_agent_since()) *all.mutable_time() += since(task.agent_since(), now);
  return all;
}

v1::Spending spent(const v1::Run& run, const Timestamp& now) {
  v1::Spending all;
  for (const auto& task : run.subagents()) {
    const auto one = spent(task, now);
    all.set_tokens(all.tokens() + one.tokens());
    all.set_money(all.money() + one.money());
    all.set_turns(all.turns() + one.turns());
    all.set_unpriced(all.unpriced() || one.unpriced());
  }
  *all.mutable_time() = run.agent_time();
  if (run.agents_at_work() > 0) *all.mutable_time() += since(run.agents_since(), now);
  return all;
}

v1::Budget overlaid(v1::Budget budget, const v1::Budget& news) {
  if (news.has_tokens()) budget.set_tokens(news.tokens());
  if (news.has_money()) budget.set_money(news.money());
  if (news.has_time()) *budget.mutable_time() = news.time();
  if (news.has_turns()) budget.set_turns(news.turns());
  return budget;
}

void begin_work(v1::Run& run, v1::Subagent& task, const Timestamp& now) {
  if (task.has_agent_since()) return;
  *task.mutable_agent_since() = now;
  if (run.agents_at_work() == 0) *run.mutable_agents_since() = now;
  run.set_agents_at_work(run.agents_at_work() + 1);
}

void end_work(v1::Run& run, v1::Subagent& task, const Timestamp& now) {
  if (!task.has_agent_since()) return;
  *task.mutable_agent_time() = task.agent_time() + since(task.agent_since(), now);
  task.clear_agent_since();
  if (run.agents_at_work() == 0) return;
  run.set_agents_at_work(run.agents_at_work() - 1);
  if (run.agents_at_work() > 0) return;
  *run.mutable_agent_time() = run.agent_time() + since(run.agents_since(), now);
  run.clear_agents_since();
}

}  // namespace fanout::domain
