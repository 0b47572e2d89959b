#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "server/async/async.hpp"
#include "server/async/worker_pool.hpp"
#include "server/github/token.hpp"
#include "server/github/tracker.hpp"
#include "server/store/outbox.hpp"

namespace fanout::tracking {

using async::awaitable;

/// The trackers in use: one for each host, shared by all runs, made when first needed, and at work until stop().
/// Lives on the I/O thread. Not thread-safe. Lifetime: stop() before destruction.
class Trackers {
 public:
  /// `environment`: the daemon's own, where a token may be, and proxies and certificates are named.
  Trackers(const async::Executor& executor, async::WorkerPool& workers, std::filesystem::path outbox,
           github::Environment environment);

  /// Error precondition: nobody is logged in at `host`. Lives as long as this.
  awaitable<github::Tracker*> at(std::string host);
  /// Looks for the token again: somebody may have logged in.
  awaitable<void> log_in_again(std::string host);

  /// Told what the trackers have to say; one at a time.
  void on_notice(std::function<void(const github::Notice&)> tell) { tell_ = std::move(tell); }

  /// Ends them all. What is not done is on the disk.
  awaitable<void> stop();

 private:
  awaitable<github::Token> token_for(std::string host);
  github::Endpoints endpoints_for(const std::string& host) const;
  awaitable<void> keep_at_work(github::Tracker& tracker);

  async::Executor executor_;
  async::WorkerPool& workers_;
  std::filesystem::path outbox_file_;
  github::Environment environment_;
  std::function<void(const github::Notice&)> tell_;
  std::unique_ptr<store::Outbox> outbox_;
  std::map<std::string, std::unique_ptr<github::Tracker>> trackers_;
  async::Slots making_;  ///< One at a time.
  async::TaskGroup at_work_;
};

}  // namespace fanout::tracking
