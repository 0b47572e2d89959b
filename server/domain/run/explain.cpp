#include "server/domain/run/explain.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;
using google::protobuf::Timestamp;

namespace {

std::string ordinal(unsigned position) { return position == 1 ? "next" : "number " + std::to_string(position); }

std::string present_words(v1::Phase phase) {
  switch (phase) {
    case v1::PHASE_PENDING: return "has not begun";
    case v1::PHASE_SETTING_UP: return "is being set up";
    case v1::PHASE_IMPLEMENTING: return "is at work";
    case v1::PHASE_TESTING: return "is in its gates";
    case v1::PHASE_PUSHING: return "is being pushed";
    case v1::PHASE_REPORTING: return "is being reported";
    default: return std::string("is ") + phase_name(phase);
  }
}

/// Writes the answer, the most telling reason first.
class Explanation {
 public:
  Explanation(const v1::Run& run, const v1::Subagent& agent, const Waits& waits)
      : run_(run), agent_(agent), waits_(waits) {
    answer_.set_run_id(run.id());
    answer_.set_task_id(agent.task_id());
    *answer_.mutable_subagent() = agent;
    answer_.mutable_subagent()->clear_report();
    answer_.mutable_subagent()->clear_gates();
    answer_.mutable_subagent()->set_queue_position(waits.position);
  }

  v1::ExplainTaskResponse write() {
    if (is_contender(agent_)) racing_for();
    switch (agent_.phase()) {
      case v1::PHASE_PENDING: pending(); break;
      case v1::PHASE_SETTING_UP: setting_up(); break;
      case v1::PHASE_IMPLEMENTING: implementing(); break;
      case v1::PHASE_TESTING: testing(); break;
      case v1::PHASE_PUSHING: under_way("Its branch is being pushed."); break;
      case v1::PHASE_REPORTING: under_way("Its report is being put together."); break;
      case v1::PHASE_COMPLETED: completed(); break;
      case v1::PHASE_FAILED: failed(); break;
      case v1::PHASE_BLOCKED: blocked(); break;
      case v1::PHASE_CANCELLED: ended(lost_race() ? "It lost the race." : "It was cancelled.", is_contender(agent_) ? "" : command("retry")); break;
      case v1::PHASE_SKIPPED: ended("It is left out of this run.", ""); break;
      case v1::PHASE_INTERRUPTED: ended("It was interrupted.", command("resume")); break;
      default: answer_.set_summary("Nothing is known of it."); break;
    }
    tracker();
    return std::move(answer_);
  }

 private:
  std::string command(const std::string& verb, const std::string& task) const {
    return "fanout " + verb + " " + run_.id() + " " + task;
  }
  std::string command(const std::string& verb) const { return command(verb, agent_.task_id()); }

  v1::Reason& because(std::string text, std::string release = {}) {
    auto& reason = *answer_.add_reasons();
    reason.set_text(std::move(text));
    reason.set_release(std::move(release));
    return reason;
  }
  v1::Reason& because(std::string text, const Timestamp& since, std::string release) {
    auto& reason = because(std::move(text), std::move(release));
    *reason.mutable_since() = since;
    return reason;
  }

  void suggest(std::string line) { answer_.add_commands(std::move(line)); }
  void suggest_logs() { suggest(command("logs")); }

  /// Of the queue, with the figures of this moment.
  bool waits() {
    if (agent_.waiting_for().empty()) return false;
    const auto text = waits_.text.empty() ? agent_.waiting_for() : waits_.text;
    answer_.set_summary("It waits for " + text.substr(0, text.find(" (")) + ".");
    auto words = "it waits for " + text;
    if (waits_.position > 0) words += "; it is " + ordinal(waits_.position) + " in the queue";
    because(words, agent_.waiting_since(), waits_.release.empty() ? agent_.waiting_release() : waits_.release);
    if (agent_.waiting_kind() == v1::WAIT_KIND_TRACKER && !run_.tracker_waiting().empty()) {
      because("the tracker waits: " + run_.tracker_waiting());
    }
    return true;
  }

  /// It holds up no task; but whoever looks for its issue is to know.
  void tracker() {
    const bool told = agent_.waiting_kind() == v1::WAIT_KIND_TRACKER || agent_.phase() == v1::PHASE_COMPLETED;
    if (told || run_.tracker_waiting().empty()) return;
    because("what it has at the tracker waits, while it does not: " + run_.tracker_waiting());
  }

  void pending() {
    if (agent_.has_parked_until()) return parked();
    if (agent_.has_retry_at()) {
      answer_.set_summary("An attempt failed, and the next begins by itself.");
      auto& reason = because("it waits for " + agent_.waiting_for(), agent_.phase_started_at(), "the time before the retry");
      *reason.mutable_until() = agent_.retry_at();
      return suggest_logs();
    }
    unmet_dependencies();
    const bool needs = answer_.reasons_size() > 0;
    if (!run_.waiting_for().empty()) {
      because("the run waits for " + run_.waiting_for(), run_.waiting_since(), run_.waiting_release());
    }
    answer_.set_summary(needs                      ? "It waits for the tasks it depends on."
                        : answer_.reasons_size() > 0 ? "Its run has not begun."
                                                     : "It begins at any moment.");
  }

  void unmet_dependencies() {
    for (const auto& id : agent_.dependencies()) {
      const auto* other = find_subagent(run_, id);
      if (!other) because(id + ", which it depends on, has not come yet: the plan is still being written", "that task, or the plan's end");
      if (!other || is_success(other->phase())) continue;
      auto text = id + ", which it depends on, " + present_words(other->phase());
      if (!other->waiting_for().empty()) text += " and waits for " + other->waiting_for();
      because(text, other->phase_started_at(), id + " completes (" + command("why", id) + ")");
    }
  }

  void parked() {
    answer_.set_summary("A limit of its agent's account holds it back.");
    const auto text = agent_.waiting_for().empty() ? "the account of its agent has met a limit" : agent_.waiting_for();
    auto& reason = because(text, "the limit's end; then it goes on by itself");
    *reason.mutable_until() = agent_.parked_until();
  }

  void setting_up() {
    if (agent_.has_parked_until()) return parked();
    if (waits()) return;
    const bool worktree = !agent_.worktree().empty();
    under_way(worktree ? "Its environment is being prepared." : "Its worktree is being made.");
    suggest(command("logs") + " --log setup.log");
  }

  /// Said of a contender before anything else.
  void racing_for() {
    const auto* task = find_subagent(run_, agent_.race_of());
    if (!task) return;
    const auto& winner = task->race_winner();
    if (winner.empty()) because("it is one of several agents that race for " + agent_.race_of(), command("why", agent_.race_of()));
    if (winner == agent_.task_id()) because("it won the race for " + agent_.race_of() + ", which has its work", command("why", agent_.race_of()));
  }

  bool lost_race() const {
    const auto* task = find_subagent(run_, agent_.race_of());
    return task && !task->race_winner().empty() && task->race_winner() != agent_.task_id();
  }

  /// Whom the task waits for, each with what it does.
  void race(const std::vector<const v1::Subagent*>& contenders) {
    answer_.set_summary(agent_.waiting_for().empty() ? "Its race is being decided." : "It waits for " + agent_.waiting_for() + ".");
    for (const auto* one : contenders) {
      auto text = name_of_contender(*one) + " " + present_words(one->phase());
      const auto& last = is_end(one->phase()) ? one->reason() : one->last_message();
      if (!last.empty()) text += ": " + last;
      because(text, one->phase_started_at(), is_end(one->phase()) ? "" : "the end of its work (" + command("why", one->task_id()) + ")");
      if (!is_end(one->phase())) suggest(command("logs", one->task_id()));
    }
  }

  void implementing() {
    const auto contenders = contenders_of(run_, agent_.task_id());
    if (!contenders.empty() && agent_.race_winner().empty()) return race(contenders);
    suggest_logs();
    if (agent_.paused()) {
      answer_.set_summary("Its agent was paused.");
      because("its agent was stopped where it stood", "that somebody lets it go on");
      return;
    }
    if (agent_.attention_size() > 0) return needs_input();
    if (agent_.has_parked_until()) return parked();
    if (waits()) return;
    if (agent_.condition() == v1::AGENT_CONDITION_UNSPECIFIED) {
      under_way("Its agent is at work.");
      if (!agent_.last_message().empty()) because("its agent said or did last: " + agent_.last_message());
      return;
    }
    answer_.set_summary(condition_sentence());
    because(agent_.condition_text(), agent_.condition_since(), condition_release());
  }

  void needs_input() {
    answer_.set_summary("Its agent needs an answer.");
    for (const auto& one : agent_.attention()) {
      const auto text = one.has_permission() ? "it asks for permission: " + one.permission().title()
                                             : "it asks: " + words_of(one.question());
      because(text, one.asked_at(), "an answer");
    }
  }

  static std::string words_of(const v1::AgentQuestion& question) {
    return question.items_size() > 0 ? question.items(0).text() : question.text();
  }

  std::string condition_sentence() const {
    switch (agent_.condition()) {
      case v1::AGENT_CONDITION_SILENT: return "Its agent is alive, and silent.";
      case v1::AGENT_CONDITION_WAITING_FOR_INPUT: return "Its agent waits for input.";
      case v1::AGENT_CONDITION_RATE_LIMITED: return "Its agent is held back by a limit of its provider.";
      case v1::AGENT_CONDITION_LOOPING: return "Its agent is looping.";
      default: return "Its agent is at work.";
    }
  }

  std::string condition_release() const {
    switch (agent_.condition()) {
      case v1::AGENT_CONDITION_WAITING_FOR_INPUT: return "an answer";
      case v1::AGENT_CONDITION_RATE_LIMITED: return "the limit's end; the agent goes on by itself";
      case v1::AGENT_CONDITION_SILENT: return "its next word; after stall_timeout it is ended";
      case v1::AGENT_CONDITION_LOOPING: return "something new from it; after stall_timeout it is ended";
      default: return "";
    }
  }

  void testing() {
    if (!waits()) {
      const auto done = agent_.gates_size();
      under_way(agent_.pid() > 0 ? "Gate number " + std::to_string(done + 1) + " is running." : "Its gates are next.");
    }
    suggest_logs();
  }

  void under_way(std::string summary) {
    answer_.set_summary(std::move(summary));
    auto text = "it " + present_words(agent_.phase());
    if (agent_.pid() > 0) text += "; its program is process " + std::to_string(agent_.pid());
    because(text, agent_.phase_started_at(), "");
  }

  void completed() {
    const auto commits = counted(agent_.commit_count(), "commit");
    answer_.set_summary(is_contender(agent_) ? "Its gates have passed, on " + commits + "." : "It is completed: " + commits + " on " + agent_.branch() + ".");
    if (!agent_.race_winner().empty()) because(agent_.race_winner() + " won the race for it", command("why", agent_.race_winner()));
    auto& reason = because("everything asked for was done");
    if (agent_.has_ended_at()) *reason.mutable_since() = agent_.ended_at();
    for (const auto& fault : agent_.tracker_faults()) because("at the tracker, this was refused: " + fault);
    if (run_.tracker_pending() > 0) because("the tracker's steps are not all done: " + run_.tracker_waiting(), "fanout sync " + run_.id());
  }

  void ended(std::string summary, const std::string& release) {
    answer_.set_summary(std::move(summary));
    if (agent_.reason().empty()) return;
    auto& reason = because(agent_.reason(), release);
    if (agent_.has_ended_at()) *reason.mutable_since() = agent_.ended_at();
  }

  void failed() {
    for (const auto* one : contenders_of(run_, agent_.task_id())) {
      if (agent_.race_winner().empty() && one->phase() == v1::PHASE_FAILED) suggest(command("why", one->task_id()));
    }
    ended("It failed while " + std::string(phase_name(agent_.ended_in())) + ", in attempt " +
              std::to_string(agent_.attempt()) + ".",
          lost_race() ? "" : command("retry"));
    for (const auto& gate : agent_.gates()) {
      if (!gate.passed()) suggest(command("logs") + " --log " + gate.log());
    }
    if (agent_.ended_in() == v1::PHASE_IMPLEMENTING) {
      suggest_logs();
      suggest(command("logs") + " --log agent.stderr");
    }
    if (!agent_.worktree().empty()) suggest(command("snapshots"));
  }

  /// The root of it: what failed, however many tasks lie between.
  void blocked() {
    ended("It is blocked.", "");
    for (const auto& id : agent_.dependencies()) {
      const auto* other = find_subagent(run_, id);
      if (!other) because(id + ", which it depends on, never came: the plan was closed without it");
      if (!other || is_success(other->phase()) || !is_end(other->phase())) continue;
      const auto text = id + ", which it depends on, " + present_words(other->phase()) +
                        (other->reason().empty() ? "" : ": " + other->reason());
      because(text, other->ended_at(), other->phase() == v1::PHASE_BLOCKED ? command("why", id) : command("retry", id));
    }
    if (answer_.reasons_size() == 1) answer_.mutable_reasons(0)->set_release(command("retry"));
  }

  const v1::Run& run_;
  const v1::Subagent& agent_;
  const Waits& waits_;
  v1::ExplainTaskResponse answer_;
};

}  // namespace

v1::ExplainTaskResponse explain(const v1::Run& run, const std::string& task_id, const Waits& waits) {
  return Explanation(run, *find_subagent(run, task_id), waits).write();
}

}  // namespace fanout::domain
