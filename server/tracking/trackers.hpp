#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fanout/v1/tracker.pb.h"
#include "server/async/async.hpp"
#include "server/async/worker_pool.hpp"
#include "server/store/outbox.hpp"
#include "server/tracking/sources.hpp"

namespace fanout::tracking {

using async::awaitable;

/// The trackers in use: one for each host, shared by all runs, made when first needed, and at work until stop(); and the
/// logins at those hosts. Lives on the I/O thread. Not thread-safe. Lifetime: stop() before destruction.
class Trackers {
 public:
  Trackers(const async::Executor& executor, async::WorkerPool& workers, Sources sources);

  /// Error precondition: nobody is logged in at its host. Lives as long as this.
  awaitable<github::Tracker*> at(github::Repository repository);
  /// Looks for the token again: somebody may have logged in.
  awaitable<void> log_in_again(github::Repository repository);
  /// The token that is in use at `host`; empty: none.
  std::string token_at(const std::string& host) const;

  /// See TrackerService. `tell` gets the code that a person has to type.
  awaitable<fanout::v1::Login> log_in(fanout::v1::LogInRequest wish,
                                      std::function<awaitable<void>(fanout::v1::DeviceCode)> tell);
  awaitable<std::string> log_out(std::string host);
  awaitable<fanout::v1::Login> login_at(std::string host);
  awaitable<std::vector<fanout::v1::Login>> refresh();
  std::vector<fanout::v1::Tracker> list() const;

  /// Told what the trackers have to say; one at a time.
  void on_notice(std::function<void(const github::Notice&)> tell) { tell_ = std::move(tell); }
  /// News of pull requests has come from outside: they are looked at.
  void look_now();

  /// `replaced` is told that a damaged outbox was set aside, `damaged` that the one in use turned out to be so.
  using TellDamage = std::function<void(const std::filesystem::path& file, const std::string& what)>;
  void on_damage(TellDamage damaged, std::function<void(const std::string& notice)> replaced) {
    tell_damage_ = std::move(damaged);
    tell_replaced_ = std::move(replaced);
  }

  /// When to look for what may have been made though the answer was lost; for trackers made from now on.
  void set_looks(std::vector<std::chrono::milliseconds> looks) { looks_ = std::move(looks); }

  /// Ends them all. What is not done is on the disk.
  awaitable<void> stop();

 private:
  awaitable<void> open_outbox();
  /// One in use.
  struct Entry {
    std::unique_ptr<github::Tracker> tracker;
    github::Repository repository;  ///< The first that it was needed for: an App is installed for repositories.
    github::Limits limits;
    std::string token, source;
    std::optional<github::Time> expires;
    bool stored_first = false;  ///< Somebody has logged in since it is in use.
  };
  struct Found {
    Credential credential;
    github::Token token;
    std::optional<github::Time> expires;
  };
  awaitable<Found> found_at(github::Repository repository, bool stored_first);
  awaitable<std::unique_ptr<http::Client>> web(domain::GithubHost config);
  http::ClientOptions http_options(const domain::GithubHost& config) const;
  awaitable<Entry*> make(github::Repository repository);
  awaitable<void> keep_at_work(github::Tracker& tracker);
  awaitable<void> keep_fresh(Entry& entry);
  awaitable<void> take_up(Entry& entry);
  awaitable<fanout::v1::Login> described(http::Client& web, std::string host, Credential credential,
                                         std::string token);
  std::string host_or_usual(const std::string& host) const;
  bool stored_first_at(const std::string& host) const;

  async::Executor executor_;
  async::WorkerPool& workers_;
  Sources sources_;
  std::function<void(const github::Notice&)> tell_;
  std::vector<std::chrono::milliseconds> looks_;  ///< Empty: as the tracker has it.
  TellDamage tell_damage_;
  std::function<void(const std::string&)> tell_replaced_;
  std::unique_ptr<store::Outbox> outbox_;
  std::map<std::string, Entry> trackers_;
  async::Slots making_;  ///< One at a time.
  async::Slots storing_;  ///< The file with logins, likewise.
  async::TaskGroup at_work_;
  bool stopped_ = false;
};

}  // namespace fanout::tracking
