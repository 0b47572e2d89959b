#include "server/http/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>

namespace fanout::http {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::system_error;

namespace {

bool is_cancelled(const system_error& error) { return error.code() == asio::error::operation_aborted; }

/// The certificate must be that of `host`, a name or an address.
void expect_host(SSL* ssl, const std::string& host) {
  boost::system::error_code no_address;
  asio::ip::make_address(host, no_address);
  if (!no_address) {
    ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl), host.c_str());
    return;
  }
  ::SSL_set_tlsext_host_name(ssl, host.c_str());
  ::SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  ::SSL_set1_host(ssl, host.c_str());
}

/// Why the other end is not believed, in words; empty when the handshake failed by something else.
std::string distrust(SSL* ssl, const std::string& host) {
  const long code = ::SSL_get_verify_result(ssl);
  if (code == X509_V_OK) return "";
  if (code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    return "the certificate is not one of " + host;
  }
  return std::string("its certificate is not trusted: ") + ::X509_verify_cert_error_string(code) +
         "; an authority of your own can be named by SSL_CERT_FILE";
}

awaitable<std::size_t> shake_hands(ssl::stream<Connection::Socket>& stream) {
  co_await stream.async_handshake(ssl::stream_base::client, asio::use_awaitable);
  co_return 0;
}

}  // namespace

Connection::Socket& Connection::socket() {
  if (auto* plain = std::get_if<Socket>(&stream_)) return *plain;
  return std::get<1>(stream_)->next_layer();
}

Connection::Socket Connection::take_socket() { return std::move(socket()); }

awaitable<void> Connection::secure(ssl::context& context, std::string host, milliseconds limit) {
  auto stream = std::make_unique<ssl::stream<Socket>>(std::move(socket()), context);
  expect_host(stream->native_handle(), host);
  std::optional<TransportError> failure;
  try {
    co_await async::with_deadline(shake_hands(*stream), limit, "the TLS handshake with " + host);
  } catch (const Error& late) {
    failure.emplace(ErrorKind::timed_out, late.what(), Stage::handshake, false);
  } catch (const system_error& error) {
    if (is_cancelled(error)) throw;
    const auto why = distrust(stream->native_handle(), host);
    failure.emplace(why.empty() ? ErrorKind::unavailable : ErrorKind::system,
                    "no secure connection to " + host + ": " + (why.empty() ? error.code().message() : why),
                    Stage::handshake, false);
  }
  if (failure) throw *failure;
  stream_ = std::move(stream);
}

awaitable<std::size_t> Connection::write_all(const Wire& request, std::size_t& written) {
  beast::http::serializer<true, beast::http::string_body> serializer(request);
  while (!serializer.is_done()) {
    if (auto* plain = std::get_if<Socket>(&stream_)) {
      written += co_await beast::http::async_write_some(*plain, serializer, asio::use_awaitable);
    } else {
      written += co_await beast::http::async_write_some(*std::get<1>(stream_), serializer, asio::use_awaitable);
    }
  }
  co_return written;
}

awaitable<void> Connection::write(const Wire& request, milliseconds limit) {
  silent_ = true;
  std::size_t written = 0;
  std::optional<TransportError> failure;
  try {
    co_await async::with_deadline(write_all(request, written), limit, "sending the request");
  } catch (const Error& late) {
    failure.emplace(ErrorKind::timed_out, late.what(), Stage::write, true);
  } catch (const system_error& error) {
    if (is_cancelled(error)) throw;
    // A failed write of the first bytes: a server that has not the whole header cannot act on it.
    failure.emplace(ErrorKind::unavailable, "the connection broke while sending: " + error.code().message(),
                    Stage::write, written > 0);
  }
  if (failure) throw *failure;
}

awaitable<std::size_t> Connection::read_all(Parser& parser) {
  while (!parser.is_done()) {
    std::size_t count = 0;
    if (auto* plain = std::get_if<Socket>(&stream_)) {
      count = co_await beast::http::async_read_some(*plain, buffer_, parser, asio::use_awaitable);
    } else {
      count = co_await beast::http::async_read_some(*std::get<1>(stream_), buffer_, parser, asio::use_awaitable);
    }
    if (count > 0) silent_ = false;
  }
  co_return 0;
}

awaitable<void> Connection::read(Parser& parser, milliseconds limit) {
  std::optional<TransportError> failure;
  try {
    co_await async::with_deadline(read_all(parser), limit, "the answer");
  } catch (const Error& late) {
    failure.emplace(ErrorKind::timed_out, late.what(), Stage::read, true);
  } catch (const system_error& error) {
    if (is_cancelled(error)) throw;
    const bool large = error.code() == beast::http::error::body_limit;
    failure.emplace(large ? ErrorKind::system : ErrorKind::unavailable,
                    large ? "the answer is larger than it may be"
                          : "the connection broke before the whole answer had come: " + error.code().message(),
                    Stage::read, true);
  }
  if (failure) throw *failure;
}

bool Connection::is_fresh() {
  auto& raw = socket();
  if (buffer_.size() > 0 || !raw.is_open()) return false;
  char byte = 0;
  const auto count = ::recv(raw.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  // Nothing to read is as it should be. TLS 1.3 may have sent tickets, which the next read takes.
  if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
  return count > 0 && std::holds_alternative<std::unique_ptr<ssl::stream<Socket>>>(stream_);
}

}  // namespace fanout::http
