#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "client/mcp/call.hpp"
#include "client/mcp/json_rpc.hpp"

namespace fanout::mcp {

/// The requests under way, each with a thread of its own, and the one way out for whatever is sent.
///
/// Cancellation: a cancelled request is told to stop, and nothing more is sent for it, as the protocol wants it.
/// Lifetimes: the end waits for all of them.
/// Thread-safe: no; but what requests send comes from their threads.
class Requests {
 public:
  using Send = std::function<void(const std::string& line)>;
  /// The result. Throws ProtocolError; anything else that it throws is an internal error.
  using Work = std::function<json::object(Call& call)>;

  /// `send` gets whole lines, one at a time.
  explicit Requests(Send send);
  ~Requests();
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  /// Begins with it; its answer is sent in time. Throws ProtocolError when its id is in use, or too many are under way.
  /// `progress_token` is null where the client wants to hear nothing.
  void start(const json::value& id, json::value progress_token, Work work);
  /// Does nothing when it is not under way.
  void cancel(const json::value& id);
  /// No more comes: what waits is told to stop. Returns when all is answered.
  void finish();

  void send(const std::string& line);

 private:
  class Job;

  void join_ended();

  Send send_;
  std::mutex sending_;
  std::list<std::unique_ptr<Job>> jobs_;
};

}  // namespace fanout::mcp
