#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "server/domain/subagent/retry.hpp"

/// Accounts that met a limit: nothing of theirs starts until it is over. Pure; time and chance are parameters.
namespace fanout::domain {

/// Milliseconds since 1970, by the wall clock: limits are told so, and a restart of the daemon must not matter.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// Without a word on when it is over, a limit is tried again after so long, then twice that, …
inline constexpr std::chrono::milliseconds kFirstParking = std::chrono::seconds(30);
inline constexpr std::chrono::milliseconds kLongestParking = std::chrono::minutes(30);
/// No account is parked for longer, whatever a provider says.
inline constexpr std::chrono::milliseconds kFurthestReset = std::chrono::hours(24 * 8);
/// How long an account is parked that has met a limit `strike` times in a row, from 1: half of it is certain, half is
/// chance. `first` is the longest for the first time.
std::chrono::milliseconds parking_time(unsigned strike, const Chance& chance,
                                       std::chrono::milliseconds first = kFirstParking);

/// Who goes first after a limit has so long to get an answer from the model before the next one may try.
inline constexpr std::chrono::milliseconds kTrial = std::chrono::seconds(30);

class Parking {
 public:
  struct Parked {
    WallTime until;
    bool told = false;    ///< By the provider.
    unsigned strike = 1;  ///< Limits in a row.
    std::string reason;
    bool on_trial = false;  ///< The limit is over as far as is known: one tries, and has until then.
  };

  /// `account` met a limit. `resets`: what was told of its end. What is parked for longer stays so.
  const Parked& meet_limit(const std::string& account, std::optional<WallTime> resets, std::string reason, WallTime now,
                           const Chance& chance, std::chrono::milliseconds first = kFirstParking);
  /// As a daemon before this one had it.
  void restore(const std::string& account, Parked parked);
  /// Whether an agent may start. The first one after a limit goes alone: the others follow once the account works().
  bool enter(const std::string& account, WallTime now);
  /// An agent of the account got an answer from its model; true when that frees the others.
  bool work(const std::string& account);

  /// What holds the account back; null: nothing.
  const Parked* parked(const std::string& account, WallTime now) const;

 private:
  std::map<std::string, Parked> accounts_;
};

}  // namespace fanout::domain
