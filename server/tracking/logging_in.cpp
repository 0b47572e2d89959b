// The part of Trackers that is about who is logged in.
#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "server/github/logins.hpp"
#include "server/tracking/trackers.hpp"
#include "server/tracking/waiting.hpp"

namespace fanout::tracking {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;

namespace {

google::protobuf::Timestamp to_wire(github::Time time) {
  return TimeUtil::MillisecondsToTimestamp(time.time_since_epoch().count());
}

/// What a classic token must have for issues and pull requests; others do not tell what they have.
void add_missing_scopes(v1::Login& login) {
  const auto has = [&](const char* scope) {
    return std::find(login.scopes().begin(), login.scopes().end(), scope) != login.scopes().end();
  };
  if (login.scopes_size() > 0 && !has("repo") && !has("public_repo")) login.add_missing_scopes("repo");
}

}  // namespace

std::string Trackers::host_or_usual(const std::string& host) const {
  return host.empty() ? usual_host(sources_.environment) : host;
}

bool Trackers::stored_first_at(const std::string& host) const {
  const auto used = trackers_.find(host);
  return used != trackers_.end() && used->second.stored_first;
}

awaitable<v1::Login> Trackers::described(http::Client& client, std::string host, Credential credential,
                                         std::string token) {
  v1::Login login;
  login.set_host(host);
  login.set_source(credential.source);
  const github::Clock clock;
  std::string problem;
  try {
    if (credential.app) login.set_app(co_await github::app_name(client, clock, credential.endpoints, *credential.app));
    const auto owner = co_await github::owner_of(client, clock, credential.endpoints, std::move(token));
    login.set_account(owner.account);
    login.mutable_scopes()->Assign(owner.scopes.begin(), owner.scopes.end());
    login.set_limit(owner.limit);
    login.set_remaining(owner.remaining);
    if (owner.resets != github::Time{}) *login.mutable_reset_time() = to_wire(owner.resets);
    add_missing_scopes(login);
  } catch (const Error& error) {
    problem = error.what();
  }
  login.set_problem(problem);
  co_return login;
}

awaitable<v1::Login> Trackers::login_at(std::string wanted) {
  const auto host = host_or_usual(wanted);
  const bool stored_first = stored_first_at(host);
  auto credential = co_await workers_.run(
      [&](std::stop_token stop) { return find_credential(host, sources_, stored_first, stop); });
  const auto client = co_await web(credential.config);
  std::string token = credential.token ? credential.token->value : token_at(host);
  v1::Login login;
  login.set_host(host);
  if (credential.source.empty()) {
    login.set_problem("nobody is logged in at " + host + ": run fanout auth login");
    co_return login;
  }
  if (credential.app && token.empty() && !credential.app->installation.empty()) {
    const github::Repository none;
    const auto made = co_await github::installation_token(*client, github::Clock(), credential.endpoints, *credential.app, none);
    token = made.value;
  }
  co_return co_await described(*client, host, std::move(credential), std::move(token));
}

/// The token is tried before it is stored: one that does not work is of no use later.
awaitable<v1::Login> Trackers::log_in(v1::LogInRequest wish, std::function<awaitable<void>(v1::DeviceCode)> tell) {
  const auto host = host_or_usual(wish.host());
  const bool stored_first = stored_first_at(host);
  auto credential = co_await workers_.run(
      [&](std::stop_token stop) { return find_credential(host, sources_, stored_first, stop); });
  const auto client = co_await web(credential.config);
  std::string token = wish.token();
  if (token.empty()) {
    const auto id = wish.client_id().empty() ? credential.config.client_id.value_or("") : wish.client_id();
    if (id.empty()) {
      throw Error(ErrorKind::precondition,
                  "no OAuth App is known to log in with: pass --client-id, or set client_id in [github] of the configuration; "
                  "or give a token with --with-token");
    }
    std::vector<std::string> scopes(wish.scopes().begin(), wish.scopes().end());
    if (scopes.empty()) scopes = {"repo", "read:org"};
    const auto code = co_await github::ask_for_code(*client, github::Clock(), credential.pages, id, std::move(scopes));
    v1::DeviceCode told;
    told.set_user_code(code.user_code);
    told.set_verification_uri(code.verification_uri);
    *told.mutable_expires() = to_wire(code.expires);
    co_await tell(std::move(told));
    token = co_await github::await_token(*client, github::Clock(), credential.pages, id, code);
  }
  credential.app.reset();
  credential.source = "fanout auth login";
  auto login = co_await described(*client, host, credential, token);
  if (!login.problem().empty()) throw Error(ErrorKind::precondition, login.problem());
  {
    const auto turn = co_await storing_.acquire(0);
    const github::StoredLogin stored{host, token, login.account()};
    co_await workers_.run([&](std::stop_token) { github::Logins(sources_.logins).put(stored); });
  }
  const auto used = trackers_.find(host);
  if (used == trackers_.end()) co_return login;
  used->second.stored_first = true;
  co_await take_up(used->second);
  co_return login;
}

awaitable<std::string> Trackers::log_out(std::string wanted) {
  const auto host = host_or_usual(wanted);
  const auto turn = co_await storing_.acquire(0);
  const bool there = co_await workers_.run([&](std::stop_token) { return github::Logins(sources_.logins).remove(host); });
  if (!there) {
    throw Error(ErrorKind::not_found, "fanout auth login has stored nothing for " + host +
                                          "; a token from elsewhere is not Fanout's to forget (fanout auth status)");
  }
  co_return host;
}

awaitable<std::vector<v1::Login>> Trackers::refresh() {
  std::vector<v1::Login> logins;
  for (auto& [host, entry] : trackers_) {
    std::string problem;
    try {
      co_await take_up(entry);
    } catch (const Error& error) {
      problem = error.what();
    }
    auto login = co_await login_at(host);
    if (login.problem().empty()) login.set_problem(problem);
    logins.push_back(std::move(login));
  }
  co_return logins;
}

std::vector<v1::Tracker> Trackers::list() const {
  std::vector<v1::Tracker> all;
  for (const auto& [host, entry] : trackers_) {
    const auto status = entry.tracker->status();
    auto& told = all.emplace_back();
    told.set_host(host);
    told.set_source(entry.source);
    told.set_waiting(waiting_text(status));
    if (status.limiter.until != github::Time{}) *told.mutable_until() = to_wire(status.limiter.until);
    told.set_pending(static_cast<std::uint32_t>(status.open_steps));
    told.set_paused(status.paused);
    told.set_limit(status.limiter.limit);
    told.set_remaining(status.limiter.remaining.value_or(0));
    if (status.limiter.limit > 0) *told.mutable_reset_time() = to_wire(status.limiter.resets);
    told.set_created_last_minute(status.limiter.created_in_minute);
    told.set_most_per_minute(entry.limits.per_minute);
    told.set_created_last_hour(status.limiter.created_in_hour);
    told.set_most_per_hour(entry.limits.per_hour);
    told.set_requests(status.requests);
    told.set_unchanged(status.unchanged);
    told.set_rate(1.0 / status.limiter.slowed);
  }
  return all;
}

}  // namespace fanout::tracking
