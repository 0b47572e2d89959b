#include "server/domain/run/usage.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

/// One token count of a usage, to treat all alike.
struct Field {
  bool (v1::AgentUsage::*has)() const;
  std::uint64_t (v1::AgentUsage::*get)() const;
  void (v1::AgentUsage::*set)(std::uint64_t);
  void (v1::AgentUsage::*clear)();
};

const std::array<Field, 5> kFields{{
    {&v1::AgentUsage::has_input_tokens, &v1::AgentUsage::input_tokens, &v1::AgentUsage::set_input_tokens,
     &v1::AgentUsage::clear_input_tokens},
    {&v1::AgentUsage::has_cached_input_tokens, &v1::AgentUsage::cached_input_tokens,
     &v1::AgentUsage::set_cached_input_tokens, &v1::AgentUsage::clear_cached_input_tokens},
    {&v1::AgentUsage::has_cache_write_tokens, &v1::AgentUsage::cache_write_tokens,
     &v1::AgentUsage::set_cache_write_tokens, &v1::AgentUsage::clear_cache_write_tokens},
    {&v1::AgentUsage::has_output_tokens, &v1::AgentUsage::output_tokens, &v1::AgentUsage::set_output_tokens,
     &v1::AgentUsage::clear_output_tokens},
    {&v1::AgentUsage::has_reasoning_tokens, &v1::AgentUsage::reasoning_tokens,
     &v1::AgentUsage::set_reasoning_tokens, &v1::AgentUsage::clear_reasoning_tokens},
}};

/// What agents print is not to be trusted: no sum wraps round.
std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b ? std::numeric_limits<std::uint64_t>::max()
                                                           : a + b;
}

void add_cost(v1::AgentUsage& into, const v1::AgentUsage& from) {
  if (!from.has_cost()) return;
  if (!into.has_cost()) {
    *into.mutable_cost() = from.cost();
  } else if (into.cost().currency() != from.cost().currency()) {
    into.set_incomplete(true);
  } else {
    into.mutable_cost()->set_amount(into.cost().amount() + from.cost().amount());
    if (from.cost().source() == v1::AgentCost::SOURCE_COMPUTED)
      into.mutable_cost()->set_source(from.cost().source());
  }
}

bool tells_tokens(const v1::AgentUsage& usage) {
  for (const auto& field : kFields) {
    if ((usage.*field.has)()) return true;
  }
  return false;
}

void add(v1::AgentUsage& into, const v1::AgentUsage& from) {
  for (const auto& field : kFields) {
    if ((from.*field.has)()) (into.*field.set)(plus((into.*field.get)(), (from.*field.get)()));
  }
  add_cost(into, from);
  if (from.incomplete()) into.set_incomplete(true);
  if (from.cost_incomplete()) into.set_cost_incomplete(true);
  if (from.has_context_used()) into.set_context_used(from.context_used());
  if (from.has_context_size()) into.set_context_size(from.context_size());
}

/// Names the model while all that was added used the same one.
void add_model(v1::AgentUsage& into, const v1::AgentUsage& from, bool first) {
  if (!tells_tokens(from)) return;
  if (first) into.set_model(from.model());
  if (into.model() != from.model()) into.clear_model();
}

/// Forgets each figure that `newer` holds.
void drop_told(v1::AgentUsage& figures, const v1::AgentUsage& newer) {
  for (const auto& field : kFields) {
    if ((newer.*field.has)()) (figures.*field.clear)();
  }
  if (newer.has_cost() || newer.cost_incomplete()) {
    figures.clear_cost();
    figures.clear_cost_incomplete();
  }
  if (!tells_tokens(figures) && !figures.has_cost()) figures.clear_incomplete();
}

void take_whole(v1::AgentUsageLedger& ledger, const v1::AgentUsage& usage) {
  drop_told(*ledger.mutable_turns(), usage);
  drop_told(*ledger.mutable_steps(), usage);
  drop_told(*ledger.mutable_reported(), usage);
  *ledger.mutable_reported() = sum(ledger.reported(), usage);
}

void accumulate(v1::AgentUsage& into, const v1::AgentUsage& from) { into = sum(into, from); }

}  // namespace

v1::AgentUsage normalised(const v1::AgentUsage& usage) {
  auto whole = usage;
  if (usage.has_input_tokens() && !usage.cached_inside_input()) {
    whole.set_input_tokens(
        plus(usage.input_tokens(), plus(usage.cached_input_tokens(), usage.cache_write_tokens())));
  }
  if (usage.has_output_tokens() && !usage.reasoning_inside_output()) {
    whole.set_output_tokens(plus(usage.output_tokens(), usage.reasoning_tokens()));
  }
  whole.set_cached_inside_input(true);
  whole.set_reasoning_inside_output(true);
  return whole;
}

v1::AgentUsage sum(const v1::AgentUsage& a, const v1::AgentUsage& b) {
  auto result = a;
  add_model(result, b, !tells_tokens(a));
  add(result, b);
  result.set_cached_inside_input(true);
  result.set_reasoning_inside_output(true);
  result.clear_scope();
  return result;
}

void take_usage(v1::AgentUsageLedger& ledger, const v1::AgentUsage& told) {
  const auto usage = normalised(told);
  switch (usage.scope()) {
    case v1::AgentUsage::SCOPE_TURN:
      drop_told(*ledger.mutable_steps(), usage);
      return accumulate(*ledger.mutable_turns(), usage);
    case v1::AgentUsage::SCOPE_SESSION:
      return take_whole(ledger, usage);
    case v1::AgentUsage::SCOPE_CUMULATIVE:
      drop_told(*ledger.mutable_earlier_processes(), usage);
      return take_whole(ledger, usage);
    default:  // a step, or of a scope that a newer daemon knows: it was used in any case
      return accumulate(*ledger.mutable_steps(), usage);
  }
}

void begin_process(v1::AgentUsageLedger& ledger) {
  ledger.set_turns_before(ledger.turns_before() + ledger.turns_seen());
  ledger.clear_turns_seen();
  ledger.clear_in_turn();
  auto& earlier = *ledger.mutable_earlier_processes();
  accumulate(earlier, ledger.reported());
  accumulate(earlier, ledger.turns());
  accumulate(earlier, ledger.steps());
  ledger.clear_reported();
  ledger.clear_turns();
  ledger.clear_steps();
}

void begin_session(v1::AgentUsageLedger& ledger, const std::string& id) {
  if (id.empty() || id == ledger.session()) return;
  if (!ledger.session().empty()) {
    begin_process(ledger);
    accumulate(*ledger.mutable_earlier_sessions(), ledger.earlier_processes());
    ledger.clear_earlier_processes();
  }
  ledger.set_session(id);
}

void count_turns(v1::AgentUsageLedger& ledger, const v1::AgentActivity& activity) {
  using Call = v1::AgentToolCall;
  switch (activity.activity_case()) {
    case v1::AgentActivity::kToolCall: {
      const auto status = activity.tool_call().status();
      if (status == Call::STATUS_COMPLETED || status == Call::STATUS_FAILED) return;  // of a call before
      break;
    }
    case v1::AgentActivity::kMessage:
    case v1::AgentActivity::kReasoning:
      break;
    case v1::AgentActivity::kToolResult:
      ledger.clear_in_turn();
      return;
    case v1::AgentActivity::kResult: {
      const auto& result = activity.result();
      ledger.set_turns_before(ledger.turns_before() + (result.has_turns() ? result.turns() : ledger.turns_seen()));
      ledger.clear_turns_seen();
      ledger.clear_in_turn();
      return;
    }
    default:
      return;
  }
  if (!ledger.in_turn()) ledger.set_turns_seen(ledger.turns_seen() + 1);
  ledger.set_in_turn(true);
}

v1::AgentUsage total(const v1::AgentUsageLedger& ledger) {
  auto whole = ledger.earlier_sessions();
  for (const auto* part :
       {&ledger.earlier_processes(), &ledger.reported(), &ledger.turns(), &ledger.steps()}) {
    accumulate(whole, *part);
  }
  whole.set_scope(v1::AgentUsage::SCOPE_TASK);
  return whole;
}

}  // namespace fanout::domain
