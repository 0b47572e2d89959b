#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "server/async/async.hpp"

namespace fanout::process {

using async::awaitable;

/// What a supervisor said last.
struct News {
  bool ended = false;  ///< The exit record is there, or the supervisor is gone.
  std::uint64_t out = 0, err = 0;  ///< Lengths of the logs.
};

/// A connection to the supervisor of a run folder. Not thread-safe.
class Dialogue {
 public:
  explicit Dialogue(const async::Executor& executor) : socket_(executor) {}

  /// False when nobody listens there. Sees to it that it is a supervisor, of a version we know.
  awaitable<bool> connect(std::filesystem::path folder);
  /// The program's pid; 0 once it has ended.
  awaitable<int> program();
  /// From now on news() is told of logs that are longer.
  void follow(std::uint64_t out, std::uint64_t err);
  void stop();
  /// Waits for news, of which only the newest counts; or for wake(), and then tells those it told last.
  awaitable<News> news();
  /// Whoever waits for news goes on.
  void wake();
  void close();

 private:
  awaitable<std::optional<std::string>> line();
  std::optional<std::string> buffered_line();
  void say(const std::string& line);

  boost::asio::local::stream_protocol::socket socket_;
  std::string in_;
  News last_;
  bool lost_ = false, woken_ = false;
};

}  // namespace fanout::process
