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
  std::uint64_t out = 0, err = 0, events = 0;  ///< Lengths of the logs.
  std::uint64_t input = 0;  ///< Bytes for standard input that it has had.
  std::uint64_t input_answers = 0;  ///< How often it has said so.
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
  void follow(std::uint64_t out, std::uint64_t err, std::uint64_t events);
  void stop();
  void collected();
  void pause(bool on);
  /// At most kMostInput, the first of which is byte `at` of all. One at a time: News tells when it was taken.
  void give_input(std::uint64_t at, std::string_view bytes);
  static constexpr std::size_t kMostInput = 16 << 10;
  void close_input();
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

/// Tells the supervisor of a run folder that its result has been collected, and waits for no answer. False: nobody
/// listens there, which is as well. BLOCKS for no longer than a call takes. Never throws.
bool tell_collected(const std::filesystem::path& folder) noexcept;

}  // namespace fanout::process
