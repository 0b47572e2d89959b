#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "server/github/failure.hpp"
#include "server/github/limiter.hpp"
#include "server/github/repository_name.hpp"
#include "server/http/client.hpp"

namespace fanout::github {

/// One request to the API.
struct Call {
  std::string method = "GET";
  std::string path;   ///< From "/", or a whole address within the API.
  std::string doing;  ///< For messages: "create the issue".
  std::function<boost::json::value()> body = {};  ///< Asked at the moment of sending; none: no body.
  bool repeatable = true;  ///< Twice is the same as once.
  Resource resource = Resource::core;
  std::string etag = {};  ///< Not again if it has not changed since.
  bool query = false;     ///< A POST that changes nothing, as GraphQL has them.
  /// The answer is text, which may be somewhere else: it is fetched there, without the token. Only its end.
  bool text = false;

  bool writes() const { return method != "GET" && !query; }
};

struct Reply {
  unsigned status = 0;  ///< Below 300, or 304.
  boost::json::value body;
  std::string etag, link;
  std::vector<std::string> scopes;  ///< The token's.
};

/// Speaks to one host for one account: headers, redirects, what goes wrong, and the limiter told of it all.
/// Lives on the I/O thread. Not thread-safe.
class Api {
 public:
  Api(http::Client& http, Limiter& limiter, Endpoints endpoints, std::string token);

  /// Sends once, with a permit. Throws ApiError. Tells the limiter about limits, outages and refused tokens,
  /// so that a next attempt need only ask for its permit.
  awaitable<Reply> send(Call call, const Limiter::Permit& permit);

  /// Gets its permit, sends, and does so again until it is done: always where nothing had happened, a few
  /// times where the outcome is unknown and the call is repeatable. Throws ApiError: what no new attempt helps.
  awaitable<Reply> call(Call call, Priority priority, unsigned creates = 0);

  /// Tells the limiter, and pauses, as the error asks for. For errors within answers of GraphQL.
  void react(const ApiError& error, const Call& call);

  /// Another token, or the same again; what had been paused goes on.
  void use_token(std::string token);
  /// Why everything waits: the token was refused.
  const std::optional<ApiError>& paused() const { return paused_; }
  /// Called when paused() has become set.
  void on_pause(std::function<void(const ApiError&)> tell) { tell_ = std::move(tell); }

  /// The last thing that went wrong on the way, in words; empty once an answer came.
  const std::string& trouble() const { return trouble_; }
  /// Sent so far.
  std::uint64_t requests() const { return requests_; }
  /// `time` of ours by the server's clock.
  Time by_server_clock(Time time) const { return time + skew_; }
  const Endpoints& endpoints() const { return endpoints_; }
  Limiter& limiter() { return limiter_; }

 private:
  http::Request request_of(const Call& call) const;
  void refuse_elsewhere(const std::string& url, const std::string& doing) const;
  bool follow(const http::Response& response, http::Request& request, bool elsewhere) const;
  awaitable<http::Response> exchange(const http::Request& request, const Call& call);
  void check_graphql(const Reply& reply, const RateHeaders& rate, const Call& call);

  http::Client& http_;
  Limiter& limiter_;
  Endpoints endpoints_;
  std::string token_;
  std::optional<ApiError> paused_;
  std::string trouble_;
  std::uint64_t requests_ = 0;
  milliseconds skew_{0};
  std::function<void(const ApiError&)> tell_;
};

}  // namespace fanout::github
