#include "client/mcp/following.hpp"

#include <poll.h>

#include <algorithm>

#include "client/reach.hpp"

namespace fanout::mcp {

namespace v1 = fanout::v1;
using namespace std::chrono_literals;

namespace {

constexpr auto kReconnectTime = 10s;
constexpr auto kReconnectPause = 200ms;

}  // namespace

Following::Following(client::Connection& daemon, Call& call, std::string run_id, std::uint64_t after)
    : daemon_(daemon), call_(call), run_id_(std::move(run_id)), seen_(after) {
  open();
}

void Following::open() {
  v1::WatchRunRequest request;
  request.set_run_id(run_id_);
  request.set_after_sequence(seen_);
  stream_ = daemon_.watch(request);
}

/// A daemon that stops breaks off what it serves; the next one goes on with the run.
void Following::lose(const client::CallFailed& failure) {
  const auto now = Clock::now();
  const bool goes_on = failure.kind() == ErrorKind::unavailable || failure.kind() == ErrorKind::cancelled;
  if (!goes_on || now >= give_up_) throw failure;
  if (give_up_ == Clock::time_point::max()) give_up_ = now + kReconnectTime;
  stream_.reset();
}

void Following::wait(Clock::time_point deadline) const {
  const auto until = stream_ ? deadline : std::min(deadline, Clock::now() + kReconnectPause);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  pollfd watched[] = {{stream_ ? stream_->descriptor() : -1, POLLIN, 0}, {call_.stop_descriptor(), POLLIN, 0}};
  poll(watched, 2, static_cast<int>(std::clamp<long long>(left, 0, 60'000)));
}

/// timed_out: there is nothing just now.
Following::Next Following::take(std::vector<v1::Event>& events) {
  auto news = stream_->take();
  for (auto& event : news.events) {
    if (event.sequence() <= seen_) continue;
    seen_ = event.sequence();
    events.push_back(std::move(event));
  }
  if (!news.events.empty()) give_up_ = Clock::time_point::max();
  if (news.failure) lose(*news.failure);
  if (!events.empty()) return Next::events;
  return news.ended && !news.failure ? Next::ended : Next::timed_out;
}

Following::Next Following::next(std::vector<v1::Event>& events, Clock::time_point deadline) {
  events.clear();
  for (;;) {
    wait(deadline);
    if (call_.stopped()) return Next::stopped;
    if (!stream_ && (client::answers(daemon_.socket()) || Clock::now() >= give_up_)) {
      daemon_.renew();
      open();
    } else if (stream_) {
      if (const auto next = take(events); next != Next::timed_out) return next;
    }
    if (Clock::now() >= deadline) return Next::timed_out;
  }
}

}  // namespace fanout::mcp
