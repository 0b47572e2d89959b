#include "client/plan_feed.hpp"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "client/render/looks.hpp"
#include "client/signals.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;
using namespace std::chrono_literals;
using ExtendResult = v1::ExtendRunResponse::Result;

namespace {

constexpr std::size_t kMostLinesAtOnce = 100;
constexpr std::size_t kMostBytesAtOnce = 1u << 20;  // of all but the last; a request has at most 4 MiB
constexpr auto kSendAgain = 200ms;
constexpr auto kAwayTime = 10s;

/// It names no task: a task without these would say nothing to do.
bool is_head(const std::string& text) {
  google::protobuf::Struct object;
  if (!google::protobuf::util::JsonStringToMessage(text, &object).ok()) return false;
  if (object.fields().contains("metadata")) return true;
  const std::array names{"id", "file", "prompt", "description"};
  return std::none_of(names.begin(), names.end(), [&](const char* name) { return object.fields().contains(name); });
}

bool is_readable(int descriptor) {
  pollfd watched{descriptor, POLLIN, 0};
  return descriptor >= 0 && poll(&watched, 1, 0) > 0;
}

std::string place_in_words(const v1::Diagnostic& diagnostic) {
  if (diagnostic.file().empty()) return "";
  const auto line = diagnostic.line() > 0 ? ":" + std::to_string(diagnostic.line()) : "";
  return shown_path(diagnostic.file(), present_folder()) + line + ": ";
}

/// Those of one severity, as one sentence.
std::string messages_of(const ExtendResult& result, v1::Diagnostic::Severity severity) {
  std::vector<std::string> parts;
  for (const auto& one : result.diagnostics()) {
    if (one.severity() == severity) parts.push_back(place_in_words(one) + one.message());
  }
  return join(parts, "; ");
}

}  // namespace

PlanHead take_head(PlanSource& source) {
  while (!source.has_line() && !source.ended()) source.read();
  auto first = source.next();
  if (!first) {
    throw Error(ErrorKind::invalid_input,
                "nothing came from " + source.name() + ", so nothing was started: it needs tasks, one JSON object a line");
  }
  if (!first->too_long && is_head(first->text)) return {first->text, first->number};
  source.put_back(std::move(*first));
  return {};
}

int PlanFeed::descriptor() const { return done_ || !batch_.empty() ? -1 : source_.descriptor(); }

PlanFeed::Clock::time_point PlanFeed::next_step() const {
  if (done_) return Clock::time_point::max();
  const bool has_work = !batch_.empty() || source_.has_line() || source_.ended();
  return has_work ? again_ : Clock::time_point::max();
}

std::vector<std::string> PlanFeed::step(Connection& daemon) {
  std::vector<std::string> told;
  if (is_readable(descriptor())) source_.read();
  while (next_step() <= Clock::now()) {
    fill(told);
    if (!send(daemon, told)) break;
  }
  return told;
}

void PlanFeed::fill(std::vector<std::string>& told) {
  if (!batch_.empty()) return;  // they were sent, and not answered
  std::size_t bytes = 0;
  while (batch_.size() < kMostLinesAtOnce && bytes < kMostBytesAtOnce) {
    auto line = source_.next();
    if (!line) return;
    if (line->too_long) {
      ++refused_;
      told.push_back("line " + std::to_string(line->number) + " of " + source_.name() + " was not taken: it is larger than 1 MiB");
      continue;
    }
    bytes += line->text.size();
    batch_.push_back(std::move(*line));
  }
}

/// False: no daemon answered.
bool PlanFeed::send(Connection& daemon, std::vector<std::string>& told) {
  v1::ExtendRunRequest request;
  request.set_run_id(run_id_);
  for (const auto& line : batch_) request.add_tasks(line.text);
  request.set_close(closes_ && source_.ended());
  try {
    const auto answer = request.tasks().empty() && !request.close() ? v1::ExtendRunResponse() : daemon.call(request);
    const bool closed_by_others = answer.results_size() > 0 && !answer.open() && !request.close();
    judge(answer, closed_by_others, told);
    if (closed_by_others) stop_reading(told);
  } catch (const CallFailed& failure) {
    // One that could not record it in time, such as on a full disk, is asked again, too.
    const bool is_away = failure.kind() == ErrorKind::unavailable || failure.kind() == ErrorKind::cancelled;
    if (!is_away && failure.kind() != ErrorKind::timed_out) throw;
    waits_ = is_away;
    again_ = Clock::now() + kSendAgain;
    return false;
  }
  waits_ = false;
  batch_.clear();
  done_ = done_ || source_.ended();
  return true;
}

/// Where others have `closed` the plan, that is said once.
void PlanFeed::judge(const v1::ExtendRunResponse& answer, bool closed, std::vector<std::string>& told) {
  const auto count = std::min<std::size_t>(batch_.size(), static_cast<std::size_t>(answer.results_size()));
  for (std::size_t i = 0; i < count; ++i) {
    const auto& result = answer.results(static_cast<int>(i));
    const auto line = "line " + std::to_string(batch_[i].number) + " of " + source_.name() +
                      (result.task_id().empty() ? "" : " (" + result.task_id() + ")");
    if (result.outcome() == ExtendResult::OUTCOME_REFUSED) {
      ++refused_;
      if (!closed) told.push_back(line + " was not taken: " + messages_of(result, v1::Diagnostic::SEVERITY_ERROR));
    }
    const auto warnings = messages_of(result, v1::Diagnostic::SEVERITY_WARNING);
    if (!warnings.empty()) told.push_back(line + ": " + warnings);
  }
}

void PlanFeed::stop_reading(std::vector<std::string>& told) {
  told.push_back("the plan of " + run_id_ + " is closed: nothing more is read from " + source_.name());
  source_.close();
  while (source_.next()) ++refused_;
  done_ = true;
}

std::string PlanFeed::leave(Connection& daemon) {
  if (done_) return "";
  source_.close();
  again_ = {};
  std::vector<std::string> told;
  while (!done_) {
    fill(told);
    if (!send(daemon, told)) break;
  }
  for (const auto& text : told) say(text);
  if (!done_) return "its plan stays open, since no daemon answers; close it: fanout extend " + run_id_ + " --close";
  return closes_ ? "its plan is closed" : "";
}

std::string refusals_in_all(const PlanFeed& feed) {
  if (feed.refused() == 0) return "";
  return numbered(feed.refused(), "line") + (feed.refused() == 1 ? " was" : " were") + " not taken, see above";
}

int feed_to_end(Session& session, PlanFeed& feed) {
  Signals signals;
  auto away_since = PlanFeed::Clock::now();
  while (!feed.done()) {
    for (const auto& text : feed.step(session.daemon())) say(text);
    if (!feed.waits_for_daemon()) away_since = PlanFeed::Clock::now();
    if (PlanFeed::Clock::now() - away_since > kAwayTime) {
      throw CallFailed(ErrorKind::unavailable, "fanoutd does not answer; lines that were not sent are lost, and the plan of " +
                                                   feed.run_id() + " stays open");
    }
    if (feed.waits_for_daemon()) session.revive();
    pollfd watched[] = {{signals.descriptor(), POLLIN, 0}, {feed.descriptor(), POLLIN, 0}};
    if (!feed.done()) poll(watched, 2, feed.waits_for_daemon() ? 200 : feed.next_step() <= PlanFeed::Clock::now() ? 0 : -1);
    while (const auto signal = signals.take()) {
      if (*signal == SIGTSTP) stop_until_continued();
      if (*signal == SIGTSTP || *signal == SIGWINCH) continue;
      const auto left = feed.leave(session.daemon());
      say("interrupted; run " + feed.run_id() + " goes on" + (left.empty() ? "" : ", and " + left));
      return kExitInterrupted;
    }
  }
  const auto refused = refusals_in_all(feed);
  if (!refused.empty()) say(refused);
  return refused.empty() ? kExitOk : kExitTasksFailed;
}

}  // namespace fanout::client
