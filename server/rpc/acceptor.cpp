#include "server/rpc/acceptor.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <array>
#include <cerrno>
#include <string_view>

#include "common/error.hpp"
#include "server/local_socket.hpp"

namespace fanout::rpc {

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

constexpr std::chrono::milliseconds kPauseWhenExhausted{200};
constexpr std::chrono::milliseconds kPauseInGreeting{20};
constexpr std::chrono::seconds kGreetingTime{10};
constexpr std::size_t kMostOpen = 200;     // each costs two descriptors
constexpr std::size_t kMostGreeting = 64;
constexpr std::string_view kGreeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113, 3.4

bool may_come_in(int descriptor) {
  if (local_socket::is_of_this_user(descriptor)) return true;
  if (const auto peer = local_socket::peer_of(descriptor)) spdlog::warn("refused a connection of uid {} (pid {})", peer->uid, peer->pid);
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
    : executor_(executor), socket_(std::move(socket)), inherited_(listener >= 0), acceptor_(executor), connections_(executor), anteroom_(kMostGreeting) {
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
  co_await async::checkpoint();  // what is started below is awaited
  admit_ = std::move(admit);
  co_await accept();
  co_await asio::this_coro::throw_if_cancelled(false);
  connections_.cancel();
  co_await connections_.join();
}

async::awaitable<void> Acceptor::accept() {
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
    if (!may_come_in(peer.native_handle())) continue;
    peer.native_non_blocking(true, error);
    connections_.spawn(attend(std::move(peer)));
  }
}

/// Whatever goes wrong here is this connection's own affair.
async::awaitable<void> Acceptor::attend(Peer peer) {
  try {
    auto greeting = has_greeted(peer);
    const bool greeted = co_await async::with_deadline(std::move(greeting), kGreetingTime, "the greeting");
    if (!greeted) co_return;
    if (open_ >= kMostOpen) {
      spdlog::warn("refused a connection: {} are open", open_);
      co_return;
    }
    co_await until_it_ends(std::move(peer));
  } catch (const std::exception&) {
    // It has gone, or said nothing in time, or we stop.
  }
}

/// Looks at what it says without taking it.
async::awaitable<bool> Acceptor::has_greeted(Peer& peer) {
  const async::Anteroom::Guest waiting(anteroom_, [&peer] { peer.close(); });
  asio::steady_timer pause(executor_);
  for (;;) {
    co_await peer.async_wait(Peer::wait_read, asio::use_awaitable);
    std::array<char, kGreeting.size()> said{};
    const auto length = ::recv(peer.native_handle(), said.data(), said.size(), MSG_PEEK | MSG_DONTWAIT);
    if (length <= 0 || !kGreeting.starts_with(std::string_view(said.data(), static_cast<std::size_t>(length)))) co_return false;
    if (static_cast<std::size_t>(length) == kGreeting.size()) co_return true;
    pause.expires_after(kPauseInGreeting);  // the rest makes it no more readable than it is
    co_await pause.async_wait(asio::use_awaitable);
  }
}

/// gRPC tells nobody when a connection ends, but shuts it down; so a second descriptor of it sees the end.
async::awaitable<void> Acceptor::until_it_ends(Peer peer) {
  const int second = ::fcntl(peer.native_handle(), F_DUPFD_CLOEXEC, 0);
  if (second < 0) co_return;
  Peer watched(executor_, stream_protocol(), second);
  struct Count {
    explicit Count(std::size_t& n) : number(n) { ++number; }
    ~Count() { --number; }
    std::size_t& number;
  };
  const Count count(open_);
  admit_(peer.release());
  co_await watched.async_wait(Peer::wait_error, asio::use_awaitable);
}

}  // namespace fanout::rpc
