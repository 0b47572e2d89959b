#pragma once

#include <memory>
#include <string>

#include "server/http/server.hpp"
#include "server/orchestrator/orchestrator.hpp"

namespace fanout::dashboard {

/// A page about all runs for a browser on this machine, on a port of its own, from the first open() on.
///
/// All it tells needs a secret that is part of its URL; there are two, and only with the second one may the page cancel
/// and retry. Both are made anew at every start of the daemon and are written nowhere. The server's checks of Host and
/// Origin hold for everything; what is asked to change something must have an Origin, ours.
/// Lives on the I/O thread. Not thread-safe.
class Dashboard {
 public:
  Dashboard(orchestrator::Orchestrator& runs, subagent::Services& services);
  ~Dashboard();

  /// Where it is. `run_id`: the run to show first; empty: the newest. Throws Error{system}: no port.
  std::string open(const std::string& run_id, bool allow_actions);

  /// Serves what was opened, until cancelled.
  async::awaitable<void> run();

 private:
  enum class Right { none, read, act };
  using Handler = async::awaitable<http::Response> (Dashboard::*)(http::Incoming);

  Right right_of(const http::Incoming& request) const;
  std::string refusal(const http::Incoming& request, Right needed) const;
  void add_routes();
  async::awaitable<http::Response> guarded(Handler handler, Right needed, http::Incoming request);
  async::awaitable<http::Response> page(http::Incoming request);
  async::awaitable<http::Response> list(http::Incoming request);
  async::awaitable<http::Response> timeline(http::Incoming request);
  async::awaitable<http::Response> log(http::Incoming request);
  async::awaitable<http::Response> cancel(http::Incoming request);
  async::awaitable<http::Response> retry(http::Incoming request);
  async::awaitable<void> follow(http::Incoming request, http::Server::Stream& stream);

  orchestrator::Orchestrator& runs_;
  subagent::Services& services_;
  std::string read_token_, act_token_;
  std::unique_ptr<http::Server> server_;
  async::Signal opened_;
};

}  // namespace fanout::dashboard
