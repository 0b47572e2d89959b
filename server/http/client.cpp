#include "server/http/client.hpp"

#include <boost/beast/http/verb.hpp>
#include <list>

#include "server/http/connection.hpp"
#include "server/http/gzip.hpp"
#include "server/http/tls.hpp"

namespace fanout::http {

namespace asio = boost::asio;
namespace wire = boost::beast::http;

namespace {

constexpr std::uint32_t kHeaderLimit = 64 * 1024;

Connection::Wire on_the_wire(const Request& request, const Url& url, const ClientOptions& options) {
  Connection::Wire out;
  out.method_string(request.method);
  out.target(url.target);
  out.version(11);
  out.set(wire::field::host, url.authority());
  out.set(wire::field::user_agent, options.user_agent);
  out.set(wire::field::accept_encoding, "gzip");
  for (const auto& [name, value] : request.headers) {
    if ((name + value).find_first_of("\r\n") != std::string::npos) {
      throw Error(ErrorKind::invalid_input, "a header holds a line break: " + name);
    }
    out.set(name, value);
  }
  out.body() = request.body;
  if (!request.body.empty() || request.method != "GET") out.content_length(request.body.size());
  return out;
}

Response taken(Connection::Parser& parser, std::size_t limit) {
  auto message = parser.release();
  Response response;
  response.status = message.result_int();
  for (const auto& field : message) response.headers.emplace_back(field.name_string(), field.value());
  response.body = std::move(message.body());
  if (response.header("content-encoding") != "gzip" || response.body.empty()) return response;
  try {
    response.body = gunzip(response.body, limit);
  } catch (const Error& error) {
    throw TransportError(ErrorKind::unavailable, error.what(), Stage::read, true);
  }
  return response;
}

}  // namespace

struct Client::Impl {
  struct Idle {
    Connection connection;
    std::chrono::steady_clock::time_point since;
  };
  struct Host {
    Host(const async::Executor& executor, std::size_t most) : slots(executor, most) {}
    async::Slots slots;
    std::list<Idle> idle;
  };

  Impl(async::Executor e, ClientOptions o)
      : executor(std::move(e)),
        options(std::move(o)),
        proxies(proxies_from(options.environment)),
        deadlines{options.resolve,   options.connect, options.proxy,
                  options.handshake, options.write,   options.read} {
    auto trust = trust_from(options.environment);
    trust.more = options.authorities;
    tls.emplace(client_context(trust));
  }

  Host& host_of(const Url& url) {
    return hosts.try_emplace(url.origin(), executor, options.connections_per_host).first->second;
  }

  /// The one used last, so that those too many grow old and go.
  std::optional<Connection> idle_connection(Host& host) {
    const auto oldest = std::chrono::steady_clock::now() - options.idle;
    host.idle.remove_if([&](Idle& idle) { return idle.since < oldest || !idle.connection.is_fresh(); });
    if (host.idle.empty()) return std::nullopt;
    auto connection = std::move(host.idle.back().connection);
    host.idle.pop_back();
    return connection;
  }

  awaitable<Connection> connect(Url url);
  awaitable<void> tunnel(Connection& connection, Url url, std::string login);
  awaitable<Response> exchange(Connection& connection, const Connection::Wire& request, Host& host);
  awaitable<Response> send(Request request);

  async::Executor executor;
  ClientOptions options;
  Proxies proxies;
  Deadlines deadlines;
  std::optional<asio::ssl::context> tls;
  std::map<std::string, Host> hosts;
};

/// Asks a proxy for a way through to `url`.
awaitable<void> Client::Impl::tunnel(Connection& connection, Url url, std::string login) {
  const std::string target = (url.host.find(':') == url.host.npos ? url.host : "[" + url.host + "]") + ":" + url.port;
  Connection::Wire request(wire::verb::connect, target, 11);
  request.set(wire::field::host, target);
  request.set(wire::field::user_agent, options.user_agent);
  if (!login.empty()) request.set(wire::field::proxy_authorization, basic_credentials(login));
  Connection::Parser parser;
  parser.skip(true);
  parser.header_limit(kHeaderLimit);
  std::optional<TransportError> failure;
  try {
    co_await connection.write(request, deadlines.proxy);
    co_await connection.read(parser, deadlines.proxy);
  } catch (const TransportError& error) {
    failure.emplace(error.kind(), std::string("the proxy does not answer: ") + error.what(), Stage::proxy, false);
  }
  if (failure) throw *failure;
  const auto status = parser.get().result_int();
  if (status / 100 == 2) co_return;
  // 401 is wrong of a proxy, and what tinyproxy says to a wrong password.
  const std::string why = status == 407 || status == 401 ? "it wants a user name and a password, or others than those in its address"
                                        : "it answered " + std::to_string(status);
  throw TransportError(status / 100 == 5 ? ErrorKind::unavailable : ErrorKind::system,
                       "the proxy does not let us through to " + url.host + ": " + why, Stage::proxy, false);
}

awaitable<Connection> Client::Impl::connect(Url url) {
  const auto proxy = proxies.of(url);
  const Url next = proxy ? *proxy : url;
  Connection connection(co_await dial(next, deadlines));
  if (url.scheme == "https") {
    if (proxy) {
      co_await tunnel(connection, url, proxy->login);
      connection = Connection(connection.take_socket());
    }
    co_await connection.secure(*tls, url.host, deadlines.handshake);
  }
  co_return connection;
}

awaitable<Response> Client::Impl::exchange(Connection& connection, const Connection::Wire& request, Host& host) {
  Connection::Parser parser;
  parser.body_limit(options.body_limit);
  parser.header_limit(kHeaderLimit);
  co_await connection.write(request, deadlines.write);
  co_await connection.read(parser, deadlines.read);
  const bool keep = parser.keep_alive() && !parser.need_eof();
  auto response = taken(parser, options.body_limit);
  if (keep) host.idle.push_back({std::move(connection), std::chrono::steady_clock::now()});
  co_return response;
}

awaitable<Response> Client::Impl::send(Request request) {
  const auto url = parse_url(request.url);
  auto message = on_the_wire(request, url, options);
  if (const auto proxy = proxies.of(url); proxy && url.scheme == "http") {
    message.target(url.origin() + url.target);
    if (!proxy->login.empty()) message.set(wire::field::proxy_authorization, basic_credentials(proxy->login));
  }
  auto& host = host_of(url);
  const auto slot = co_await host.slots.acquire(0);
  if (auto used = idle_connection(host)) {
    try {
      co_return co_await exchange(*used, message, host);
    } catch (const TransportError& error) {
      const bool stale = used->is_silent() && error.kind() != ErrorKind::timed_out;
      if (!stale || (error.may_have_been_received() && !request.repeatable)) throw;
    }
  }
  auto fresh = co_await connect(url);
  co_return co_await exchange(fresh, message, host);
}

Client::Client(const async::Executor& executor, ClientOptions options)
    : impl_(std::make_unique<Impl>(executor, std::move(options))) {}

Client::~Client() = default;

async::awaitable<Response> Client::send(Request request) { return impl_->send(std::move(request)); }

std::size_t Client::idle_connections() const {
  std::size_t count = 0;
  for (const auto& [origin, host] : impl_->hosts) count += host.idle.size();
  return count;
}

}  // namespace fanout::http
