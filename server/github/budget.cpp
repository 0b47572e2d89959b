#include "server/github/budget.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace fanout::github {

using namespace std::chrono_literals;

namespace {

constexpr unsigned kWriteCost = 5;
constexpr unsigned kMostHalvings = 4;
constexpr unsigned kInFlight = 11;  ///< Requests whose cost the last answer may not have counted.

using Log = std::deque<std::pair<Time, unsigned>>;

unsigned cost_of(const Ask& ask) { return ask.write ? kWriteCost * std::max(1u, ask.creates) : 1; }

/// What it takes of the primary limit: GraphQL makes many in one request, REST one in each.
unsigned requests_of(const Ask& ask) { return ask.resource == Resource::graphql ? 1 : std::max(1u, ask.creates); }

void forget(Log& log, Time before) {
  while (!log.empty() && log.front().first <= before) log.pop_front();
}

unsigned spent(const Log& log, milliseconds span, Time now) {
  unsigned sum = 0;
  for (const auto& [time, count] : log) {
    if (time > now - span) sum += count;
  }
  return sum;
}

/// When `wanted` more fit into `limit` per `span`.
Time fits_at(const Log& log, milliseconds span, unsigned limit, unsigned wanted, Time now) {
  wanted = std::min(wanted, limit);
  unsigned sum = spent(log, span, now);
  Time at = now;
  for (const auto& [time, count] : log) {
    if (sum + wanted <= limit) break;
    if (time <= now - span) continue;
    sum -= count;
    at = time + span;
  }
  return at;
}

/// The last few are for writes, and the very last for what is on its way.
unsigned reserve_of(unsigned limit, bool write) {
  return std::min(write ? kInFlight : 100u, limit / (write ? 100 : 20));
}

void raise(Verdict& verdict, Time at, WaitReason reason) {
  if (at > verdict.at) verdict = {at, reason};
}

}  // namespace

Budget::Budget(Limits limits) : limits_(limits), tokens_(limits.burst) {}

unsigned Budget::divisor(Time now) const {
  const auto passed = std::max(0ms, now - halved_at_) / std::max(1ms, limits_.recovery);
  const auto left = static_cast<long>(halvings_) - static_cast<long>(passed);
  return left > 0 ? 1u << left : 1;
}

unsigned Budget::burst(Time now) const { return std::max(1u, limits_.burst / divisor(now)); }

double Budget::tokens(Time now) const {
  const auto passed = static_cast<double>(std::max(0ms, now - tokens_at_).count());
  const auto each = static_cast<double>(limits_.refill.count()) * divisor(now);
  return std::min<double>(burst(now), tokens_ + (each > 0 ? passed / each : passed));
}

Time Budget::primary_at(const Ask& ask, Time now) const {
  const auto& known = primary(ask.resource);
  if (!known.remaining || known.resets <= now) return now;
  const unsigned limit = known.limit.value_or(0);
  return *known.remaining > reserve_of(limit, ask.write) ? now : known.resets;
}

Time Budget::creation_at(unsigned creates, Time now) const {
  const auto slower = divisor(now);
  const double missing = std::min(creates, burst(now)) - tokens(now);
  Time at = now;
  if (missing > 0) {
    at += milliseconds(std::llround(std::ceil(missing * static_cast<double>(limits_.refill.count()) * slower)));
  }
  at = std::max(at, fits_at(created_, 1min, std::max(1u, limits_.per_minute / slower), creates, now));
  return std::max(at, fits_at(created_, 1h, std::max(1u, limits_.per_hour / slower), creates, now));
}

Verdict Budget::judge(const Ask& ask, Time now) const {
  Verdict verdict{now, WaitReason::none};
  raise(verdict, fits_at(points_, 1min, limits_.points_per_minute, cost_of(ask), now), WaitReason::points);
  raise(verdict, primary_at(ask, now), WaitReason::primary_limit);
  if (!ask.write) return verdict;
  if (ask.creates > 0) {
    raise(verdict, creation_at(ask.creates, now), WaitReason::creations);
  } else if (last_edit_ <= now) {
    raise(verdict, last_edit_ + limits_.edit_spacing * divisor(now), WaitReason::spacing);
  }
  raise(verdict, stopped_until_, WaitReason::secondary_limit);
  return verdict;
}

unsigned Budget::creatable(Resource resource, unsigned most, Time now) const {
  const Ask one{resource, true, 1};
  if (judge(one, now).at > now) return 0;
  const auto slower = divisor(now);
  const auto room = [&](milliseconds span, unsigned limit) {
    return std::max(1u, limit / slower) - std::min(std::max(1u, limit / slower), spent(created_, span, now));
  };
  const auto points = limits_.points_per_minute - std::min(limits_.points_per_minute, spent(points_, 1min, now));
  const auto& known = primary(resource);
  if (resource != Resource::graphql && known.remaining && known.resets > now) {
    most = std::min(most, *known.remaining - reserve_of(known.limit.value_or(0), true));
  }
  const auto whole_tokens = static_cast<unsigned>(tokens(now) + 1e-6);
  return std::max(1u, std::min({most, std::max(1u, limits_.batch / slower), whole_tokens,
                                room(1min, limits_.per_minute), room(1h, limits_.per_hour), points / kWriteCost}));
}

void Budget::spend(const Ask& ask, Time now) {
  forget(points_, now - 1min);
  points_.emplace_back(now, cost_of(ask));
  auto& known = primary(ask.resource);
  if (known.remaining) *known.remaining -= std::min(*known.remaining, requests_of(ask));
  if (!ask.write) return;
  if (ask.creates == 0) {
    last_edit_ = now;
    return;
  }
  tokens_ = std::max(0.0, tokens(now) - ask.creates);
  tokens_at_ = now;
  forget(created_, now - 1h);
  created_.emplace_back(now, ask.creates);
}

unsigned Budget::created_within(milliseconds span, Time now) const { return spent(created_, span, now); }

void Budget::give_back(unsigned creates) {
  tokens_ = std::min<double>(limits_.burst, tokens_ + creates);
  if (!created_.empty()) created_.back().second -= std::min(created_.back().second, creates);
}

void Budget::learn(const RateHeaders& headers, Resource resource, Time now) {
  if (headers.resource == "graphql") resource = Resource::graphql;
  if (!headers.remaining || !headers.resets_in) return;
  primary(resource) = {headers.limit, headers.remaining, now + std::max(1s + 0ms, *headers.resets_in)};
}

void Budget::exhaust(Resource resource, std::optional<milliseconds> resets_in, Time now) {
  auto& known = primary(resource);
  known.remaining = 0;
  known.resets = now + std::clamp<milliseconds>(resets_in.value_or(1min), 1s, 2h);
}

void Budget::penalise(std::optional<milliseconds> retry_after, Time now) {
  const auto growing = limits_.first_penalty * (1 << std::min(strikes_, 10u));
  const auto pause = retry_after ? std::min<milliseconds>(*retry_after, 2h) : std::min(growing, limits_.longest_penalty);
  const auto left = static_cast<unsigned>(std::bit_width(divisor(now)) - 1);
  halvings_ = std::min(kMostHalvings, left + 1);
  halved_at_ = now;
  ++strikes_;
  stopped_until_ = std::max(stopped_until_, now + pause);
  // No burst right after it.
  tokens_ = 1;
  tokens_at_ = stopped_until_;
}

}  // namespace fanout::github
