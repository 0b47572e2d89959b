#include "server/github/api.hpp"

#include "common/crash_point.hpp"
#include "common/text.hpp"
#include "server/github/json.hpp"
#include "server/github/wait.hpp"

namespace fanout::github {

using namespace std::chrono_literals;

namespace {

constexpr int kMostRedirects = 3;
constexpr unsigned kMostAttempts = 6;  ///< Of a repeatable call whose outcomes are unknown.

bool is_redirect(unsigned status) { return status == 301 || status == 302 || status == 307 || status == 308; }

/// For the end of a text; a server that does not know it gives the whole.
constexpr const char* kEndOfText = "bytes=-65536";

Reply reply_of(const http::Response& response, const Call& call) {
  Reply reply{response.status, nullptr, std::string(response.header("etag")), std::string(response.header("link")),
              split_scopes(response.header("x-oauth-scopes"))};
  if (response.status == 204 || response.status == 304) return reply;
  if (call.text) {
    reply.body = valid_utf8(response.body);
    return reply;
  }
  boost::system::error_code damaged;
  reply.body = json::parse(response.body, damaged);
  if (!damaged) return reply;
  ApiError error(Failure::transient, "GitHub's answer when asked to " + call.doing + " is not JSON");
  error.unknown = true;
  error.status = response.status;
  throw error;
}

}  // namespace

Api::Api(http::Client& http, Limiter& limiter, Endpoints endpoints, std::string token)
    : http_(http), limiter_(limiter), endpoints_(std::move(endpoints)), token_(std::move(token)) {}

void Api::use_token(std::string token) {
  token_ = std::move(token);
  paused_.reset();
  limiter_.resume();
}

/// The token goes nowhere but to the API itself, wherever the links of an answer lead.
void Api::refuse_elsewhere(const std::string& url, const std::string& doing) const {
  const auto origin = http::parse_url(url).origin();
  if (origin == http::parse_url(endpoints_.rest).origin() || origin == http::parse_url(endpoints_.graphql).origin()) return;
  throw ApiError(Failure::permanent, "cannot " + doing + ": an answer leads on to " + origin +
                                         ", where the token must not go; the API is at " + endpoints_.rest);
}

http::Request Api::request_of(const Call& call) const {
  http::Request request;
  request.method = call.method;
  request.url = call.path.starts_with('/') ? endpoints_.rest + call.path : call.path;
  refuse_elsewhere(request.url, call.doing);
  request.repeatable = call.repeatable;
  request.headers = {{"Accept", "application/vnd.github+json"},
                     {"X-GitHub-Api-Version", "2022-11-28"},
                     {"Authorization", "Bearer " + token_}};
  if (!call.etag.empty()) request.headers.emplace_back("If-None-Match", call.etag);
  if (call.body) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = json::serialize(call.body());
  }
  return request;
}

/// The token goes nowhere but to the API itself.
bool Api::follow(const http::Response& response, http::Request& request, bool elsewhere) const {
  const auto base = http::parse_url(request.url);
  const auto next = http::resolve(base, response.header("location"));
  if (next.origin() != base.origin()) {
    if (!elsewhere || (base.scheme == "https" && next.scheme != "https")) return false;
    request.headers = {{"Range", kEndOfText}};
  }
  request.url = next.origin() + next.target;
  return true;
}

awaitable<http::Response> Api::exchange(const http::Request& request, const Call& call) {
  std::optional<ApiError> failure;
  ++requests_;
  try {
    if (call.writes()) crash_point("tracker.before-send");
    auto response = co_await http_.send(request);
    if (call.writes()) crash_point("tracker.answered");
    trouble_.clear();
    co_return response;
  } catch (const http::TransportError& error) {
    failure = classify(error, call.doing);
    trouble_ = failure->what();
    if (!error.may_have_been_received()) limiter_.unreachable();
  }
  throw *failure;
}

void Api::react(const ApiError& error, const Call& call) {
  if (error.failure() == Failure::authentication) {
    limiter_.pause();
    const bool first = !paused_;
    paused_ = error;
    if (first && tell_) tell_(error);
  }
  if (error.failure() != Failure::limit) return;
  if (error.secondary) {
    limiter_.hit_secondary(error.wait, call.writes());
  } else {
    limiter_.hit_primary(call.resource, error.wait);
  }
}

/// A request that failed as a whole is answered with 200 all the same.
void Api::check_graphql(const Reply& reply, const RateHeaders& rate, const Call& call) {
  const auto& errors = array_of(member(reply.body, "errors"));
  if (errors.empty() || member(reply.body, "data").is_object()) return;
  const auto error = classify_graphql(errors[0], rate, call.doing);
  react(error, call);
  throw error;
}

awaitable<Reply> Api::send(Call call, const Limiter::Permit&) {
  auto request = request_of(call);
  const auto token = token_;
  for (int hops = 0;; ++hops) {
    const auto response = co_await exchange(request, call);
    const auto rate = rate_headers(response, limiter_.clock().now());
    limiter_.answered(rate, call.resource);
    if (rate.skew) skew_ = *rate.skew;
    if (is_redirect(response.status) && hops < kMostRedirects && follow(response, request, call.text)) continue;
    if (response.status >= 300 && response.status != 304) {
      const auto error = classify(response, rate, call.doing);
      if (response.status >= 500) trouble_ = error.what();
      // One that was sent before the token was exchanged says nothing about the new one.
      if (error.failure() != Failure::authentication || token == token_) react(error, call);
      throw error;
    }
    const auto reply = reply_of(response, call);
    if (call.resource == Resource::graphql) check_graphql(reply, rate, call);
    if (call.writes()) limiter_.write_succeeded();
    co_return reply;
  }
}

awaitable<Reply> Api::call(Call call, Priority priority, unsigned creates) {
  const Want want{call.resource, call.writes(), priority, creates};
  for (unsigned unknown = 0;;) {
    std::optional<ApiError> failure;
    {
      const auto permit = co_await limiter_.acquire(want);
      try {
        co_return co_await send(call, permit);
      } catch (const ApiError& error) {
        failure = error;
      }
    }
    // The limiter knows how long to wait after these.
    if (failure->failure() == Failure::authentication || failure->failure() == Failure::limit) continue;
    if (failure->failure() != Failure::transient) throw *failure;
    if (!failure->outcome_unknown()) continue;
    if (!call.repeatable || ++unknown >= kMostAttempts) throw *failure;
    co_await pause(limiter_.clock(), backoff(unknown, 1s, 60s));
  }
}

}  // namespace fanout::github
