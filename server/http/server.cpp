#include "server/http/server.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>
#include <cstring>

#include "common/error.hpp"
#include "server/async/anteroom.hpp"
#include "server/http/local_socket.hpp"
#include "server/local_socket.hpp"
#include "server/http/token_file.hpp"

namespace fanout::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using asio::ip::tcp;
using async::awaitable;
/// Of TCP and of Unix sockets alike.
using Protocol = asio::generic::stream_protocol;
using Socket = Protocol::socket;
using Connected = beast::basic_stream<Protocol>;

namespace {

constexpr std::chrono::milliseconds kPauseWhenExhausted{200};

struct Route {
  std::string method, path;
  Server::Door door;
  Server::Handler handler;
  Server::Streamer streamer;  // of the two one is there
  bool fits(const std::string& asked) const { return path == asked || (path.ends_with('/') && asked.starts_with(path)); }
};

/// Of this server, by one of the loopback's names. A port that was left out is the usual one, so not ours.
bool is_own_authority(std::string_view authority, std::uint16_t port) {
  const auto colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.substr(colon + 1) != std::to_string(port)) return false;
  const auto host = authority.substr(0, colon);
  return host == "127.0.0.1" || host == "localhost" || host == "[::1]";
}

/// Why it is turned away for where it comes from; nothing when it is not.
std::optional<Response> foreign(const Incoming& request, std::uint16_t port) {
  if (!is_own_authority(request.header("Host"), port)) {
    return text_response(421, "this server answers to 127.0.0.1 and localhost only\n");
  }
  const auto origin = request.header("Origin");
  if (!origin.empty() && (!origin.starts_with("http://") || !is_own_authority(origin.substr(7), port))) {
    return text_response(403, "pages of other origins get nothing here\n");
  }
  return {};
}

/// The same for who it is, too.
std::optional<Response> refusal(const Incoming& request, const std::string& token, std::uint16_t port) {
  if (auto refused = foreign(request, port)) return refused;
  const auto credentials = request.header("Authorization");
  constexpr std::string_view scheme = "Bearer ";
  if (!token.empty() && credentials.starts_with(scheme) && same_secret(credentials.substr(scheme.size()), token)) return {};
  auto response = text_response(401, "a token is needed: Authorization: Bearer …; fanout daemon status says where it is\n");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

Response response_to(const Error& error) {
  const auto text = std::string(error.what()) + "\n";
  switch (error.kind()) {
    case ErrorKind::not_found: return text_response(404, text);
    case ErrorKind::invalid_input: return text_response(400, text);
    case ErrorKind::precondition:
    case ErrorKind::already_there: return text_response(409, text);
    case ErrorKind::unavailable:
    case ErrorKind::cancelled: return text_response(503, text);
    case ErrorKind::timed_out: return text_response(504, text);
    case ErrorKind::system: break;
  }
  return text_response(500, text);
}

Incoming incoming(wire::request<wire::string_body>&& message) {
  Incoming request;
  request.method = message.method_string();
  const std::string target = message.target();
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) request.query = target.substr(mark + 1);
  for (const auto& field : message) request.headers.emplace_back(field.name_string(), field.value());
  request.body = std::move(message.body());
  return request;
}

template <class Body>
void set_head(wire::response<Body>& message, const Response& response, unsigned version, bool keep_alive) {
  message.version(version);
  message.result(response.status);
  // What a handler says of these counts: a page of the dashboard may load its own style.
  message.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  message.set("Cache-Control", "no-store");
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.set("X-Content-Type-Options", "nosniff");
  message.set("Cross-Origin-Resource-Policy", "same-origin");
  message.set("Referrer-Policy", "no-referrer");
  message.keep_alive(keep_alive);
}

wire::response<wire::string_body> outgoing(Response response, unsigned version, bool keep_alive) {
  wire::response<wire::string_body> message;
  set_head(message, response, version, keep_alive);
  message.body() = std::move(response.body);
  message.prepare_payload();
  return message;
}

/// Pieces as chunks. By the socket itself: the stream's timer would count while nothing is to be said.
class Chunks final : public Server::Stream {
 public:
  Chunks(Socket& socket, std::chrono::milliseconds limit) : socket_(socket), limit_(limit) {}

  awaitable<void> begin(Response head) override {
    wire::response<wire::empty_body> message;
    set_head(message, head, 11, false);
    message.chunked(true);
    wire::response_serializer<wire::empty_body> serializer(message);
    begun_ = true;
    co_await async::with_deadline(sent(wire::async_write_header(socket_, serializer, asio::use_awaitable)), limit_, "the reader");
  }

  awaitable<void> write(std::string piece) override {
    const auto chunk = wire::make_chunk(asio::buffer(piece));
    co_await async::with_deadline(sent(asio::async_write(socket_, chunk, asio::use_awaitable)), limit_, "the reader");
  }

  awaitable<void> end() {
    const auto last = wire::make_chunk_last();
    co_await async::with_deadline(sent(asio::async_write(socket_, last, asio::use_awaitable)), limit_, "the reader");
  }

  bool begun() const { return begun_; }

 private:
  static awaitable<std::size_t> sent(awaitable<std::size_t> writing) { co_return co_await std::move(writing); }

  Socket& socket_;
  std::chrono::milliseconds limit_;
  bool begun_ = false;
};

/// Of a query: "%41" is "A". What is no such triple stays.
std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned code = 0;
    const auto* begin = text.data() + at + 1;
    if (text[at] == '%' && at + 2 < text.size() && std::from_chars(begin, begin + 2, code, 16).ptr == begin + 2) {
      plain += static_cast<char>(code);
      at += 2;
    } else {
      plain += text[at] == '+' ? ' ' : text[at];
    }
  }
  return plain;
}

/// The answer to what is no request.
unsigned status_of(const beast::error_code& error) {
  if (error == wire::error::body_limit) return 413;
  return error == wire::error::header_limit ? 431 : 400;
}

bool is_malformed(const beast::error_code& error) {
  return error && error.category() == beast::error_code(wire::error::bad_method).category() &&
         error != wire::error::end_of_stream && error != wire::error::partial_message;
}

}  // namespace

struct Server::Impl {
  Impl(const async::Executor& e, ServerOptions o)
      : executor(e), options(std::move(o)), acceptor(e), connections(e), anteroom(options.most_connections) {}

  void listen();
  awaitable<void> accept();
  awaitable<void> serve(Socket socket);
  awaitable<void> converse(Connected& stream);
  awaitable<bool> write(Connected& stream, Response response, unsigned version, bool keep_alive);
  awaitable<bool> serve_one(Connected& stream, Incoming request, unsigned version, bool keep_alive);
  const Route* route_of(const Incoming& request, bool& other_method) const;
  std::optional<Response> turned_away(const Incoming& request, const Route* route, bool other_method) const;
  awaitable<Response> handled(const Handler& handler, Incoming request);
  awaitable<void> streamed(Connected& stream, const Streamer& streamer, Incoming request);
  awaitable<void> while_it_listens(Socket& socket, awaitable<void> work);

  async::Executor executor;
  ServerOptions options;
  asio::basic_socket_acceptor<Protocol> acceptor;
  tcp::endpoint bound;  ///< Where it is no Unix socket.
  std::vector<Route> routes;
  async::TaskGroup connections;
  async::Anteroom anteroom;  ///< Those whose request is not whole yet.
};

void Server::Impl::listen() {
  if (!options.socket.empty()) return acceptor.assign(Protocol(asio::local::stream_protocol()), listen_at(options.socket));
  beast::error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error || !address.is_loopback()) {
    throw Error(ErrorKind::invalid_input, "\"" + options.address + "\" is no address of the loopback, such as 127.0.0.1");
  }
  const tcp::endpoint endpoint(address, options.port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    throw Error(ErrorKind::system, "cannot listen on " + options.address + ":" + std::to_string(options.port) + ": " +
                                       error.message());
  }
  const auto local = acceptor.local_endpoint();
  std::memcpy(bound.data(), local.data(), local.size());
  bound.resize(local.size());
}

awaitable<void> Server::Impl::accept() {
  for (;;) {
    beast::error_code error;
    auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {  // out of descriptors, most likely
      asio::steady_timer pause(executor, kPauseWhenExhausted);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
    } else if (!options.socket.empty() && !local_socket::is_of_this_user(socket.native_handle())) {
      continue;
    } else if (connections.size() - anteroom.size() < options.most_connections) {
      connections.spawn(serve(std::move(socket)));
    }
  }
}

/// Whatever goes wrong here is this connection's own affair.
awaitable<void> Server::Impl::serve(Socket socket) {
  Connected stream(std::move(socket));
  try {
    co_await converse(stream);
  } catch (const std::exception&) {
    // It has gone, or has been cancelled: there is nobody to tell.
  }
}

awaitable<void> Server::Impl::converse(Connected& stream) {
  beast::flat_buffer buffer(options.header_limit + options.body_limit);
  for (bool more = true; more;) {
    wire::request_parser<wire::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(options.header_limit));
    parser.body_limit(options.body_limit);
    beast::error_code error;
    stream.expires_after(options.read);
    {
      const async::Anteroom::Guest waiting(anteroom, [&stream] { stream.close(); });
      co_await wire::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    }
    if (is_malformed(error)) {
      co_await write(stream, text_response(status_of(error), error.message() + "\n"), 11, false);
      co_return;
    }
    if (error) co_return;
    const auto version = parser.get().version();
    const bool keep = parser.get().keep_alive();
    auto request = incoming(parser.release());
    more = co_await serve_one(stream, std::move(request), version, keep);
  }
  beast::error_code ignored;
  stream.socket().shutdown(Socket::shutdown_send, ignored);
}

awaitable<bool> Server::Impl::write(Connected& stream, Response response, unsigned version, bool keep_alive) {
  const auto message = outgoing(std::move(response), version, keep_alive);
  beast::error_code error;
  stream.expires_after(options.write);
  co_await wire::async_write(stream, message, asio::redirect_error(asio::use_awaitable, error));
  co_return !error && message.keep_alive();
}

const Route* Server::Impl::route_of(const Incoming& request, bool& other_method) const {
  const Route* found = nullptr;
  for (const auto& route : routes) {
    if (!route.fits(request.path)) continue;
    if (route.method != request.method) {
      other_method = true;
    } else if (!found || route.path.size() > found->path.size()) {
      found = &route;
    }
  }
  return found;
}

/// Who may not come in does not learn what there is.
std::optional<Response> Server::Impl::turned_away(const Incoming& request, const Route* route, bool other_method) const {
  const auto port = bound.port();
  if (!options.socket.empty()) {
    // Whoever could open it may come in.
  } else if (!route || route->door == Door::token) {
    if (auto refused = refusal(request, options.token, port)) return refused;
  } else if (route->door == Door::page) {
    if (auto refused = foreign(request, port)) return refused;
  }
  if (!route) return text_response(other_method ? 405 : 404, other_method ? "not by this method\n" : "nothing here\n");
  return std::nullopt;
}

/// Whether the connection may go on.
awaitable<bool> Server::Impl::serve_one(Connected& stream, Incoming request, unsigned version, bool keep_alive) {
  bool other_method = false;
  const auto* route = route_of(request, other_method);
  auto refused = turned_away(request, route, other_method);
  if (refused) co_return co_await write(stream, std::move(*refused), version, keep_alive);
  if (route->streamer) {
    co_await streamed(stream, route->streamer, std::move(request));
    co_return false;
  }
  auto response = co_await handled(route->handler, std::move(request));
  co_return co_await write(stream, std::move(response), version, keep_alive);
}

/// Ends `work` when the other side closes the connection, or says something out of turn.
awaitable<void> Server::Impl::while_it_listens(Socket& socket, awaitable<void> work) {
  char byte = 0;
  auto [order, failed, error, length] =
      co_await asio::experimental::make_parallel_group(asio::co_spawn(executor, std::move(work), asio::deferred),
                                                       socket.async_read_some(asio::buffer(&byte, 1), asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (failed && order[0] == 0) std::rethrow_exception(failed);
}

awaitable<void> Server::Impl::streamed(Connected& stream, const Streamer& streamer, Incoming request) {
  stream.expires_never();
  Chunks chunks(stream.socket(), options.write);
  std::optional<Response> failed;
  try {
    co_await while_it_listens(stream.socket(), streamer(std::move(request), chunks));
  } catch (const Error& error) {
    if (chunks.begun()) throw;
    failed = response_to(error);
  }
  if (failed) {
    co_await write(stream, std::move(*failed), 11, false);
  } else {
    co_await chunks.end();
  }
}

awaitable<Response> Server::Impl::handled(const Handler& handler, Incoming request) {
  std::optional<Response> failed;
  try {
    co_return co_await async::with_deadline(handler(std::move(request)), options.answer, "the answer");
  } catch (const Error& error) {
    failed = response_to(error);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    failed = text_response(500, error.code().message() + "\n");
  } catch (const std::exception& error) {
    failed = text_response(500, std::string(error.what()) + "\n");
  }
  co_return std::move(*failed);
}

Server::Server(const async::Executor& executor, ServerOptions options)
    : impl_(std::make_unique<Impl>(executor, std::move(options))) {
  impl_->listen();
}

Server::~Server() {
  std::error_code ignored;
  if (!impl_->options.socket.empty()) std::filesystem::remove(impl_->options.socket, ignored);
}

void Server::route(std::string method, std::string path, Door door, Handler handler) {
  impl_->routes.push_back({std::move(method), std::move(path), door, std::move(handler), {}});
}

void Server::stream(std::string path, Door door, Streamer streamer) {
  impl_->routes.push_back({"GET", std::move(path), door, {}, std::move(streamer)});
}

std::string Server::address() const {
  if (!impl_->options.socket.empty()) return impl_->options.socket.string();
  const auto& endpoint = impl_->bound;
  const auto host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

async::awaitable<void> Server::run() {
  co_await async::checkpoint();  // what is started below is awaited
  co_await impl_->accept();
  co_await asio::this_coro::throw_if_cancelled(false);
  impl_->connections.cancel();
  co_await impl_->connections.join();
}

std::string_view Incoming::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const Header& header) { return beast::iequals(header.first, name); });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string Incoming::parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) return decoded(pair.substr(equals + 1));
  }
  return {};
}

ServerOptions listening_on(std::string_view address) {
  ServerOptions options;
  const auto colon = address.rfind(':');
  auto host = address.substr(0, colon == std::string_view::npos ? 0 : colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto port = colon == std::string_view::npos ? address : address.substr(colon + 1);
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), options.port);
  beast::error_code error;
  if (!host.empty()) options.address = host == "localhost" ? "127.0.0.1" : host;
  const bool loopback = asio::ip::make_address(options.address, error).is_loopback() && !error;
  if (port.empty() || failed != std::errc() || end != port.data() + port.size() || !loopback) {
    throw Error(ErrorKind::invalid_input, "\"" + std::string(address) + "\" is no port on the loopback, such as 127.0.0.1:9464");
  }
  return options;
}

Response text_response(unsigned status, std::string text, std::string type) {
  return {status, {{"Content-Type", std::move(type)}}, std::move(text)};
}

}  // namespace fanout::http
