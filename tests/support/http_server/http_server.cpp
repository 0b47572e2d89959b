#include "tests/support/http_server/http_server.hpp"

#include <fcntl.h>

#include <atomic>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <set>
#include <thread>

namespace fanout::test {

namespace asio = boost::asio;
namespace wire = boost::beast::http;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

HttpRequest taken(const wire::request<wire::string_body>& message) {
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) request.headers[lower(std::string(field.name_string()))] = field.value();
  request.body = message.body();
  return request;
}

std::string serialized(const HttpAnswer& answer) {
  std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " Said\r\n";
  for (const auto& [name, value] : answer.headers) text += name + ": " + value + "\r\n";
  if (answer.status != 304) text += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
  if (!answer.keep_alive) text += "Connection: close\r\n";
  return text + "\r\n";
}

void reset(tcp::socket& socket) {
  socket.set_option(asio::socket_base::linger(true, 0));
  socket.close();
}

template <class Stream>
awaitable<void> drip(Stream& stream, std::string text) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (const char& c : text) {
    co_await asio::async_write(stream, asio::buffer(&c, 1), use_awaitable);
    timer.expires_after(5ms);
    co_await timer.async_wait(use_awaitable);
  }
}

/// Whether the connection may go on.
template <class Stream>
awaitable<bool> give(Stream& stream, tcp::socket& socket, HttpAnswer answer) {
  std::string text = serialized(answer) + answer.body;
  switch (answer.mishap) {
    case Mishap::reset:
      reset(socket);
      co_return false;
    case Mishap::close:
      co_return false;
    case Mishap::silence: {
      asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
      co_await never.async_wait(use_awaitable);
      co_return false;
    }
    case Mishap::drip:
      co_await drip(stream, text);
      co_return answer.keep_alive;
    case Mishap::truncate:
      text.resize(text.size() - (answer.body.size() + 1) / 2);
      co_await asio::async_write(stream, asio::buffer(text), use_awaitable);
      co_return false;
    case Mishap::none:
      break;
  }
  co_await asio::async_write(stream, asio::buffer(text), use_awaitable);
  co_return answer.keep_alive;
}

}  // namespace

struct HttpServer::Impl {
  Impl(Handler h, unsigned short port) : handler(std::move(h)), acceptor(io, {asio::ip::address_v4::loopback(), port}) {
    // A daemon that inherited it would keep the port open, and be answered by nobody, once this server is gone.
    ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
  }

  template <class Stream>
  awaitable<void> talk(Stream& stream, tcp::socket& socket) {
    boost::beast::flat_buffer buffer;
    bool go_on = true;
    while (go_on) {
      wire::request_parser<wire::string_body> parser;
      parser.body_limit(64u << 20);
      co_await wire::async_read(stream, buffer, parser, use_awaitable);
      auto answer = handler(taken(parser.get()));
      if (answer.delay.count() > 0) {
        asio::steady_timer timer(io, answer.delay);
        co_await timer.async_wait(use_awaitable);
      }
      if (answer.sending) answer.sending();
      go_on = co_await give(stream, socket, std::move(answer));
    }
  }

  awaitable<void> serve(tcp::socket client) {
    auto socket = std::make_shared<tcp::socket>(std::move(client));
    open.insert(socket);
    try {
      if (tls) {
        asio::ssl::stream<tcp::socket&> stream(*socket, *tls);
        co_await stream.async_handshake(asio::ssl::stream_base::server, use_awaitable);
        co_await talk(stream, *socket);
      } else {
        co_await talk(*socket, *socket);
      }
    } catch (const boost::system::system_error&) {
      // The client went.
    }
    open.erase(socket);
  }

  awaitable<void> accept() {
    for (;;) {
      auto socket = co_await acceptor.async_accept(use_awaitable);
      socket.set_option(tcp::no_delay(true));
      ++accepted;
      asio::co_spawn(io, serve(std::move(socket)), asio::detached);
    }
  }

  Handler handler;
  asio::io_context io{1};
  tcp::acceptor acceptor;
  std::optional<asio::ssl::context> tls;
  std::set<std::shared_ptr<tcp::socket>> open;
  std::atomic<unsigned> accepted = 0;
  std::thread thread;
};

std::string HttpRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpServer::HttpServer(Handler handler, std::optional<Certificate> certificate, unsigned short port)
    : impl_(std::make_unique<Impl>(std::move(handler), port)) {
  if (certificate) {
    impl_->tls.emplace(asio::ssl::context::tls_server);
    impl_->tls->use_certificate_chain(asio::buffer(certificate->certificate));
    impl_->tls->use_private_key(asio::buffer(certificate->key), asio::ssl::context::pem);
  }
  asio::co_spawn(impl_->io, impl_->accept(), asio::detached);
  impl_->thread = std::thread([this] { impl_->io.run(); });
}

HttpServer::~HttpServer() {
  impl_->io.stop();
  impl_->thread.join();
}

unsigned short HttpServer::port() const { return impl_->acceptor.local_endpoint().port(); }

std::string HttpServer::url() const {
  return (impl_->tls ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port());
}

unsigned HttpServer::connections() const { return impl_->accepted; }

void HttpServer::drop_connections() {
  std::promise<void> done;
  asio::post(impl_->io, [&] {
    for (const auto& socket : impl_->open) socket->close();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace fanout::test
