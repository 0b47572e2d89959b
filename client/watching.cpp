#include "client/watching.hpp"

#include <poll.h>

#include <algorithm>
#include <csignal>

#include "client/reach.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;
using namespace std::chrono_literals;

namespace {

constexpr auto kTick = 1s;          // the clocks in the view
constexpr auto kFramePause = 50ms;  // more frames a second nobody sees
constexpr auto kSecondInterrupt = 2s;
constexpr auto kReconnectTime = 10s;
constexpr auto kReconnectPause = 200ms;
constexpr std::size_t kSpeechBytes = 60;
constexpr auto kSettled = 5s;  // a connection that held so long was a good one

int milliseconds_until(std::chrono::steady_clock::time_point time) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(time - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 60'000));
}

/// The end of the last line that says something, so that one sees it grow.
std::string end_of_line(std::string_view text) {
  text = trimmed(text);
  if (const auto line = text.rfind('\n'); line != text.npos) text = trimmed(text.substr(line + 1));
  const auto end = std::string(tail(text, kSpeechBytes));
  return printable(end.size() < text.size() ? "…" + end : end);
}

/// Whether somebody who looks elsewhere is called by it.
bool calls(const v1::Event& event) {
  const auto& activity = event.agent_activity();
  const bool asks = activity.has_question() || (activity.has_permission() && !activity.permission().decided());
  return asks || event.has_run_ended();
}

}  // namespace

Watching::Watching(Connection& daemon, Presenter& presenter, v1::Run run, std::uint64_t after, bool keys, PlanFeed* feed,
                   std::function<void()> revive)
    : daemon_(daemon),
      presenter_(presenter),
      feed_(feed),
      revive_(std::move(revive)),
      keys_(keys, feed && feed->reads_standard_input()),
      run_(std::move(run)),
      seen_(after) {
  if (keys) glance_.emplace(daemon.socket());
}

int Watching::to_the_end() {
  open();
  for (;;) {
    wait();
    while (const auto signal = signals_.take()) {
      if (handle(*signal) == Next::stop) return kExitInterrupted;
    }
    if (take_keys() == Next::stop) return kExitInterrupted;
    if (!stream_) try_again();
    take_tasks();
    take_log();
    if (take_news() == Next::stop) break;
    show();
  }
  presenter_.end(run_);
  return exit_code();
}

int Watching::exit_code() const {
  if (cancelled_) return kExitInterrupted;
  const auto refused = feed_ ? refusals_in_all(*feed_) : "";
  if (!refused.empty()) say(refused);
  return refused.empty() ? exit_code_of(run_) : kExitTasksFailed;
}

/// While the connection is lost nothing is read: whoever writes waits.
void Watching::take_tasks() {
  if (!feed_ || !stream_ || cancelled_) return;
  for (const auto& text : feed_->step(daemon_)) presenter_.remark(text);
}

/// Of the run that is left alone, in words that follow.
std::string Watching::stop_feeding() {
  const auto left = feed_ ? feed_->leave(daemon_) : "";
  return left.empty() ? "" : ", and " + left;
}

void Watching::open() {
  v1::WatchRunRequest request;
  request.set_run_id(run_.id());
  request.set_after_sequence(seen_);
  request.set_with_speech(glance_.has_value());  // lines tell what is whole
  stream_ = daemon_.watch(request);
  opened_ = Clock::now();
  open_log();
}

void Watching::wait() {
  auto until = next_show();
  if (!stream_) until = std::min(until, Clock::now() + kReconnectPause);
  const bool feeds = feed_ && stream_ && !cancelled_;
  if (feeds) until = std::min(until, feed_->next_step());
  pollfd watched[] = {{signals_.descriptor(), POLLIN, 0},
                      {stream_ ? stream_->descriptor() : -1, POLLIN, 0},
                      {keys_.descriptor(), POLLIN, 0},
                      {log_stream_ ? log_stream_->descriptor() : -1, POLLIN, 0},
                      {feeds ? feed_->descriptor() : -1, POLLIN, 0}};
  poll(watched, std::size(watched), milliseconds_until(until));
}

/// Stop: the run has ended, and all of it was seen.
Watching::Next Watching::take_news() {
  if (!stream_) return Next::go_on;
  const auto news = stream_->take();
  for (const auto& event : news.events) {
    if (event.sequence() <= seen_) continue;
    seen_ = event.sequence();
    domain::apply(run_, event);
    presenter_.on_event(run_, event);
    if (call_ && calls(event)) call_();
    stale_ = true;
  }
  for (const auto& speech : news.speech) hear(speech);
  if (!news.ended) return Next::go_on;
  if (!news.failure) return Next::stop;
  stream_.reset();
  log_stream_.reset();
  lose(*news.failure);
  return Next::go_on;
}

/// What an agent is writing stands where its last words do, which it will be.
void Watching::hear(const v1::AgentSpeech& speech) {
  auto* agent = domain::find_subagent(run_, speech.task_id());
  if (!agent) return;
  agent->set_last_message(end_of_line(speech.text()));
  stale_ = true;
}

void Watching::lose(const CallFailed& failure) {
  // Cancelled, though not by us: a daemon that shuts down drops its calls so.
  if (failure.kind() != ErrorKind::unavailable && failure.kind() != ErrorKind::cancelled) {
    presenter_.leave();
    throw failure;
  }
  const auto now = Clock::now();
  if (!lost_ || now - opened_ > kSettled) {
    give_up_ = now + kReconnectTime;
    presenter_.remark("lost the connection to fanoutd; trying again for 10 s");
  }
  lost_ = failure;
  stale_ = true;
}

/// Goes on where it was: events have numbers. Whoever still has tasks to bring starts a daemon for them.
void Watching::try_again() {
  if (revive_ && !feed_->done() && !answers(daemon_.socket())) revive_();
  if (answers(daemon_.socket())) {
    daemon_.renew();
    open();
  } else if (Clock::now() >= give_up_) {
    presenter_.leave();
    throw CallFailed(ErrorKind::unavailable, "fanoutd on " + daemon_.socket().string() +
                                                 " has gone while run " + run_.id() +
                                                 " was watched; fanout status " + run_.id() +
                                                 " starts it again and tells how the run stands");
  }
}

Watching::Next Watching::handle(int signal) {
  switch (signal) {
    case SIGWINCH:
      stale_ = true;
      return Next::go_on;
    case SIGTSTP:
      presenter_.leave();
      keys_.off();
      stop_until_continued();
      keys_.on();
      stale_ = true;
      return Next::go_on;
    case SIGINT:
      if (!cancelled_) return offer_cancel();
      [[fallthrough]];
    default:
      presenter_.leave();
      say("detached from " + run_.id() + stop_feeding() + "; return with: fanout watch " + run_.id());
      return Next::stop;
  }
}

Watching::Next Watching::offer_cancel() {
  presenter_.leave();
  say("detached from " + run_.id() + "; it goes on" + stop_feeding() + ". Return: fanout watch " + run_.id() +
      ". Cancel: Ctrl-C again within 2 s, or fanout cancel " + run_.id());
  if (wait_for_second_interrupt() == Next::stop) return Next::stop;
  cancel();
  return Next::go_on;
}

Watching::Next Watching::wait_for_second_interrupt() {
  for (const auto until = Clock::now() + kSecondInterrupt; Clock::now() < until;) {
    pollfd watched{signals_.descriptor(), POLLIN, 0};
    poll(&watched, 1, milliseconds_until(until));
    while (const auto signal = signals_.take()) {
      if (*signal == SIGINT) return Next::go_on;
      if (*signal == SIGTSTP)
        stop_until_continued();
      else if (*signal != SIGWINCH)
        return Next::stop;
    }
  }
  return Next::stop;
}

void Watching::cancel() {
  cancelled_ = true;
  v1::CancelRunRequest request;
  request.set_run_id(run_.id());
  try {
    daemon_.call(request);
    say("cancelling " + run_.id());
  } catch (const CallFailed& failure) {
    // It ended meanwhile: its end is all we wait for.
    if (failure.kind() != ErrorKind::precondition) throw;
  }
}

Watching::Next Watching::take_keys() {
  for (const auto& key : reader_.take(keys_.take())) {
    stale_ = true;
    const auto wish = browse_.press(key, run_);
    if (grant(wish) == Next::stop) return Next::stop;
    follow_log();
  }
  return Next::go_on;
}

Watching::Next Watching::grant(const Browse::Wish& wish) {
  if (const auto* answer = std::get_if<v1::AnswerAgentRequest>(&wish)) ask(*answer);
  if (const auto* retry = std::get_if<v1::RetryRunRequest>(&wish)) ask(*retry);
  if (const auto* one = std::get_if<v1::CancelRunRequest>(&wish)) ask(*one);
  if (!std::holds_alternative<Browse::Leave>(wish)) return Next::go_on;
  presenter_.leave();
  say("detached from " + run_.id() + "; it goes on" + stop_feeding() + ". Return: fanout watch " + run_.id());
  return Next::stop;
}

/// What comes of it the events tell.
template <class Request>
void Watching::ask(const Request& request) {
  try {
    daemon_.call(request);
  } catch (const CallFailed& failure) {
    presenter_.remark(failure.what());
  }
}

/// The log that is open is read from its beginning, through a stream of its own.
void Watching::follow_log() {
  if (browse_.reading() == log_task_) return;
  log_task_ = browse_.reading();
  log_seen_ = 0;
  log_lines_.emplace(v1::Run(), PlainLines::Options{{}, true});
  open_log();
}

void Watching::open_log() {
  log_stream_.reset();
  if (log_task_.empty()) return;
  v1::WatchRunRequest request;
  request.set_run_id(run_.id());
  request.set_after_sequence(log_seen_);
  log_stream_ = daemon_.watch(request);
}

void Watching::take_log() {
  if (!log_stream_) return;
  const auto news = log_stream_->take();
  for (const auto& event : news.events) {
    log_seen_ = event.sequence();
    if (event.task_id() != log_task_ || !browse_.log()) continue;
    for (const auto& line : log_lines_->lines(event)) browse_.log()->add(line);
    stale_ = true;
  }
  if (news.ended) log_stream_.reset();
}

Watching::Clock::time_point Watching::next_show() const {
  if (cancelled_) return Clock::time_point::max();
  return shown_ + (stale_ ? Clock::duration(kFramePause) : Clock::duration(kTick));
}

void Watching::show() {
  if (Clock::now() < next_show()) return;
  const std::string nothing;
  presenter_.refresh(run_, browse_, glance_ && stream_ ? glance_->look(run_) : nothing);
  shown_ = Clock::now();
  stale_ = false;
}

int watch_run(Session& session, v1::Run run, const WatchOptions& options) {
  const bool drawn = is_drawn(session, options.verbose);
  // What is drawn is the state, which `run` has; lines tell the story from its beginning.
  const auto after = drawn ? run.last_sequence() : options.after.value_or(0);
  const auto presenter = make_presenter(session, run, options.verbose);
  std::function<void()> revive;
  if (options.feed) revive = [&session] { session.revive(); };
  Watching watching(session.daemon(), *presenter, std::move(run), after, drawn, options.feed, std::move(revive));
  if (options.bell && session.out().is_terminal()) watching.on_call([&session] { session.out().write("\a"); });
  return watching.to_the_end();
}

}  // namespace fanout::client
