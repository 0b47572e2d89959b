#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <functional>

#include "server/async/anteroom.hpp"
#include "server/async/async.hpp"

namespace fanout::rpc {

/// Our own door: accepts on the Unix socket, lets in only processes of this user (SO_PEERCRED), and
/// hands each connection on. gRPC's own listener would check nobody and steal the path from a running
/// daemon.
///
/// A connection is handed on once it has greeted as HTTP/2 clients do; what says something else, or nothing for ten
/// seconds, or little by little, costs its own connection only. So many may be open at once, and so many more may be at
/// their greeting: beyond that the one that has waited longest goes.
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
  using Peer = boost::asio::local::stream_protocol::socket;
  async::awaitable<void> accept();
  async::awaitable<void> attend(Peer peer);
  async::awaitable<bool> has_greeted(Peer& peer);
  async::awaitable<void> until_it_ends(Peer peer);

  async::Executor executor_;
  std::filesystem::path socket_;
  bool inherited_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  std::function<void(int descriptor)> admit_;
  async::TaskGroup connections_;
  async::Anteroom anteroom_;
  std::size_t open_ = 0;
};

}  // namespace fanout::rpc
