#include "server/domain/run/fold_agent.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/usage.hpp"
#include "server/domain/run/waits.hpp"

namespace fanout::domain::folding {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMaxMessageColumns = 200;

void say(v1::Subagent& agent, std::string_view text) {
  text = trimmed(text);
  const auto line = printable(text.substr(0, text.find('\n')));
  if (!trimmed(line).empty()) agent.set_last_message(fit(trimmed(line), kMaxMessageColumns));
}

void take_session(v1::Subagent& agent, const v1::AgentSession& session) {
  if (!session.id().empty()) {
    agent.set_agent_session(session.id());
    agent.set_session_agent(agent.agent_kind());
  }
  if (!session.version().empty()) agent.set_agent_version(session.version());
  if (!session.model().empty()) agent.set_agent_model(session.model());
}

v1::Attention& begin_to_wait(v1::Subagent& agent, const v1::Event& event, const std::string& id) {
  auto& attention = *agent.add_attention();
  attention.set_run_id(event.run_id());
  attention.set_task_id(event.task_id());
  attention.set_id(id);
  *attention.mutable_asked_at() = event.time();
  return attention;
}

void end_attention(v1::Subagent& agent, const std::string& id) {
  auto& all = *agent.mutable_attention();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.id() == id; });
  if (found != all.end()) all.erase(found);
}

}  // namespace

void launch(v1::Subagent& agent, const v1::AgentLaunched& launched) {
  agent.set_agent_kind(launched.agent());
  if (!launched.name().empty()) agent.set_agent(launched.name());
  agent.set_agent_level(launched.level());
  agent.set_agent_version(launched.version());
  agent.set_agent_model(launched.model());
  agent.clear_untold();
}

void take_output(v1::Subagent& agent, const v1::Output& output) {
  for (auto line = output.lines().rbegin(); line != output.lines().rend(); ++line) {
    const auto text = printable(line->text());
    if (trimmed(text).empty()) continue;
    agent.set_last_message(fit(trimmed(text), kMaxMessageColumns));
    return;
  }
}

void take_activity(v1::Subagent& agent, const v1::Event& event) {
  const auto& activity = event.agent_activity();
  if (activity.within().empty()) {
    count_turns(*agent.mutable_usage_ledger(), activity);
    agent.set_turns(agent.usage_ledger().turns_before() + agent.usage_ledger().turns_seen());
  }
  switch (activity.activity_case()) {
    case v1::AgentActivity::kSession:
      take_session(agent, activity.session());
      return begin_session(*agent.mutable_usage_ledger(), activity.session().id());
    case v1::AgentActivity::kUsage:
      take_usage(*agent.mutable_usage_ledger(), activity.usage());
      *agent.mutable_usage() = total(agent.usage_ledger());
      return;
    case v1::AgentActivity::kMessage:
      return say(agent, activity.message().text());
    case v1::AgentActivity::kToolCall:
      return say(agent, activity.tool_call().title());
    case v1::AgentActivity::kToolResult:
      agent.set_tool_calls(agent.tool_calls() + 1);
      return;
    case v1::AgentActivity::kPlan:
      *agent.mutable_agent_plan() = activity.plan();
      return;
    case v1::AgentActivity::kAnswer:
      return end_attention(agent, activity.answer().id());
    case v1::AgentActivity::kPermission:
      if (activity.permission().decided()) return;
      *begin_to_wait(agent, event, activity.permission().id()).mutable_permission() = activity.permission();
      return say(agent, "asks: " + activity.permission().title());
    case v1::AgentActivity::kQuestion: {
      const auto& question = activity.question();
      *begin_to_wait(agent, event, question.id()).mutable_question() = question;
      return say(agent, "asks: " + (question.items_size() > 0 ? question.items(0).text() : question.text()));
    }
    case v1::AgentActivity::kLimit:
      return say(agent, activity.limit().text());
    case v1::AgentActivity::kRetrying:
      return say(agent, "tries again: " + activity.retrying().reason());
    default:  // the rest is told by what follows, or by lines of its own
      return;
  }
}

void clear_condition(v1::Subagent& agent) {
  agent.clear_condition();
  agent.clear_condition_text();
  agent.clear_condition_since();
}

void take_condition(v1::Subagent& agent, const v1::Event& event) {
  const auto& change = event.agent_condition_changed();
  clear_condition(agent);
  if (change.condition() == v1::AGENT_CONDITION_UNSPECIFIED) return;
  agent.set_condition(change.condition());
  agent.set_condition_text(change.text());
  *agent.mutable_condition_since() = event.time();
}

void end_agent(v1::Subagent& agent) {
  agent.clear_pid();
  agent.clear_attention();
  agent.clear_paused();
  clear_condition(agent);
}

void decide_race(const v1::Run& run, v1::Subagent& agent, const v1::RaceDecided& decided) {
  agent.set_race_winner(decided.winner());
  agent.set_base_commit(decided.base_commit());
  clear_waiting(agent);
  const auto* winner = find_subagent(run, decided.winner());
  if (!winner) return;
  agent.set_agent(winner->agent());
  agent.set_agent_kind(winner->agent_kind());
  agent.set_agent_level(winner->agent_level());
  agent.set_agent_version(winner->agent_version());
  agent.set_agent_model(winner->agent_model());
}

}  // namespace fanout::domain::folding
