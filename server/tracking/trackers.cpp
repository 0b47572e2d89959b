#include "server/tracking/trackers.hpp"

#include <spdlog/spdlog.h>

#include <boost/system/system_error.hpp>

#include "common/version.hpp"

namespace fanout::tracking {

Trackers::Trackers(const async::Executor& executor, async::WorkerPool& workers, std::filesystem::path outbox,
                   github::Environment environment)
    : executor_(executor),
      workers_(workers),
      outbox_file_(std::move(outbox)),
      environment_(std::move(environment)),
      making_(executor, 1),
      at_work_(executor) {}

awaitable<github::Tracker*> Trackers::at(std::string host) {
  const auto turn = co_await making_.acquire(0);
  if (const auto known = trackers_.find(host); known != trackers_.end()) co_return known->second.get();
  const auto token = co_await token_for(host);
  if (!outbox_) {
    outbox_ = co_await workers_.run([this](std::stop_token) { return std::make_unique<store::Outbox>(outbox_file_); });
  }
  github::TrackerOptions options;
  options.endpoints = endpoints_for(host);
  options.token = token.value;
  options.http.environment = environment_;
  options.http.user_agent = std::string("fanout/") + kVersion;
  options.tell = [this](const github::Notice& notice) {
    if (tell_) tell_(notice);
  };
  auto tracker = co_await workers_.run([&](std::stop_token) {
    return std::make_unique<github::Tracker>(executor_, std::move(options), *outbox_);
  });
  auto& made = *(trackers_[host] = std::move(tracker));
  at_work_.spawn(keep_at_work(made));
  spdlog::info("tracker: {} with the token of {}", host, token.source);
  // What an earlier daemon left undone, whether its run is still open or not.
  co_await made.recover();
  co_return &made;
}

awaitable<void> Trackers::log_in_again(std::string host) {
  auto* tracker = co_await at(host);
  const auto token = co_await token_for(host);
  tracker->use_token(token.value);
}

awaitable<github::Token> Trackers::token_for(std::string host) {
  auto token = co_await workers_.run(
      [&](std::stop_token stop) { return github::find_token(host, environment_, stop); });
  if (token) co_return std::move(*token);
  throw Error(ErrorKind::precondition,
              "nobody is logged in at " + host + ": run gh auth login --hostname " + host +
                  ", or set GH_TOKEN (GH_ENTERPRISE_TOKEN for a server of your own) and run fanout daemon restart");
}

/// As in GitHub's own CI, whose variables name another place for the API of its server.
github::Endpoints Trackers::endpoints_for(const std::string& host) const {
  auto endpoints = github::endpoints_of(host);
  const auto value = [&](const char* name) {
    const auto found = environment_.find(name);
    return found == environment_.end() ? std::string() : found->second;
  };
  if (value("GITHUB_SERVER_URL") != "https://" + host) return endpoints;
  if (!value("GITHUB_API_URL").empty()) endpoints.rest = value("GITHUB_API_URL");
  if (!value("GITHUB_GRAPHQL_URL").empty()) endpoints.graphql = value("GITHUB_GRAPHQL_URL");
  return endpoints;
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
  at_work_.cancel();
  co_await at_work_.join();
}

}  // namespace fanout::tracking
