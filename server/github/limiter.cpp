#include "server/github/limiter.hpp"

#include <algorithm>

#include "server/github/wait.hpp"

namespace fanout::github {

using namespace std::chrono_literals;

/// Somebody who waits. Lives in its coroutine.
struct Limiter::Ticket {
  Ticket(const async::Executor& executor, Want w) : want(w), granted(executor) {}
  Want want;
  async::Signal granted;
  std::optional<Ask> ask;  ///< Set once it may go.
};

Limiter::Limiter(const async::Executor& executor, Clock clock, Limits limits)
    : clock_(clock),
      limits_(limits),
      budget_(limits),
      executor_(executor),
      timer_(executor) {}

Limiter::~Limiter() = default;

void Limiter::restore(std::string_view saved) { budget_ = Budget::restored(saved, limits_, clock_.now()); }

void Limiter::Permit::release() {
  auto* limiter = std::exchange(limiter_, nullptr);
  if (!limiter) return;
  if (ask_.write) {
    limiter->writing_ = false;
  } else {
    --limiter->reading_;
  }
  limiter->dispatch();
}

void Limiter::Permit::creates_only(unsigned count) {
  if (!limiter_ || count >= ask_.creates) return;
  limiter_->budget_.give_back(ask_.creates - count);
  ask_.creates = count;
}

awaitable<Limiter::Permit> Limiter::acquire(Want want) {
  Ticket ticket(executor_, want);
  const auto place = std::find_if(queue_.begin(), queue_.end(),
                                  [&](const Ticket* other) { return other->want.priority > want.priority; });
  queue_.insert(place, &ticket);
  dispatch();
  std::exception_ptr aborted;
  try {
    while (!ticket.ask) co_await ticket.granted.wait();
  } catch (...) {
    aborted = std::current_exception();
  }
  if (aborted) {
    if (ticket.ask) {
      Permit(this, *ticket.ask).release();
    } else {
      queue_.remove(&ticket);
      dispatch();
    }
    std::rethrow_exception(aborted);
  }
  co_return Permit(this, *ticket.ask);
}

bool Limiter::may_go(const Ticket& ticket, bool creations_blocked, Time now, Time& next) const {
  const auto& want = ticket.want;
  if (want.write ? writing_ : reading_ >= limits_.reads_at_once) return false;
  if (want.creates > 0 && creations_blocked) return false;
  const Ask ask{want.resource, want.write, want.creates > 0 ? 1u : 0u};
  const auto at = budget_.judge(ask, now).at;
  if (at > now) next = std::min(next, at);
  return at <= now;
}

void Limiter::grant(Ticket& ticket, Time now) {
  const auto& want = ticket.want;
  Ask ask{want.resource, want.write, 0};
  if (want.creates > 0) ask.creates = budget_.creatable(want.resource, want.creates, now);
  if (want.write) {
    writing_ = true;
  } else {
    ++reading_;
  }
  budget_.spend(ask, now);
  ticket.ask = ask;
  ticket.granted.notify();
  if (ask.creates > 0) changed();
}

/// Lets through whoever may go. Among those that create something only the first in order may, so that none
/// is overtaken for ever; whoever creates nothing passes them by.
void Limiter::dispatch() {
  const auto now = clock_.now();
  if (paused_ || queue_.empty()) return;
  if (now < held_until_) return wake_at(held_until_);
  Time next = Time::max();
  bool creations_blocked = false;
  for (auto place = queue_.begin(); place != queue_.end();) {
    Ticket& ticket = **place;
    if (may_go(ticket, creations_blocked, now, next)) {
      place = queue_.erase(place);
      grant(ticket, now);
    } else {
      creations_blocked = creations_blocked || ticket.want.creates > 0;
      ++place;
    }
  }
  if (next != Time::max()) wake_at(next);
}

void Limiter::wake_at(Time time) {
  // A little later than needed: a timer must not come back before the moment has.
  timer_.expires_after(clock_.real(std::min<milliseconds>(time - clock_.now(), 24h)) + 50us);
  timer_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](boost::system::error_code cancelled) {
    if (!cancelled && alive.lock()) dispatch();
  });
}

void Limiter::changed() {
  if (tell_) tell_();
}

void Limiter::answered(const RateHeaders& headers, Resource resource) {
  unreachable_ = 0;
  budget_.learn(headers, resource, clock_.now());
}

void Limiter::hit_primary(Resource resource, std::optional<milliseconds> resets_in) {
  budget_.exhaust(resource, resets_in, clock_.now());
  dispatch();
}

void Limiter::hit_secondary(std::optional<milliseconds> retry_after, bool by_write) {
  const auto now = clock_.now();
  budget_.penalise(retry_after, now);
  const Ask write{Resource::core, true, 0};
  if (!by_write) hold_until(budget_.judge(write, now).at);
  changed();
  dispatch();
}

void Limiter::unreachable() {
  ++unreachable_;
  hold_until(clock_.now() + backoff(unreachable_, 1s, 60s));
  dispatch();
}

void Limiter::hold_until(Time time) { held_until_ = std::max(held_until_, time); }

void Limiter::pause() { paused_ = true; }

void Limiter::resume() {
  paused_ = false;
  dispatch();
}

LimiterStatus Limiter::status() const {
  const auto now = clock_.now();
  LimiterStatus status;
  const Ticket* first = nullptr;
  for (const auto* ticket : queue_) {
    ++(ticket->want.write ? status.queued_writes : status.queued_reads);
    if (!first || (ticket->want.write && !first->want.write)) first = ticket;
  }
  status.remaining = budget_.remaining(Resource::core);
  status.slowed = budget_.divisor(now);
  status.limit = budget_.limit(Resource::core);
  status.resets = budget_.resets(Resource::core);
  status.created_in_minute = budget_.created_within(std::chrono::minutes(1), now);
  status.created_in_hour = budget_.created_within(std::chrono::hours(1), now);
  if (paused_) {
    status.reason = WaitReason::paused;
  } else if (now < held_until_) {
    status.reason = unreachable_ > 0 ? WaitReason::outage : WaitReason::secondary_limit;
    status.until = held_until_;
  } else if (first) {
    const Ask ask{first->want.resource, first->want.write, first->want.creates > 0 ? 1u : 0u};
    const auto verdict = budget_.judge(ask, now);
    status.reason = verdict.reason;
    if (verdict.at > now) status.until = verdict.at;
  }
  return status;
}

}  // namespace fanout::github
