#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <string>

#include "client/descriptor.hpp"

namespace fanout::mcp {

namespace json = boost::json;

/// A request under way, as whoever works on it sees it. Only the thread that works on it uses it, but for stop().
class Call {
 public:
  Call();
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// The client wants it no more, or has gone: who waits should wait no longer. Any thread.
  void stop();
  bool stopped() const;
  /// Readable once stop() was called.
  int stop_descriptor() const { return stop_.get(); }
  /// True when it was stopped within that time.
  bool stopped_within(std::chrono::milliseconds time) const;

  /// Tells how far the work is, if the client asked to be told. It may not go back: what does is left out.
  void progress(double done, double total, const std::string& message);
  /// Tells the client something about this request.
  virtual void notify(const char* method, json::object params) = 0;

 protected:
  void set_progress_token(json::value token) { token_ = std::move(token); }

 private:
  client::Descriptor stop_;
  json::value token_ = nullptr;
  double told_ = -1;
};

}  // namespace fanout::mcp
