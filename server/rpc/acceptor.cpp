#include "server/rpc/acceptor.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <cerrno>

#include "common/error.hpp"

namespace fanout::rpc {

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

constexpr std::chrono::milliseconds kPauseWhenExhausted{200};

bool is_of_this_user(int descriptor) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  if (peer.uid == geteuid()) return true;
  spdlog::warn("refused a connection of uid {} (pid {})", peer.uid, peer.pid);
  return false;
}

stream_protocol::endpoint endpoint_of(const std::filesystem::path& socket) {
  if (socket.native().size() > 107) {
    throw Error(ErrorKind::invalid_input, "the socket path " + socket.string() +
                                              " is longer than the 107 bytes that the system allows: choose "
                                              "another with --socket or FANOUT_SOCKET");
  }
  return stream_protocol::endpoint(socket.string());
}

}  // namespace

Acceptor::Acceptor(async::Executor executor, std::filesystem::path socket, int listener)
    : executor_(executor), socket_(std::move(socket)), inherited_(listener >= 0), acceptor_(executor) {
  boost::system::error_code error;
  if (inherited_) {
    acceptor_.assign(stream_protocol(), listener, error);
    if (error) throw Error(ErrorKind::system, "cannot serve on " + socket_.string() + ": " + error.message());
    return;
  }
  const auto endpoint = endpoint_of(socket_);
  unlink(socket_.c_str());
  acceptor_.open(stream_protocol(), error);
  if (!error) acceptor_.bind(endpoint, error);
  // Before anybody can connect; a umask would be that of all threads.
  if (!error && chmod(socket_.c_str(), S_IRUSR | S_IWUSR) != 0) error.assign(errno, boost::system::system_category());
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) throw Error(ErrorKind::system, "cannot listen on " + socket_.string() + ": " + error.message());
}

Acceptor::~Acceptor() {
  if (!inherited_) unlink(socket_.c_str());
}

async::awaitable<void> Acceptor::run(std::function<void(int)> admit) {
  for (;;) {
    boost::system::error_code error;
    auto peer = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors, most likely: those who are connected go on, the next waits a moment.
      spdlog::warn("cannot accept a connection: {}", error.message());
      boost::system::error_code ended;
      asio::steady_timer pause(executor_, kPauseWhenExhausted);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ended));
      if (ended) co_return;
      continue;
    }
    if (!is_of_this_user(peer.native_handle())) continue;
    peer.native_non_blocking(true, error);
    admit(peer.release());
  }
}

}  // namespace fanout::rpc
