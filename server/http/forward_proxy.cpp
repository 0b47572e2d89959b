#include "server/http/forward_proxy.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <sstream>
#include <vector>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/async/anteroom.hpp"
#include "server/http/connection.hpp"
#include "server/http/local_socket.hpp"
#include "server/local_socket.hpp"

namespace fanout::http {

namespace asio = boost::asio;
namespace wire = boost::beast::http;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;

namespace {

constexpr std::uint32_t kMostOfAHead = 64 * 1024;
constexpr std::size_t kPieceBytes = 32 * 1024;
constexpr std::chrono::milliseconds kPauseBetweenFailures{200};

using HeadParser = wire::request_parser<wire::empty_body>;

/// What a program wants of us.
struct Wish {
  Url url;              ///< Of a tunnel scheme and target mean nothing.
  HostAndPort host;
  bool tunnel = false;
  std::string fault;    ///< Why it is no request to a proxy; empty: it is.
};

Wish wish_of(const HeadParser::value_type& head) {
  Wish wish;
  wish.tunnel = head.method() == wire::verb::connect;
  const std::string target = head.target();
  try {
    wish.url = parse_url(wish.tunnel ? "https://" + target : target);
  } catch (const Error&) {
    wish.fault = "this is a proxy: it is asked for http://HOST/… or by CONNECT HOST:PORT";
    return wish;
  }
  const auto named = wish.tunnel ? parse_host(target) : std::nullopt;  // its port is not to be guessed
  const bool bare = !wish.tunnel || (named && named->port);
  const auto host = parse_host(wish.url.host.find(':') == std::string::npos ? wish.url.host + ":" + wish.url.port
                                                                           : "[" + wish.url.host + "]:" + wish.url.port);
  if (!host || !bare) wish.fault = "that is no host's name and port";
  else if (!wish.tunnel && wish.url.scheme != "http") wish.fault = "what is not http:// is reached by CONNECT";
  if (host) {
    wish.host = *host;
    wish.url.host = host->host;  // what is looked up is what was judged
  }
  return wish;
}

std::string shown(const HostAndPort& host) {
  const bool bracketed = host.host.find(':') != std::string::npos;
  return (bracketed ? "[" + host.host + "]" : host.host) + ":" + std::to_string(host.port.value_or(0));
}

Address address_of(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  return address.is_v6() ? address.to_v6().to_bytes() : asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()).to_bytes();
}

/// Headers that are between a client and its proxy, RFC 9110, 7.6.1.
void drop_hop_headers(wire::fields& fields) {
  std::vector<std::string> named{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authorization", "TE", "Upgrade"};
  std::istringstream more{std::string(fields[wire::field::connection])};
  for (std::string name; std::getline(more, name, ',');) named.emplace_back(trimmed(name));
  for (const auto& name : named) fields.erase(name);
}

/// One request for each connection: what follows it would go to the same host, whatever it names.
std::string head_for_server(HeadParser::value_type head, const Wish& wish, const std::optional<Url>& upstream) {
  head.target(upstream ? wish.url.origin() + wish.url.target : wish.url.target);
  drop_hop_headers(head.base());
  head.set(wire::field::host, wish.url.authority());
  head.set(wire::field::connection, "close");
  if (upstream && !upstream->login.empty()) head.set(wire::field::proxy_authorization, basic_credentials(upstream->login));
  std::ostringstream text;
  text << head.base();
  return text.str();
}

template <class From, class To>
void end_both(From& from, To& to) {
  error_code ignored;
  from.close(ignored);
  to.close(ignored);
}

/// Until one of them has said all; the other way may go on.
template <class From, class To>
awaitable<void> copy(From& from, To& to) {
  std::vector<char> piece(kPieceBytes);
  error_code error;
  while (!error) {
    const auto size = co_await from.async_read_some(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    if (!error) co_await asio::async_write(to, asio::buffer(piece, size), asio::redirect_error(asio::use_awaitable, error));
  }
  if (error != asio::error::eof) co_return end_both(from, to);
  to.shutdown(To::shutdown_send, error);
}

template <class Socket>
awaitable<std::size_t> sent(Socket& socket, std::string text) {
  co_return co_await asio::async_write(socket, asio::buffer(text), asio::use_awaitable);
}

awaitable<std::size_t> read_head(stream_protocol::socket& socket, beast::flat_buffer& buffer, HeadParser& parser) {
  co_return co_await wire::async_read_header(socket, buffer, parser, asio::use_awaitable);
}

using AnswerParser = wire::response_parser<wire::empty_body>;
awaitable<std::size_t> read_answer(tcp::socket& socket, beast::flat_buffer& buffer, AnswerParser& parser) {
  co_return co_await wire::async_read_header(socket, buffer, parser, asio::use_awaitable);
}

/// What was read beyond a head.
std::string rest_of(const beast::flat_buffer& buffer) {
  const auto data = buffer.data();
  return std::string(static_cast<const char*>(data.data()), data.size());
}

}  // namespace

struct ForwardProxy::Impl {
  Impl(const async::Executor& e, ForwardOptions o)
      : executor(e), options(std::move(o)), acceptor(e, stream_protocol(), listen_at(options.socket)), connections(e), anteroom(options.most_connections) {}

  awaitable<void> accept();
  awaitable<void> serve(stream_protocol::socket client);
  awaitable<void> converse(stream_protocol::socket& client);
  awaitable<void> turn_away(stream_protocol::socket& client, unsigned status, std::string why);
  awaitable<tcp::socket> connect(Wish wish, std::string& first);
  awaitable<std::string> pass_through(tcp::socket& upstream, Wish wish, std::string login);
  awaitable<void> pump(stream_protocol::socket& client, tcp::socket& server);
  std::optional<Url> upstream_for(const Wish& wish) const { return options.upstream.of(wish.url); }

  async::Executor executor;
  ForwardOptions options;
  stream_protocol::acceptor acceptor;
  async::TaskGroup connections;
  async::Anteroom anteroom;  ///< Those whose request is not whole yet.
  Deadlines deadlines;
};

awaitable<void> ForwardProxy::Impl::accept() {
  for (;;) {
    error_code error;
    auto client = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {  // out of descriptors, most likely
      asio::steady_timer pause(executor, kPauseBetweenFailures);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
    } else if (local_socket::is_of_this_user(client.native_handle()) && connections.size() - anteroom.size() < options.most_connections) {
      connections.spawn(serve(std::move(client)));
    }
  }
}

/// Whatever goes wrong here is this connection's own affair.
awaitable<void> ForwardProxy::Impl::serve(stream_protocol::socket client) {
  try {
    co_await converse(client);
  } catch (const std::exception&) {
    // It has gone, or said nothing in time, or we stop.
  }
}

awaitable<void> ForwardProxy::Impl::converse(stream_protocol::socket& client) {
  beast::flat_buffer buffer(kMostOfAHead);
  HeadParser parser;
  parser.header_limit(kMostOfAHead);
  parser.skip(true);
  {
    const async::Anteroom::Guest waiting(anteroom, [&client] { client.close(); });
    auto reading = read_head(client, buffer, parser);
    co_await async::with_deadline(std::move(reading), options.head, "the request");
  }
  const auto wish = wish_of(parser.get());
  if (!wish.fault.empty()) co_return co_await turn_away(client, 400, wish.fault);
  std::string why, first;
  unsigned status = 403;
  std::optional<tcp::socket> server;
  if (!options.allowed.allows(wish.host)) {
    why = "sandbox_network does not list it";
  } else {
    try {
      server.emplace(co_await connect(wish, first));
    } catch (const Error& error) {
      why = error.what();
      status = error.kind() == ErrorKind::precondition ? 403 : 502;
    }
  }
  if (status == 403 && !why.empty() && options.refused) options.refused(shown(wish.host), why);
  if (!why.empty()) co_return co_await turn_away(client, status, shown(wish.host) + ": " + why);
  if (wish.tunnel) co_await sent(client, "HTTP/1.1 200 Connection established\r\n\r\n" + first);
  auto ahead = rest_of(buffer);
  if (!wish.tunnel) ahead = head_for_server(parser.get(), wish, upstream_for(wish)) + ahead;
  if (!ahead.empty()) co_await sent(*server, std::move(ahead));
  co_await pump(client, *server);
}

awaitable<void> ForwardProxy::Impl::turn_away(stream_protocol::socket& client, unsigned status, std::string why) {
  wire::response<wire::string_body> message;
  message.version(11);
  message.result(status);
  message.set(wire::field::content_type, "text/plain; charset=utf-8");
  message.set(wire::field::connection, "close");
  message.body() = "fanout: " + printable(why) + "\n";
  message.prepare_payload();
  std::ostringstream text;
  text << message;
  auto writing = sent(client, text.str());
  co_await async::with_deadline(std::move(writing), options.head, "the reader");
  error_code ignored;
  client.shutdown(stream_protocol::socket::shutdown_send, ignored);
}

/// `first`: what the server has said already.
awaitable<tcp::socket> ForwardProxy::Impl::connect(Wish wish, std::string& first) {
  if (const auto upstream = upstream_for(wish)) {
    auto socket = co_await dial(*upstream, deadlines);
    if (wish.tunnel) first = co_await pass_through(socket, wish, upstream->login);
    co_return socket;
  }
  const MayDial may = [this](const tcp::endpoint& endpoint) { return options.allowed.allows_address(address_of(endpoint), endpoint.port()); };
  co_return co_await dial(wish.url, deadlines, may);
}

/// Asks the proxy that we use ourselves for a way through. What it says beyond that.
awaitable<std::string> ForwardProxy::Impl::pass_through(tcp::socket& upstream, Wish wish, std::string login) {
  const auto target = shown(wish.host);
  std::string request = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (!login.empty()) request += "Proxy-Authorization: " + basic_credentials(login) + "\r\n";
  auto writing = sent(upstream, request + "\r\n");
  co_await async::with_deadline(std::move(writing), deadlines.proxy, "the proxy");
  beast::flat_buffer buffer(kMostOfAHead);
  AnswerParser parser;
  parser.header_limit(kMostOfAHead);
  parser.skip(true);
  auto reading = read_answer(upstream, buffer, parser);
  co_await async::with_deadline(std::move(reading), deadlines.proxy, "the proxy");
  const auto status = parser.get().result_int();
  if (status / 100 != 2) throw Error(ErrorKind::unavailable, "the proxy that Fanout uses answered " + std::to_string(status));
  co_return rest_of(buffer);
}

awaitable<void> ForwardProxy::Impl::pump(stream_protocol::socket& client, tcp::socket& server) {
  error_code ignored;
  server.set_option(asio::socket_base::keep_alive(true), ignored);
  co_await async::checkpoint();  // what is started below is awaited
  async::TaskGroup ways(executor);
  ways.spawn(copy(client, server));
  ways.spawn(copy(server, client));
  co_await ways.join();
}

ForwardProxy::ForwardProxy(const async::Executor& executor, ForwardOptions options)
    : impl_(std::make_unique<Impl>(executor, std::move(options))) {}

ForwardProxy::~ForwardProxy() {
  std::error_code ignored;
  std::filesystem::remove(impl_->options.socket, ignored);
}

async::awaitable<void> ForwardProxy::run() {
  co_await async::checkpoint();  // what is started below is awaited
  co_await impl_->accept();
  co_await asio::this_coro::throw_if_cancelled(false);
  impl_->connections.cancel();
  co_await impl_->connections.join();
}

}  // namespace fanout::http
