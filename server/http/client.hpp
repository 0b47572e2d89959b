#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/async/async.hpp"
#include "server/http/message.hpp"
#include "server/http/proxy.hpp"

namespace fanout::http {

struct ClientOptions {
  std::string user_agent = "fanout";
  std::map<std::string, std::string> environment;  ///< Proxies, SSL_CERT_FILE, SSL_CERT_DIR.
  std::vector<std::filesystem::path> authorities;  ///< Trusted besides the system's; PEM files.
  std::chrono::milliseconds resolve{10'000}, connect{10'000}, proxy{15'000}, handshake{15'000}, write{30'000};
  std::chrono::milliseconds read{60'000};  ///< For the whole answer.
  std::size_t body_limit = 16u << 20;      ///< Bytes, after decoding.
  std::size_t connections_per_host = 12;   ///< Further requests wait.
  std::chrono::milliseconds idle{20'000};  ///< An unused connection is kept so long.
};

/// HTTP/1.1 by TLS or plain, over connections that are kept for the next request to the same host.
///
/// Redirects are the caller's business. Every stage has its deadline. A connection that the server had closed
/// while it was idle is replaced unseen where nothing has been sent or the request is repeatable.
/// Cancellation of send(): throws operation_aborted; whether a request had left is not told then.
/// Lives on the I/O thread. Not thread-safe. Lifetime: outlives its send()s.
class Client {
 public:
  /// BLOCKS for a moment: reads certificates. Throws Error{precondition or invalid_input}.
  Client(const async::Executor& executor, ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Any status is an answer. Throws TransportError, and Error{invalid_input} for a bad request.
  async::awaitable<Response> send(Request request);

  /// Connections that wait for a next request.
  std::size_t idle_connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout::http
