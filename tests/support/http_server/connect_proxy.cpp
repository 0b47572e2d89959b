#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <mutex>
#include <thread>

#include "tests/support/http_server/http_server.hpp"

namespace fanout::test {

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

namespace {

awaitable<void> pump(tcp::socket& from, tcp::socket& to) {
  std::array<char, 4096> buffer;
  for (;;) {
    const auto count = co_await from.async_read_some(asio::buffer(buffer), use_awaitable);
    co_await asio::async_write(to, asio::buffer(buffer.data(), count), use_awaitable);
  }
}

}  // namespace

struct ConnectProxy::Impl {
  awaitable<void> serve(tcp::socket client) {
    using namespace asio::experimental::awaitable_operators;
    try {
      std::string head;
      co_await asio::async_read_until(client, asio::dynamic_buffer(head), "\r\n\r\n", use_awaitable);
      const auto target = head.substr(8, head.find(' ', 8) - 8);
      std::string answer = "HTTP/1.1 200 Go on\r\n\r\n";
      const bool known = credentials.empty() || head.find("Proxy-Authorization: " + credentials) != head.npos;
      if (!known) answer = "HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n";
      co_await asio::async_write(client, asio::buffer(answer), use_awaitable);
      if (!known) co_return;
      {
        const std::lock_guard lock(mutex);
        let_through.push_back(target);
      }
      const auto port = static_cast<unsigned short>(std::stoi(target.substr(target.rfind(':') + 1)));
      tcp::socket server(io);
      const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
      co_await server.async_connect(endpoint, use_awaitable);
      co_await (pump(client, server) || pump(server, client));
    } catch (const std::exception&) {
      // One of them went.
    }
  }

  awaitable<void> accept() {
    for (;;) asio::co_spawn(io, serve(co_await acceptor.async_accept(use_awaitable)), asio::detached);
  }

  std::string credentials;
  asio::io_context io{1};
  tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
  mutable std::mutex mutex;
  std::vector<std::string> let_through;
  std::thread thread;
};

ConnectProxy::ConnectProxy(std::string credentials) : impl_(std::make_unique<Impl>()) {
  impl_->credentials = std::move(credentials);
  asio::co_spawn(impl_->io, impl_->accept(), asio::detached);
  impl_->thread = std::thread([this] { impl_->io.run(); });
}

ConnectProxy::~ConnectProxy() {
  impl_->io.stop();
  impl_->thread.join();
}

std::string ConnectProxy::address() const {
  return "127.0.0.1:" + std::to_string(impl_->acceptor.local_endpoint().port());
}

std::vector<std::string> ConnectProxy::targets() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->let_through;
}

}  // namespace fanout::test
