#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <variant>

#include "server/async/async.hpp"
#include "server/http/message.hpp"

namespace fanout::http {

namespace beast = boost::beast;
using async::awaitable;
using std::chrono::milliseconds;

/// How long each stage may take. `read` is for the whole answer: one that drips does not last for ever.
struct Deadlines {
  milliseconds resolve{10'000}, connect{10'000}, proxy{15'000}, handshake{15'000}, write{30'000}, read{60'000};
};

/// One connection to a server, plain or by TLS. Used by one request at a time.
/// Cancellation of any call leaves it unusable: it is to be thrown away then.
class Connection {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Wire = beast::http::request<beast::http::string_body>;
  using Parser = beast::http::response_parser<beast::http::string_body>;

  explicit Connection(Socket socket) : stream_(std::move(socket)) {}

  /// Goes on by TLS; the certificate must be trusted and be that of `host`.
  /// Throws TransportError{handshake}.
  awaitable<void> secure(boost::asio::ssl::context& context, std::string host, milliseconds limit);

  /// Throws TransportError{write}, which knows whether anything has left.
  awaitable<void> write(const Wire& request, milliseconds limit);

  /// Reads one whole answer into `parser`. Throws TransportError{read}.
  awaitable<void> read(Parser& parser, milliseconds limit);

  /// Whether the other end has not closed it meanwhile, and nothing that nobody asked for waits in it.
  bool is_fresh();
  /// Whether no byte of an answer has come since the last write.
  bool is_silent() const { return silent_; }

  /// The socket, where TLS is to follow upon a proxy's answer.
  Socket take_socket();

 private:
  Socket& socket();
  awaitable<std::size_t> write_all(const Wire& request, std::size_t& written);
  awaitable<std::size_t> read_all(Parser& parser);

  std::variant<Socket, std::unique_ptr<boost::asio::ssl::stream<Socket>>> stream_;
  beast::flat_buffer buffer_;
  bool silent_ = true;
};

/// Whether that address may be connected to.
using MayDial = std::function<bool(const boost::asio::ip::tcp::endpoint&)>;

/// Connects to the host of `url`, one of its addresses after the other; of them only to those that `may` takes.
/// Throws TransportError{resolve or connect}, and of kind precondition where it has no address that may be connected to.
awaitable<Connection::Socket> dial(Url url, Deadlines deadlines, MayDial may = {});

}  // namespace fanout::http
