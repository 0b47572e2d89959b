#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <string>

#include "common/redact.hpp"
#include "server/github/agent_access.hpp"
#include "server/github/api.hpp"
#include "server/http/server.hpp"

namespace fanout::tracking {

using async::awaitable;

/// What an agent asks of the tracker, answered with the daemon's token, which the agent never gets. It asks as it would
/// GitHub's API, over a socket of its own; judge_agent_call() says what is passed on. What it writes is redacted, carries a
/// mark, and can be changed again by the same task's agents alone. It goes behind Fanout's own requests, and has the
/// smaller part of GitHub's limits.
/// Lives on the I/O thread. Lifetime: outlives its answer()s; `redactor` outlives it.
class AgentDoor {
 public:
  using Clock = std::chrono::steady_clock;
  /// What is granted now, since issues and pull requests come while an agent works, and whom to ask. Error: nobody.
  struct Way {
    github::AgentGrant grant;
    github::Api* api = nullptr;
  };
  using Find = std::function<awaitable<Way>()>;

  /// `mark`: agent_marker_text() of its task.
  AgentDoor(Find find, const Redactor& redactor, std::string mark) : find_(std::move(find)), redactor_(redactor), mark_(std::move(mark)) {}

  /// Whatever comes of it is an answer in JSON.
  awaitable<http::Response> answer(http::Incoming request);

 private:
  awaitable<http::Response> pass_on(http::Incoming request);
  awaitable<http::Response> read(github::Api& api, github::AgentCall call, http::Incoming request);
  awaitable<http::Response> write(github::Api& api, github::AgentGrant grant, github::AgentCall call, http::Incoming request);
  awaitable<bool> is_its_own(github::Api& api, github::AgentGrant grant, std::string path);
  std::string exhausted(github::Api& api, bool writes);

  Find find_;
  const Redactor& redactor_;
  std::string mark_;
  std::deque<Clock::time_point> reads_, writes_;  ///< Of the last hour.
};

}  // namespace fanout::tracking
