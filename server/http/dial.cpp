#include <boost/asio/bind_executor.hpp>
#include <boost/asio/connect.hpp>

#include "server/http/connection.hpp"

namespace fanout::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using boost::system::system_error;

namespace {

constexpr std::size_t kMostAddresses = 4;

/// An answer of the resolver. Shared with it: a look-up cannot be cut short, only no longer waited for.
struct Lookup {
  explicit Lookup(const async::Executor& executor) : resolver(executor), signal(executor) {}
  tcp::resolver resolver;
  async::Signal signal;
  std::vector<tcp::endpoint> found;
  error_code error;
  bool done = false;
};

void start(const std::shared_ptr<Lookup>& lookup, const Url& url) {
  lookup->resolver.async_resolve(url.host, url.port, [lookup](error_code error, tcp::resolver::results_type results) {
    lookup->error = error;
    for (const auto& entry : results) lookup->found.push_back(entry.endpoint());
    lookup->done = true;
    lookup->signal.notify();
  });
}

awaitable<std::size_t> finished(std::shared_ptr<Lookup> lookup) {
  while (!lookup->done) co_await lookup->signal.wait();
  co_return lookup->found.size();
}

awaitable<std::vector<tcp::endpoint>> addresses_of(Url url, milliseconds limit) {
  const auto lookup = std::make_shared<Lookup>(co_await asio::this_coro::executor);
  start(lookup, url);
  std::optional<TransportError> failure;
  try {
    co_await async::with_deadline(finished(lookup), limit, "looking up " + url.host);
  } catch (const Error& late) {
    failure.emplace(ErrorKind::timed_out, late.what(), Stage::resolve, false);
  }
  if (failure) throw *failure;
  if (lookup->error || lookup->found.empty()) {
    throw TransportError(ErrorKind::unavailable, "cannot find " + url.host + ": " + lookup->error.message(),
                         Stage::resolve, false);
  }
  if (lookup->found.size() > kMostAddresses) lookup->found.resize(kMostAddresses);
  co_return std::move(lookup->found);
}

/// Those that may be connected to.
std::vector<tcp::endpoint> allowed_of(std::vector<tcp::endpoint> endpoints, const MayDial& may, const std::string& host) {
  if (!may) return endpoints;
  const auto first = endpoints.front().address().to_string();
  std::erase_if(endpoints, [&](const tcp::endpoint& endpoint) { return !may(endpoint); });
  if (!endpoints.empty()) return endpoints;
  throw TransportError(ErrorKind::precondition, host + " leads to " + first + ", which is not in the public internet and not listed", Stage::connect, false);
}

awaitable<std::size_t> connect(tcp::socket& socket, tcp::endpoint endpoint) {
  co_await socket.async_connect(endpoint, asio::use_awaitable);
  socket.set_option(tcp::no_delay(true));
  co_return 0;
}

}  // namespace

awaitable<tcp::socket> dial(Url url, Deadlines deadlines, MayDial may) {
  auto found = co_await addresses_of(url, deadlines.resolve);
  const auto endpoints = allowed_of(std::move(found), may, url.host);
  const auto executor = co_await asio::this_coro::executor;
  std::string why;
  ErrorKind kind = ErrorKind::unavailable;
  for (const auto& endpoint : endpoints) {
    tcp::socket socket(executor);
    try {
      co_await async::with_deadline(connect(socket, endpoint), deadlines.connect, "connecting");
      co_return socket;
    } catch (const Error& late) {
      kind = late.kind();
      why = late.what();
    } catch (const system_error& error) {
      if (error.code() == asio::error::operation_aborted) throw;
      kind = ErrorKind::unavailable;
      why = error.code().message();
    }
  }
  throw TransportError(kind, "cannot connect to " + url.host + " port " + url.port + ": " + why, Stage::connect, false);
}

}  // namespace fanout::http
