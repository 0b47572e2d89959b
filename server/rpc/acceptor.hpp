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
  /// so a socket that is there is a dead daemon's and is replaced. `listener`, unless it is -1, is a
  /// descriptor that listens there already, made by a service manager: it is taken over. Error{system}.
  Acceptor(async::Executor executor, std::filesystem::path socket, int listener = -1);
  /// Removes the socket, unless it is the service manager's.
  ~Acceptor();

  /// Accepts until cancelled. `admit` takes the descriptor over.
  async::awaitable<void> run(std::function<void(int descriptor)> admit);

 private:
  async::Executor executor_;
  std::filesystem::path socket_;
  bool inherited_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
};

}  // namespace fanout::rpc
