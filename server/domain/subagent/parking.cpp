#include "server/domain/subagent/parking.hpp"

#include <algorithm>

namespace fanout::domain {

using std::chrono::milliseconds;

milliseconds parking_time(unsigned strike, const Chance& chance, milliseconds first) {
  auto most = std::min(first, kLongestParking);
  for (unsigned i = 1; i < strike && most < kLongestParking; ++i) most = std::min(most * 2, kLongestParking);
  const auto half = most / 2;
  return half + milliseconds(static_cast<milliseconds::rep>(chance(static_cast<std::uint64_t>(half.count()))));
}

const Parking::Parked& Parking::meet_limit(const std::string& account, std::optional<WallTime> resets,
                                           std::string reason, WallTime now, const Chance& chance, milliseconds first) {
  const auto before = accounts_.find(account);
  auto& parked = before == accounts_.end() ? accounts_[account] : before->second;
  // Those who were at work already meet the same limit one after the other.
  const bool same = before != accounts_.end() && !parked.on_trial && parked.until > now;
  if (!same && before != accounts_.end()) ++parked.strike;
  const bool usable = resets && *resets > now;
  const auto until = usable ? std::min(*resets, now + kFurthestReset) : now + parking_time(parked.strike, chance, first);
  if (same && (!usable || until <= parked.until)) return parked;
  parked.until = until;
  parked.told = usable;
  parked.reason = std::move(reason);
  parked.on_trial = false;
  return parked;
}

void Parking::restore(const std::string& account, Parked parked) {
  const auto known = accounts_.find(account);
  if (known == accounts_.end() || known->second.until < parked.until) accounts_[account] = std::move(parked);
}

bool Parking::enter(const std::string& account, WallTime now) {
  const auto found = accounts_.find(account);
  if (found == accounts_.end()) return true;
  if (found->second.until > now) return false;
  found->second.on_trial = true;
  found->second.until = now + kTrial;
  return true;
}

bool Parking::work(const std::string& account) {
  const auto found = accounts_.find(account);
  // One that was at work before the limit may well get an answer yet.
  if (found == accounts_.end() || !found->second.on_trial) return false;
  accounts_.erase(found);
  return true;
}

const Parking::Parked* Parking::parked(const std::string& account, WallTime now) const {
  const auto found = accounts_.find(account);
  return found == accounts_.end() || found->second.until <= now ? nullptr : &found->second;
}

}  // namespace fanout::domain
