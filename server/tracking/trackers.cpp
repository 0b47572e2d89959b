#include "server/tracking/trackers.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include "common/version.hpp"

namespace fanout::tracking {

using namespace std::chrono_literals;

namespace {

constexpr auto kBeforeTheEnd = 5min;  ///< A token that ends is exchanged so long before.
constexpr auto kAfterTrouble = 30s;

Error nobody_at(const std::string& host) {
  return Error(ErrorKind::precondition,
               "nobody is logged in at " + host + ": run fanout auth login --host " + host + " (or gh auth login --hostname " +
                   host + "), or set GH_TOKEN (GH_ENTERPRISE_TOKEN for a server of your own) and run fanout daemon restart");
}

}  // namespace

Trackers::Trackers(const async::Executor& executor, async::WorkerPool& workers, Sources sources)
    : executor_(executor),
      workers_(workers),
      sources_(std::move(sources)),
      making_(executor, 1),
      storing_(executor, 1),
      at_work_(executor) {}

http::ClientOptions Trackers::http_options(const domain::GithubHost& config) const {
  http::ClientOptions options;
  options.environment = sources_.environment;
  options.user_agent = std::string("fanout/") + kVersion;
  if (config.ca_file) options.authorities.emplace_back(*config.ca_file);
  return options;
}

awaitable<std::unique_ptr<http::Client>> Trackers::web(domain::GithubHost config) {
  auto options = http_options(config);
  co_return co_await workers_.run(
      [&](std::stop_token) { return std::make_unique<http::Client>(executor_, std::move(options)); });
}

awaitable<Trackers::Found> Trackers::found_at(github::Repository repository, bool stored_first) {
  Found found;
  const auto turn = co_await storing_.acquire(0);
  found.credential = co_await workers_.run(
      [&](std::stop_token stop) { return find_credential(repository.host, sources_, stored_first, stop); });
  if (found.credential.app) {
    const auto client = co_await web(found.credential.config);
    const auto token = co_await github::installation_token(*client, github::Clock(), found.credential.endpoints,
                                                           *found.credential.app, repository);
    found.token = {token.value, found.credential.source};
    found.expires = token.expires;
    co_return found;
  }
  if (!found.credential.token) throw nobody_at(repository.host);
  found.token = *found.credential.token;
  co_return found;
}

awaitable<github::Tracker*> Trackers::at(github::Repository repository) {
  const auto turn = co_await making_.acquire(0);
  if (stopped_) throw Error(ErrorKind::precondition, "the daemon is stopping");
  const auto known = trackers_.find(repository.host);
  if (known != trackers_.end()) co_return known->second.tracker.get();
  auto* entry = co_await make(std::move(repository));
  // What an earlier daemon left undone, whether its run is still open or not.
  co_await entry->tracker->recover();
  co_return entry->tracker.get();
}

awaitable<Trackers::Entry*> Trackers::make(github::Repository repository) {
  const auto found = co_await found_at(repository, false);
  if (!outbox_) co_await open_outbox();
  github::TrackerOptions options;
  options.endpoints = found.credential.endpoints;
  options.token = found.token.value;
  options.limits = limits_of(found.credential.config);
  options.http = http_options(found.credential.config);
  if (const auto interval = found.credential.config.follow_interval) options.follow_interval = *interval;
  if (!looks_.empty()) options.patience.looks = looks_;
  options.tell = [this](const github::Notice& notice) {
    if (tell_) tell_(notice);
  };
  const auto limits = options.limits;
  auto tracker = co_await workers_.run(
      [&](std::stop_token) { return std::make_unique<github::Tracker>(executor_, std::move(options), *outbox_); });
  auto& entry = trackers_[repository.host];
  entry = Entry{std::move(tracker), repository, limits, found.token.value, found.token.source, found.expires};
  at_work_.spawn(keep_at_work(*entry.tracker));
  if (found.credential.app) at_work_.spawn(keep_fresh(entry));
  spdlog::info("tracker: {} with the token of {}", repository.host, found.token.source);
  co_return &entry;
}

awaitable<void> Trackers::open_outbox() {
  std::string notice;
  outbox_ = co_await workers_.run([&](std::stop_token) { return store::Outbox::open(sources_.outbox, notice); });
  outbox_->on_damage([this](const std::string& what) {
    boost::asio::post(executor_, [this, what] {
      if (tell_damage_) tell_damage_(sources_.outbox, what);
    });
  });
  if (notice.empty()) co_return;
  spdlog::error("{}", notice);
  if (tell_replaced_) tell_replaced_(notice);
}

awaitable<void> Trackers::take_up(Entry& entry) {
  const auto found = co_await found_at(entry.repository, entry.stored_first);
  entry.token = found.token.value;
  entry.source = found.token.source;
  entry.expires = found.expires;
  entry.tracker->use_token(entry.token);
}

awaitable<void> Trackers::log_in_again(github::Repository repository) {
  co_await at(repository);
  co_await take_up(trackers_.at(repository.host));
}

/// An App's token ends after an hour.
awaitable<void> Trackers::keep_fresh(Entry& entry) {
  boost::asio::steady_timer timer(executor_);
  for (bool failed = false;;) {
    const auto left = entry.expires ? *entry.expires - github::Clock().now() - kBeforeTheEnd : std::chrono::milliseconds(10min);
    timer.expires_after(failed ? std::chrono::milliseconds(kAfterTrouble) : std::max(left, std::chrono::milliseconds(1s)));
    co_await timer.async_wait(boost::asio::use_awaitable);
    failed = false;
    try {
      co_await take_up(entry);
    } catch (const Error& error) {
      failed = true;
      spdlog::warn("tracker: no new token for {}: {}", entry.repository.host, error.what());
    }
  }
}

std::string Trackers::token_at(const std::string& host) const {
  const auto known = trackers_.find(host);
  return known == trackers_.end() ? "" : known->second.token;
}

void Trackers::look_now() {
  for (auto& [host, entry] : trackers_) entry.tracker->pulls().look_now();
}

awaitable<void> Trackers::keep_at_work(github::Tracker& tracker) {
  try {
    co_await tracker.run();
  } catch (const boost::system::system_error& error) {
    if (error.code() != boost::asio::error::operation_aborted) spdlog::error("tracker: {}", error.what());
  } catch (const std::exception& error) {
    spdlog::error("tracker: {}", error.what());
  }
}

awaitable<void> Trackers::stop() {
  stopped_ = true;
  const auto turn = co_await making_.acquire(0);  // one that is being made would be at work for ever
  at_work_.cancel();
  co_await at_work_.join();
}

}  // namespace fanout::tracking
