#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <functional>

#include "server/async/async.hpp"

namespace fanout::rpc {

/// Our own door: accepts on the Unix socket, lets in only processes of this user (SO_PEERCRED), and
/// hands each connection on. gRPC's own listener would check nobody and steal the path from a running
/// daemon.
class Acceptor {
 public:
  /// Binds `socket` with mode 0600; its folder is private (0700) already, and the daemon's lock is held,
  /// so a socket that is there is a dead daemon's and is replaced. Error{system}.
  Acceptor(async::Executor executor, std::filesystem::path socket);
  /// Removes the socket.
  ~Acceptor();

  /// Accepts until cancelled. `admit` takes the descriptor over.
  async::awaitable<void> run(std::function<void(int descriptor)> admit);

 private:
  async::Executor executor_;
  std::filesystem::path socket_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
};

}  // namespace fanout::rpc
