#include "server/github/login.hpp"

#include "common/redact.hpp"
#include "common/text.hpp"
#include "server/github/json.hpp"
#include "server/github/jwt.hpp"
#include "server/github/read.hpp"
#include "server/github/wait.hpp"

namespace fanout::github {

using namespace std::chrono_literals;

namespace {

/// Sends, and gives what the answer holds. Transport's errors become ours.
awaitable<json::value> exchange(http::Client& http, http::Request request, std::string doing, Clock clock) {
  std::optional<ApiError> failure;
  http::Response response;
  try {
    response = co_await http.send(std::move(request));
  } catch (const http::TransportError& error) {
    failure = classify(error, doing);
  }
  if (failure) throw *failure;
  if (response.status >= 300) throw classify(response, rate_headers(response, clock.now()), doing);
  boost::system::error_code damaged;
  auto value = json::parse(response.body, damaged);
  if (damaged) throw ApiError(Failure::transient, "the answer when asked to " + doing + " is not JSON");
  co_return value;
}

http::Request form(const std::string& url, const std::string& fields) {
  http::Request request;
  request.method = "POST";
  request.url = url;
  request.headers = {{"Accept", "application/json"}, {"Content-Type", "application/x-www-form-urlencoded"}};
  request.body = fields;
  return request;
}

http::Request as_app(const App& app, const std::string& method, const std::string& url, Clock clock) {
  http::Request request;
  request.method = method;
  request.url = url;
  request.headers = {{"Accept", "application/vnd.github+json"},
                     {"X-GitHub-Api-Version", "2022-11-28"},
                     {"Authorization", "Bearer " + app_jwt(app.id, app.key, clock.now())}};
  request.repeatable = true;
  return request;
}

ApiError refused(const std::string& error, const std::string& description) {
  if (error == "expired_token") return {Failure::permanent, "nobody typed the code in time: begin anew"};
  if (error == "access_denied") return {Failure::permanent, "the login was refused in the browser"};
  if (error == "incorrect_client_credentials" || error == "device_flow_disabled") {
    return {Failure::permanent, "the client id is not that of an OAuth App which allows the device flow"};
  }
  return {Failure::permanent, "the login was not accepted: " + fit(printable(redacted(description.empty() ? error : description)), 200)};
}

}  // namespace

awaitable<DeviceCode> ask_for_code(http::Client& http, Clock clock, std::string pages, std::string client_id,
                                   std::vector<std::string> scopes) {
  auto request = form(pages + "/login/device/code",
                      "client_id=" + escaped(client_id) + "&scope=" + escaped(join(scopes, " ")));
  const auto answer = co_await exchange(http, std::move(request), "ask for a code to log in with", clock);
  DeviceCode code{text_of(answer, "user_code"), text_of(answer, "verification_uri"), text_of(answer, "device_code"),
                  clock.now() + std::chrono::seconds(number_of(answer, "expires_in")), 5s};
  if (const auto interval = number_of(answer, "interval")) code.interval = std::chrono::seconds(interval);
  if (code.device_code.empty()) throw refused(text_of(answer, "error"), text_of(answer, "error_description"));
  co_return code;
}

awaitable<std::string> await_token(http::Client& http, Clock clock, std::string pages, std::string client_id,
                                   DeviceCode code) {
  const std::string fields = "client_id=" + escaped(client_id) + "&device_code=" + escaped(code.device_code) +
                             "&grant_type=" + escaped("urn:ietf:params:oauth:grant-type:device_code");
  while (clock.now() < code.expires) {
    co_await pause(clock, code.interval);
    auto request = form(pages + "/login/oauth/access_token", fields);
    const auto answer = co_await exchange(http, std::move(request), "log in", clock);
    if (auto token = text_of(answer, "access_token"); !token.empty()) co_return token;
    const auto error = text_of(answer, "error");
    if (error == "slow_down") code.interval += 5s;
    if (error != "slow_down" && error != "authorization_pending") throw refused(error, text_of(answer, "error_description"));
  }
  throw refused("expired_token", "");
}

awaitable<InstallationToken> installation_token(http::Client& http, Clock clock, Endpoints endpoints, App app,
                                                Repository repository) {
  if (app.installation.empty()) {
    auto request = as_app(app, "GET", endpoints.rest + "/repos/" + repository.path() + "/installation", clock);
    const auto found = co_await exchange(http, std::move(request), "find the App's installation for " + repository.path(), clock);
    app.installation = std::to_string(number_of(found, "id"));
  }
  auto request = as_app(app, "POST", endpoints.rest + "/app/installations/" + app.installation + "/access_tokens", clock);
  const auto made = co_await exchange(http, std::move(request), "get a token for the App's installation", clock);
  InstallationToken token{text_of(made, "token"), parse_iso_time(text_of(made, "expires_at")).value_or(clock.now() + 50min)};
  if (token.value.empty()) throw ApiError(Failure::transient, "GitHub gave out no token for the App's installation");
  co_return token;
}

awaitable<Owner> owner_of(http::Client& http, Clock clock, Endpoints endpoints, std::string token) {
  const auto ask = [&](const std::string& path) {
    http::Request request;
    request.url = endpoints.rest + path;
    request.headers = {{"Accept", "application/vnd.github+json"},
                       {"X-GitHub-Api-Version", "2022-11-28"},
                       {"Authorization", "Bearer " + token}};
    request.repeatable = true;
    return request;
  };
  Owner owner;
  http::Response response;
  std::optional<ApiError> failure;
  const std::string doing = "say whose token it is";
  try {
    auto request = ask("/user");
    response = co_await http.send(std::move(request));
    // An installation has no user; it may ask how much it has left all the same.
    if (response.status == 403 && token.starts_with("ghs_")) {
      auto again = ask("/rate_limit");
      response = co_await http.send(std::move(again));
    }
  } catch (const http::TransportError& error) {
    failure = classify(error, doing);
  }
  if (failure) throw *failure;
  const auto rate = rate_headers(response, clock.now());
  if (response.status >= 300) throw classify(response, rate, doing);
  boost::system::error_code damaged;
  owner.account = text_of(json::parse(response.body, damaged), "login");
  owner.scopes = split_scopes(response.header("x-oauth-scopes"));
  owner.limit = rate.limit.value_or(0);
  owner.remaining = rate.remaining.value_or(0);
  if (rate.resets_in) owner.resets = clock.now() + *rate.resets_in;
  co_return owner;
}

awaitable<std::string> app_name(http::Client& http, Clock clock, Endpoints endpoints, App app) {
  auto request = as_app(app, "GET", endpoints.rest + "/app", clock);
  const auto answer = co_await exchange(http, std::move(request), "say which App it is", clock);
  co_return text_of(answer, "slug");
}

}  // namespace fanout::github
