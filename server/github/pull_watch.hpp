#pragma once

#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "server/github/client.hpp"
#include "server/github/wait.hpp"

namespace fanout::github {

/// A pull request that somebody follows.
struct Watched {
  Repository repository;
  std::uint64_t number = 0;
  std::optional<PullRequest> seen;    ///< As it was when it was looked at last; none: not yet.
  std::function<void()> looked;       ///< Called after each look; must not throw.
};

/// Looks at all pull requests that are followed, of all runs: up to 100 by one query, again and again, or sooner when
/// somebody knows of news. Lives on the I/O thread. Lifetime: outlives run(); what it watches may outlive it.
class PullWatch {
 public:
  PullWatch(const async::Executor& executor, Client& client, Clock clock, milliseconds interval)
      : client_(client), clock_(clock), interval_(interval), alarm_(executor, clock) {}

  /// It is looked at for as long as somebody holds what is returned.
  std::shared_ptr<Watched> watch(Repository repository, std::uint64_t number, std::function<void()> looked);
  /// There is news, such as a webhook tells: look at once.
  void look_now();
  std::size_t size() const { return watched_.size(); }

  /// Until it is cancelled.
  awaitable<void> run();

 private:
  using Group = std::vector<std::shared_ptr<Watched>>;
  std::vector<Group> groups();
  awaitable<void> look_at_all();
  awaitable<void> look_at(Group group);

  Client& client_;
  Clock clock_;
  milliseconds interval_;
  Alarm alarm_;
  std::list<std::weak_ptr<Watched>> watched_;
  bool due_ = false;  ///< Somebody is new, or knows of news.
};

}  // namespace fanout::github
