#pragma once

#include <functional>
#include <optional>
#include <string>

#include "fanout/internal/v1/spec.pb.h"
#include "server/async/async.hpp"
#include "server/domain/subagent/parking.hpp"
#include "server/subagent/child_environment.hpp"

namespace fanout::subagent {

/// The accounts that agents work with, of all runs: who met a limit holds up those who would start into the same one,
/// and nobody else. Lives on the I/O thread. Not thread-safe.
class Accounts {
 public:
  /// `first`: for how long an account is parked at most the first time, when nothing tells how long.
  Accounts(async::Executor executor, std::chrono::milliseconds first) : executor_(executor), first_(first) {}

  const domain::Parking::Parked& meet_limit(const std::string& account, std::optional<domain::WallTime> resets,
                                            std::string reason);
  void restore(const std::string& account, domain::Parking::Parked parked);
  /// An agent of it got an answer from its model.
  void work(const std::string& account);

  /// What holds it back just now; null: nothing.
  const domain::Parking::Parked* parked(const std::string& account) const;
  bool enter(const std::string& account);
  /// Waits until it may be free; ask again then. Cancellation: throws operation_aborted.
  async::awaitable<void> wait(std::string account);

 private:
  async::Executor executor_;
  std::chrono::milliseconds first_;
  domain::Parking parking_;
  std::list<boost::asio::steady_timer*> waiting_;
};

/// Names the account that an agent works with: the agent, and what it logs in with. Only to be compared: it stands in no
/// event.
std::string account_of(const fanout::internal::v1::AgentSpec& agent, const std::vector<std::string>& environment);

}  // namespace fanout::subagent
