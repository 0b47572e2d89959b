#include "server/agent/verdict.hpp"

#include <algorithm>
#include <array>

#include "common/text.hpp"
#include "server/agent/catalog.hpp"
#include "server/agent/limits.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;

namespace {

std::string cleaned(std::string_view line) { return fit(printable(trimmed(line)), 300); }

/// The line of stderr that says why: the last that calls itself an error, else the last.
std::string telling_line(std::string_view text) {
  std::string last, error;
  for (text = trimmed(text); !text.empty();) {
    const auto end = text.find('\n');
    auto line = cleaned(text.substr(0, end));
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
    if (line.empty()) continue;
    const auto word = std::string_view(line).substr(0, 5);
    if (word == "error" || word == "Error" || word == "ERROR" || word == "fatal") error = line;
    last = std::move(line);
  }
  return error.empty() ? last : error;
}

/// What the programs say of a session that they do not have.
bool says_session_is_lost(std::string_view text) {
  constexpr std::array<std::string_view, 5> phrases{"No conversation found with session ID",
                                                    "no rollout found for", "Error resuming session",
                                                    "Session not found", "Invalid session identifier"};
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](auto phrase) { return text.find(phrase) != std::string_view::npos; });
}

bool is_session_lost(const Witness& witness, const Ending& ending) {
  if (!ending.resuming || witness.spoke()) return false;
  const auto& result = witness.result();
  return says_session_is_lost(ending.stderr_tail) || (result && says_session_is_lost(result->summary()));
}

std::string one_sentence(std::string_view text) {
  text = trimmed(text);
  return fit(printable(text.substr(0, text.find('\n'))), 300);
}

std::string how_it_ended(const Ending& ending) {
  if (ending.timed_out) return "ran out of its time";
  if (ending.signal != 0) return "was ended by signal " + std::to_string(ending.signal);
  return "ended with exit code " + std::to_string(ending.exit_code.value_or(-1));
}

std::string with_detail(std::string sentence, const std::string& detail) {
  return detail.empty() ? sentence : sentence + ": " + detail;
}

std::string counted_denials(int count) {
  return counted(static_cast<std::size_t>(count), "call") + (count == 1 ? " that was" : " that were") +
         " not allowed";
}

Limited limited(v1::AgentLimit limit) {
  auto reason = with_detail("a limit was reached", one_sentence(limit.text()));
  return {std::move(limit), std::move(reason)};
}

/// Gemini CLI ends with the HTTP status modulo 256, and with numbers of its own for its own failures.
std::optional<int> status_of(const AgentRow& agent, const Ending& ending) {
  if (agent.id != "gemini" || !ending.exit_code) return std::nullopt;
  const int code = *ending.exit_code;
  if (code == 41) return 401;  // its own: authentication
  constexpr int kFirst = 400 % 256, kLast = 511 % 256;
  return code >= kFirst && code <= kLast ? std::optional(code + 256) : std::nullopt;
}

/// It said nothing of how it ended.
Verdict judge_silence(const AgentRow& agent, const Witness& witness, const Ending& ending) {
  const auto name = std::string(agent.title);
  const auto said = telling_line(ending.stderr_tail);
  if (ending.exit_code == 0 && !ending.timed_out) {
    if (!agent.tells_result) return Succeeded{};
    const auto denied =
        witness.denials() > 0 ? " after " + counted_denials(witness.denials()) : std::string();
    return Failed{
        with_detail(name + " ended without a result" + denied, said.empty() ? witness.last_warning() : said)};
  }
  const auto status = status_of(agent, ending);
  if (is_login_trouble(ending.stderr_tail, status)) {
    return NeedsLogin{with_detail(name + " is not logged in", said)};
  }
  if (auto limit = limit_in(ending.stderr_tail, status); limit && agent.tells_result)
    return limited(std::move(*limit));
  return Failed{with_detail(name + " " + how_it_ended(ending), said.empty() ? witness.last_warning() : said)};
}

Verdict judge_success(const AgentRow& agent, const Witness& witness, const Ending& ending) {
  const auto name = std::string(agent.title);
  if (!ending.was_idle && (ending.exit_code != 0 || ending.timed_out)) {
    return Failed{with_detail(name + " said it was done, but " + how_it_ended(ending),
                              telling_line(ending.stderr_tail))};
  }
  const auto denials = std::max<int>(witness.denials(), static_cast<int>(witness.result()->denials()));
  if (denials > 0 && !ending.worktree_changed) {
    return Failed{name + " changed nothing after " + counted_denials(denials)};
  }
  return Succeeded{witness.result()->summary()};
}

v1::AgentLimit limit_of(const Witness& witness) {
  if (witness.limit()) return *witness.limit();
  v1::AgentLimit limit;
  limit.set_kind(v1::AgentLimit::KIND_RATE);
  limit.set_text(witness.result()->summary());
  return limit;
}

}  // namespace

void Witness::see(const Activity& activity) {
  switch (activity.activity_case()) {
    case Activity::kResult:
      if (activity.within().empty()) result_ = activity.result();
      return;
    case Activity::kLimit:
      if (!activity.limit().warning()) limit_ = activity.limit();
      return;
    case Activity::kToolResult:
      if (activity.tool_result().denied()) ++denials_;
      return;
    case Activity::kAnswer:
      if (!activity.answer().allowed() && activity.answer().by() != v1::AgentAnswer::BY_AGENT) ++denials_;
      return;
    case Activity::kNotice:
      if (activity.notice().warning()) last_warning_ = one_sentence(activity.notice().text());
      return;
    case Activity::kMessage:
    case Activity::kToolCall:
      spoke_ = true;
      if (activity.within().empty() && !activity.message().partial()) result_.reset();  // it goes on
      limit_.reset();
      return;
    default:
      return;
  }
}

Verdict judge_run(const AgentRow& agent, const Witness& witness, const Ending& ending) {
  const auto& result = witness.result();
  if (is_session_lost(witness, ending))
    return SessionLost{std::string(agent.title) + " no longer has the session"};
  if (!result && ending.asked_to_stop) return Stopped{std::string(agent.title) + " was stopped"};
  if (!result) return judge_silence(agent, witness, ending);
  const auto name = std::string(agent.title);
  const auto said = one_sentence(result->summary());
  switch (result->outcome()) {
    case v1::AgentResult::OUTCOME_SUCCEEDED:
      return judge_success(agent, witness, ending);
    case v1::AgentResult::OUTCOME_CANCELLED:
      if (ending.asked_to_stop) return Stopped{name + " was stopped"};
      return Failed{with_detail(name + " was interrupted", said)};
    case v1::AgentResult::OUTCOME_LIMITED:
      return limited(limit_of(witness));
    case v1::AgentResult::OUTCOME_NEEDS_LOGIN:
      return NeedsLogin{with_detail(name + " is not logged in", said)};
    case v1::AgentResult::OUTCOME_REFUSED:
      return Failed{with_detail("the model refused", said)};
    case v1::AgentResult::OUTCOME_EXHAUSTED:
      return Failed{with_detail("what was granted is used up", said)};
    default:
      return Failed{with_detail(name + " failed", said)};
  }
}

const std::string& reason_of(const Verdict& verdict) {
  return std::visit(
      [](const auto& end) -> const std::string& {
        if constexpr (requires { end.summary; }) {
          return end.summary;
        } else {
          return end.reason;
        }
      },
      verdict);
}

}  // namespace fanout::agent
