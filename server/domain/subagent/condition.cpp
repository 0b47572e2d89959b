#include "server/domain/subagent/condition.hpp"

#include "common/duration.hpp"
#include "common/text.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kManyLines = 100;  // a sign of life now and then is no loop
constexpr std::size_t kManyCalls = 20;
constexpr std::chrono::minutes kUsualPatience{10};
constexpr std::size_t kShown = 80;

std::string shown(std::string_view text) { return fit(printable(trimmed(text)), kShown); }

}  // namespace

void ConditionWatch::line(std::string_view text, Time now) {
  quiet_ = false;
  if (trimmed(text).empty()) return;
  lines_.see(text, now);
  last_line_ = head(text, 1024);
}

void ConditionWatch::does_something() {
  asked_.clear();
  limit_.clear();
}

void ConditionWatch::activity(const v1::AgentActivity& activity, Time now) {
  switch (activity.activity_case()) {
    case v1::AgentActivity::kToolCall: {
      does_something();
      const auto& call = activity.tool_call();
      if (call.id() == last_call_ && !call.id().empty()) return;  // the same one has come further
      last_call_ = call.id();
      calls_.see(call.name() + '\n' + call.title() + '\n' + call.input(), now);
      return;
    }
    case v1::AgentActivity::kMessage:
    case v1::AgentActivity::kReasoning:
    case v1::AgentActivity::kToolResult:
    case v1::AgentActivity::kAnswer: return does_something();
    case v1::AgentActivity::kPermission:
      if (!activity.permission().decided()) asked_ = activity.permission().title();
      return;
    case v1::AgentActivity::kQuestion: {
      const auto& question = activity.question();
      asked_ = question.items_size() > 0 ? question.items(0).text() : question.text();
      return;
    }
    case v1::AgentActivity::kLimit:
      if (!activity.limit().warning()) limit_ = activity.limit().text();
      return;
    default: return;
  }
}

void ConditionWatch::quiet() { quiet_ = true; }

bool ConditionWatch::loops(std::chrono::milliseconds span, Time now) const {
  return lines_.goes_on(kManyLines, span, now) || calls_.goes_on(kManyCalls, span, now);
}

ConditionWatch::Seen ConditionWatch::seen(Time now) const {
  const auto half = (patience_.count() > 0 ? patience_ : std::chrono::milliseconds(kUsualPatience)) / 2;
  if (!asked_.empty()) return {v1::AGENT_CONDITION_WAITING_FOR_INPUT, "it has asked: " + shown(asked_)};
  if (!limit_.empty()) return {v1::AGENT_CONDITION_RATE_LIMITED, "its provider holds it back: " + shown(limit_)};
  if (quiet_ && asks_for_input(last_line_)) {
    return {v1::AGENT_CONDITION_WAITING_FOR_INPUT,
            "it is silent behind what looks like a question, and nobody can answer it: " + shown(last_line_)};
  }
  if (quiet_) return {v1::AGENT_CONDITION_SILENT, "it has printed nothing for " + format_duration(half)};
  if (loops(half, now)) {
    return {v1::AGENT_CONDITION_LOOPING, "it does the same again and again, and nothing new for " + format_duration(half) +
                                             "; last: " + shown(last_line_)};
  }
  return {};
}

bool ConditionWatch::is_lost(Time now) const { return patience_.count() > 0 && loops(patience_, now); }

}  // namespace fanout::domain
