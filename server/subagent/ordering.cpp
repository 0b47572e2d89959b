// What each of an agent's sessions is to do.
#include "common/text.hpp"
#include "server/domain/subagent/retry.hpp"
#include "server/domain/subagent/transcript.hpp"
#include "server/git/changes.hpp"
#include "server/git/snapshot.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kTranscriptBytes = 6 << 10;
constexpr std::size_t kPatchBytes = 24 << 10;
constexpr std::size_t kEventsAtOnce = 1000;

/// What an agent that goes on with its session is told: it knows the task.
std::string what_happened(const domain::Progress& progress, const std::string& why) {
  std::string text;
  if (progress.retry) text += domain::about_the_failure(*progress.retry);
  if (progress.feedback) text += domain::about_the_feedback(*progress.feedback);
  if (!text.empty()) return text;
  return "Your work on this task was broken off (" + why +
         "). It is still in this worktree. Go on where you were, and finish the task.";
}

}  // namespace

awaitable<AgentOrder> Subagent::first_order() {
  AgentOrder order;
  order.agent = agent_spec();
  order.program = program_name(progress_.sessions_before + 1);
  if (progress_.sessions.size() > progress_.sessions_before) co_return order;  // it has begun already
  if (progress_.again != domain::Again::no) co_return co_await order_again(std::move(order));
  order.message = prompt(known_issue());
  const bool again = attempt_ > 1 && earlier_.worktree == worktree_.path.string() && !runs_plain_command();
  const auto* me = known();
  if (!again || !me || me->tool_calls() + me->agent_session().size() == 0) co_return order;
  const auto* row = agent::find_agent(order.agent.kind());
  const auto why = progress_.retry ? progress_.retry->reason() : earlier_.reason;
  order.reason = why.empty() ? "another attempt was asked for" : why;
  if (row && row->resumes && me->session_agent() == order.agent.kind() && !me->agent_session().empty()) {
    order.session = me->agent_session();
    order.message = what_happened(progress_, order.reason);
    co_return order;
  }
  const auto so_far = co_await work_so_far(order.reason);
  order.message += so_far;
  co_return order;
}

/// What follows a session that has ended: a new one where it was lost, and the same again where somebody has told it
/// something that it has not heard.
awaitable<std::optional<AgentOrder>> Subagent::next_order(AgentOrder order, v1::AgentVerdict verdict) {
  const auto number = static_cast<std::size_t>(
      std::find_if(progress_.sessions.begin(), progress_.sessions.end(),
                   [&](const auto& one) { return one.launched.program() == order.program; }) -
      progress_.sessions.begin()) + 1;
  AgentOrder next;
  next.agent = order.agent;
  next.program = program_name(number + 1);
  if (number < progress_.sessions.size()) co_return next;
  const auto* me = known();
  if (verdict.outcome() == v1::AgentVerdict::OUTCOME_SESSION_LOST) {
    next.reason = verdict.reason();
    const auto so_far = co_await work_so_far(next.reason);
    next.message = prompt(known_issue()) + so_far;
    co_return next;
  }
  if (verdict.outcome() != v1::AgentVerdict::OUTCOME_SUCCEEDED || !me || me->untold().empty()) co_return std::nullopt;
  next.reason = "it was told something while it could not hear it";
  next.session = me->agent_session();
  const std::vector<std::string> untold(me->untold().begin(), me->untold().end());
  next.message = join(untold, "\n\n");
  co_return next;
}

awaitable<std::string> Subagent::work_so_far(std::string why) {
  std::vector<v1::Event> events;
  for (std::uint64_t last = 0;;) {
    auto some = co_await services_.log.query(
        [&](store::Database& database) { return database.events(spec_.run_id(), last, kEventsAtOnce); });
    if (some.empty()) break;
    last = some.back().sequence();
    for (auto& event : some) {
      if (event.task_id() == task_.id() && event.has_agent_activity()) events.push_back(std::move(event));
    }
  }
  co_await take_snapshot("a new session begins");
  const auto changes = co_await services_.workers.run([&](std::stop_token) {
    const auto now = git::last_snapshot(spec_.repository(), spec_.run_id(), task_.id());
    return now ? git::changes_between(spec_.repository(), base_commit_, now->commit, kPatchBytes) : git::Changes{};
  });
  co_return domain::about_the_work_so_far(why, domain::transcript(events, task_.id(), kTranscriptBytes),
                                          valid_utf8(changes.patch), changes.cut);
}

}  // namespace fanout::subagent
