#include "client/render/plain.hpp"

#include <algorithm>

#include "client/render/looks.hpp"
#include "client/render/times.hpp"
#include "common/duration.hpp"
#include "common/text.hpp"
#include "server/domain/run/escape_text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kTimeColumns = 7;
constexpr std::size_t kMostTaskColumns = 40;
constexpr std::size_t kShownGateLines = 10;

struct Said {
  std::string text;
  Ink ink = Ink::plain;
};

Said said_of_phase(const v1::PhaseChanged& change) {
  const auto look = look_of(change.to());
  auto text = look.word;
  if (!change.reason().empty()) text += ": " + change.reason();
  return {text, domain::is_end(change.to()) ? look.ink : Ink::plain};
}

Said said_of_end(const v1::RunEnded& end) {
  const auto look = look_of(end.state());
  return {"run " + look.word +
              (end.has_duration() ? " after " + format_duration(to_milliseconds(end.duration())) : ""),
          look.ink};
}

std::string said_of_start(const v1::Run& run) {
  auto text = "run " + run.id() + (run.open() ? ", whose plan is still being written" : ": " + numbered(domain::count_tasks(run), "task"));
  if (!base_of(run).empty()) text += ", from " + base_of(run);
  return text;
}

std::string said_of_tasks(const v1::TasksAdded& added) {
  constexpr int most = 10;
  std::vector<std::string> ids;
  for (int i = 0; i < std::min(most, added.subagents_size()); ++i) ids.push_back(printable(added.subagents(i).task_id()));
  if (added.subagents_size() > most) ids.push_back("and " + std::to_string(added.subagents_size() - most) + " more");
  return (added.subagents_size() == 1 ? "task added: " : "tasks added: ") + join(ids, ", ");
}

std::string said_of_closing(const v1::PlanClosed& closed) {
  return "the plan is closed" + (closed.reason().empty() ? "" : ": " + printable(closed.reason()));
}

std::string said_of_worktree(const v1::WorktreeReady& ready) {
  return "branch " + ready.branch() + (ready.reused() ? ", as before, in " : " in ") + ready.worktree();
}

std::string said_of_environment(const v1::EnvironmentReady& ready) {
  const auto ran = static_cast<std::size_t>(ready.setup_commands_size() + ready.verify_commands_size());
  const auto copied = static_cast<std::size_t>(ready.copied_files_size());
  if (ran == 0 && copied == 0) return {};
  return "environment ready: " + numbered(copied, "file") + " copied, " + numbered(ran, "command") + " run";
}

std::string said_of_cache(const v1::EnvironmentCached& cached) {
  std::string names;
  for (const auto& folder : cached.folders()) names += (names.empty() ? "" : ", ") + printable(folder.path());
  const bool restored = cached.direction() == v1::EnvironmentCached::DIRECTION_RESTORED;
  return names + (restored ? " taken from the cache of environments" : " kept in the cache of environments");
}

std::string said_of_commits(const v1::WorkCommitted& work) {
  if (work.commit_count() == 0) return "no commits";
  return numbered(work.commit_count(), "commit") + ", " + numbered(work.file_count(), "file") +
         (work.fanout_commit().empty()
              ? ""
              : "; what was left over was committed as " + short_commit(work.fanout_commit()));
}

std::string said_of_push(const v1::Pushed& pushed) {
  return "pushed " + pushed.branch() + " to " + pushed.remote() + (pushed.rebased() ? ", rebased" : "");
}

Said said_of_retry(const v1::RetryScheduled& retry) {
  return {std::string("failed while ") + domain::phase_name(retry.failed_in()) + ": " + retry.reason() + "; retry " +
              std::to_string(retry.retry()) + " of " + std::to_string(retry.retries()) + " in " +
              format_duration(to_milliseconds(retry.delay())),
          Ink::yellow};
}

std::string said_of_pull_request(const v1::PullRequest& request) {
  return "pull request " + request.url() + " into " + request.base() + (request.adopted() ? ", which was there" : "");
}

Said said_of_tracker_wait(const v1::TrackerWaiting& waiting) {
  const auto steps = numbered(waiting.pending(), "step");
  if (waiting.reason().empty()) return {"the tracker goes on" + (waiting.pending() ? ": " + steps + " left" : ""), Ink::dim};
  return {"the tracker waits, " + steps + " left: " + waiting.reason(), Ink::yellow};
}

Said said_of_answer(const v1::AgentAnswer& answer) {
  const auto* who = answer.by() == v1::AgentAnswer::BY_POLICY     ? " by the policy"
                    : answer.by() == v1::AgentAnswer::BY_PERSON   ? " by a person"
                    : answer.by() == v1::AgentAnswer::BY_DEADLINE ? ": nobody answered in time"
                                                                  : ": the agent took it back";
  const bool dim = answer.allowed() || answer.by() == v1::AgentAnswer::BY_AGENT;
  return {std::string(answer.allowed() ? "allowed" : "not allowed") + who, dim ? Ink::dim : Ink::yellow};
}

/// What git shows; what the agent says of it its calls tell.
Said said_of_change(const v1::AgentFileChange& change) {
  if (change.source() != v1::AgentFileChange::SOURCE_GIT) return {};
  const auto lines = change.has_added() ? " (+" + std::to_string(change.added()) + " −" + std::to_string(change.deleted()) + ")" : "";
  return {"changed " + printable(change.path()) + lines, Ink::dim};
}

Said said_of_launch(const v1::AgentLaunched& launched) {
  if (launched.agent() == "command") return {};
  return {launched.name() + (launched.model().empty() ? "" : " with " + launched.model()) +
              (launched.session().empty() ? " begins" : " goes on with its session") +
              (launched.reason().empty() ? "" : ": " + launched.reason()),
          Ink::dim};
}

Said said_of_told(const v1::AgentTold& told) {
  return {"is told: " + printable(told.text()), Ink::plain};
}

/// The agent's words and calls; what is left out is for the log.
Said said_of_activity(const v1::AgentActivity& activity) {
  switch (activity.activity_case()) {
    case v1::AgentActivity::kMessage:
      return {printable(activity.message().text())};
    case v1::AgentActivity::kToolCall:
      return {printable(activity.tool_call().title()), Ink::dim};
    case v1::AgentActivity::kPermission: {
      const bool decided = activity.permission().decided();
      return {"asks for permission: " + printable(activity.permission().title()), decided ? Ink::dim : Ink::magenta};
    }
    case v1::AgentActivity::kQuestion: {
      const auto& question = activity.question();
      return {"asks: " + printable(question.items_size() > 0 ? question.items(0).text() : question.text()), Ink::magenta};
    }
    case v1::AgentActivity::kAnswer:
      return said_of_answer(activity.answer());
    case v1::AgentActivity::kFileChange:
      return said_of_change(activity.file_change());
    case v1::AgentActivity::kCommand: {
      const auto& command = activity.command();
      if (!command.has_exit_code() || command.exit_code() == 0) return {};
      return {printable(command.command()) + " ended with exit code " + std::to_string(command.exit_code()), Ink::dim};
    }
    case v1::AgentActivity::kNotice:
      return {printable(activity.notice().text()), activity.notice().warning() ? Ink::yellow : Ink::dim};
    case v1::AgentActivity::kLimit:
      return {"limit: " + printable(activity.limit().text()), Ink::yellow};
    case v1::AgentActivity::kRetrying:
      return {"tries again: " + printable(activity.retrying().reason()), Ink::dim};
    default:
      return {};
  }
}

Said said_of_request(const v1::Event& event) {
  const auto attempt = "attempt " + std::to_string(event.attempt());
  if (!event.retry_requested().has_feedback()) return {attempt};
  return {attempt + ": " + printable(event.retry_requested().feedback().reason()), Ink::yellow};
}

Said said_of_change(const v1::PullRequest& request) {
  auto text = "pull request #" + std::to_string(request.number()) + " " + request.state();
  if (request.draft()) text += ", draft";
  if (!request.checks().empty()) text += ", checks: " + request.checks();
  if (!request.review().empty()) text += ", review: " + request.review();
  return {text, request.state() == "merged" ? Ink::green : Ink::dim};
}

Said said_of_following(const v1::FollowingChanged& change) {
  const auto why = change.reason().empty() ? "" : ": " + printable(change.reason());
  switch (change.state()) {
    case v1::Following::STATE_WATCHING: return {"its pull request is followed" + why, Ink::dim};
    case v1::Following::STATE_MERGED: return {"merged" + why, Ink::green};
    case v1::Following::STATE_CLOSED: return {"its pull request was closed without being merged" + why, Ink::yellow};
    case v1::Following::STATE_GAVE_UP: return {"given up" + why, Ink::red};
    case v1::Following::STATE_STOPPED: return {"no longer followed" + why, Ink::dim};
    default: return {};
  }
}

Said said_of_sandbox(const v1::SandboxChosen& chosen) {
  const std::vector<std::string> hosts(chosen.hosts().begin(), chosen.hosts().end());
  const auto network = !hosts.empty() ? ", network to " + printable(join(hosts, ", ")) + " only" : chosen.network() ? "" : ", without network";
  if (chosen.reason().empty()) return {"sandbox: " + std::string(sandbox_word(chosen.level())) + network, Ink::dim};
  return {"sandbox: " + std::string(sandbox_word(chosen.level())) + ", since " + printable(chosen.reason()), Ink::yellow};
}

Said said_of_refused(const v1::CommitsRefused& refused) {
  const auto kept = refused.kept_as().empty() ? "" : "; they are kept as " + printable(refused.kept_as());
  return {"what it committed is not on its branch: " + printable(refused.reason()) + kept, Ink::red};
}

/// What is said of an event in one line; empty: nothing.
Said said_of(const v1::Event& event) {
  switch (event.payload_case()) {
    case v1::Event::kRunStarted:
      return {said_of_start(event.run_started().run())};
    case v1::Event::kRunEnded:
      return said_of_end(event.run_ended());
    case v1::Event::kTasksAdded:
      return {said_of_tasks(event.tasks_added())};
    case v1::Event::kPlanClosed:
      return {said_of_closing(event.plan_closed()), Ink::dim};
    case v1::Event::kPhaseChanged:
      return said_of_phase(event.phase_changed());
    case v1::Event::kWorktreeReady:
      return {said_of_worktree(event.worktree_ready()), Ink::dim};
    case v1::Event::kEnvironmentReady:
      return {said_of_environment(event.environment_ready()), Ink::dim};
    case v1::Event::kEnvironmentCached:
      return {said_of_cache(event.environment_cached()), Ink::dim};
    case v1::Event::kWaiting:
      return {event.waiting().for_().empty() ? "" : "waits for " + event.waiting().for_(), Ink::dim};
    case v1::Event::kAgentActivity:
      return said_of_activity(event.agent_activity());
    case v1::Event::kAgentLaunched:
      return said_of_launch(event.agent_launched());
    case v1::Event::kAgentTold:
      return said_of_told(event.agent_told());
    case v1::Event::kAgentPaused:
      return {"stands still", Ink::yellow};
    case v1::Event::kAgentContinued:
      return {"goes on", Ink::dim};
    case v1::Event::kWorkCommitted:
      return {said_of_commits(event.work_committed())};
    case v1::Event::kPushed:
      return {said_of_push(event.pushed())};
    case v1::Event::kRebased:
      return {"rebased onto what " + event.rebased().remote() + " had; the gates run again"};
    case v1::Event::kSnapshotTaken:
      return {"snapshot " + std::to_string(event.snapshot_taken().number()) + ": " + event.snapshot_taken().reason(), Ink::dim};
    case v1::Event::kRunTakenUp:
      return {"the daemon was started anew and goes on with the run", Ink::dim};
    case v1::Event::kRunCompacted:
      return {std::to_string(event.run_compacted().events()) + " events of a run that had ended are no longer kept; its outcome is",
              Ink::dim};
    case v1::Event::kNotice: {
      const bool warns = event.notice().severity() == v1::Notice::SEVERITY_WARNING;
      return {(warns ? "warning: " : "note: ") + event.notice().text(), warns ? Ink::yellow : Ink::dim};
    }
    case v1::Event::kRetryRequested:
      return said_of_request(event);
    case v1::Event::kRetryScheduled:
      return said_of_retry(event.retry_scheduled());
    case v1::Event::kAgentStalled:
      return {"the agent said nothing for " + format_duration(to_milliseconds(event.agent_stalled().limit())) +
                  " and is ended",
              Ink::yellow};
    case v1::Event::kAgentConditionChanged: {
      const auto& change = event.agent_condition_changed();
      if (change.condition() == v1::AGENT_CONDITION_SILENT) return {};  // a notice says it
      return {change.text().empty() ? "" : "the agent: " + change.text(), Ink::yellow};
    }
    case v1::Event::kWorkReturned:
      return {"goes back to the agent (" + std::to_string(event.work_returned().retry()) + " of " +
                  std::to_string(event.work_returned().retries()) + "): " + event.work_returned().reason(),
              Ink::yellow};
    case v1::Event::kAgentParked:
      return {event.agent_parked().reason(), Ink::yellow};
    case v1::Event::kBudgetUsed:
      return {event.budget_used().text(), Ink::yellow};
    case v1::Event::kAgentPassedOver:
      return {event.agent_passed_over().reason() + "; goes on with " + event.agent_passed_over().next(), Ink::yellow};
    case v1::Event::kRaceDecided:
      return {event.race_decided().reason()};
    case v1::Event::kIssueOpened:
      return {"issue " + event.issue_opened().issue().url(), Ink::dim};
    case v1::Event::kPullRequestOpened:
      return {said_of_pull_request(event.pull_request_opened().pull_request())};
    case v1::Event::kIssueClosed:
      return {"issue closed", Ink::dim};
    case v1::Event::kTrackerStepFailed:
      return {"tracker: " + event.tracker_step_failed().reason(), Ink::yellow};
    case v1::Event::kTrackerWaiting:
      return said_of_tracker_wait(event.tracker_waiting());
    case v1::Event::kPullRequestChanged:
      return said_of_change(event.pull_request_changed().pull_request());
    case v1::Event::kFollowingChanged:
      return said_of_following(event.following_changed());
    case v1::Event::kCancelRequested:
      return {"asked to cancel"};
    case v1::Event::kSandboxChosen:
      return said_of_sandbox(event.sandbox_chosen());
    case v1::Event::kCommitsRefused:
      return said_of_refused(event.commits_refused());
    case v1::Event::kEscapeNoticed:
      return {printable(domain::escape_text(event.escape_noticed())), Ink::red};
    case v1::Event::kCommitsTaken:
      return {"its branch is at " + event.commits_taken().head_commit().substr(0, 8), Ink::dim};
    // Told by the end that follows, by lines of their own, or of no interest to a person.
    case v1::Event::kEnvironmentVerified:
    case v1::Event::kPortsReserved:
    case v1::Event::kAgentVerdict:
    case v1::Event::kReported:
    case v1::Event::kGateEnded:
    case v1::Event::kOutput:
    case v1::Event::kCommandStarted:
    case v1::Event::kCommandEnded:
    case v1::Event::PAYLOAD_NOT_SET:
      return {};
  }
  return {};
}

}  // namespace

PlainLines::PlainLines(const v1::Run& run, Options options) : options_(options) { make_room(run.subagents()); }

/// The column of the tasks is as wide as it must be for these.
void PlainLines::make_room(const google::protobuf::RepeatedPtrField<v1::Subagent>& tasks) {
  for (const auto& agent : tasks) {
    id_columns_ = std::max(id_columns_, display_width(printable(agent.task_id())));
  }
  id_columns_ = std::min(id_columns_, kMostTaskColumns);
}

std::string PlainLines::line(const v1::Event& event, std::string_view text, Ink ink) const {
  const auto time = format_duration(to_milliseconds(event.elapsed()));
  Line line(options_.style);
  line.pad_to(kTimeColumns - std::min(kTimeColumns, time.size()))
      .add(time, Ink::dim)
      .pad_to(kTimeColumns + 2);
  if (!event.task_id().empty()) {
    line.add(fit(printable(event.task_id()), id_columns_)).pad_to(kTimeColumns + 2 + id_columns_ + 2);
  }
  return line.add(text, ink).text();
}

std::vector<std::string> PlainLines::lines(const v1::Event& event) {
  if (event.has_tasks_added()) make_room(event.tasks_added().subagents());
  if (event.has_gate_ended()) return gate_lines(event);
  if (event.has_output()) return output_lines(event);
  const auto said = said_of(event);
  if (said.text.empty()) return {};
  return {line(event, said.text, said.ink)};
}

std::vector<std::string> PlainLines::gate_lines(const v1::Event& event) const {
  const auto& gate = event.gate_ended().result();
  const auto time = " (" + format_duration(to_milliseconds(gate.duration())) + ")";
  if (gate.passed()) return {line(event, "gate " + gate.name() + " passed" + time, Ink::green)};
  const auto how = gate.has_exit_code() ? " with exit code " + std::to_string(gate.exit_code()) : "";
  std::vector<std::string> lines{line(event, "gate " + gate.name() + " failed" + how + time, Ink::red)};
  std::vector<std::string_view> tail;
  for (std::string_view rest = trimmed(gate.output_tail()); !rest.empty();) {
    const auto end = rest.find('\n');
    tail.push_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  const auto first = tail.size() - std::min(tail.size(), kShownGateLines);
  for (std::size_t i = first; i < tail.size(); ++i)
    lines.push_back(line(event, "| " + std::string(tail[i]), Ink::dim));
  return lines;
}

std::vector<std::string> PlainLines::output_lines(const v1::Event& event) const {
  std::vector<std::string> lines;
  if (!options_.verbose) return lines;
  for (const auto& said : event.output().lines()) lines.push_back(line(event, "| " + said.text(), Ink::dim));
  if (event.output().muted()) lines.push_back(line(event, "| … the rest is only in the log", Ink::dim));
  return lines;
}

}  // namespace fanout::client
