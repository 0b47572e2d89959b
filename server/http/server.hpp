#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/async/async.hpp"
#include "server/http/message.hpp"

namespace fanout::http {

/// A request as a server gets it.
struct Incoming {
  std::string method;  ///< Such as "GET".
  std::string path;    ///< Before the "?", as it was sent.
  std::string query;   ///< After it.
  std::vector<Header> headers;
  std::string body;

  /// The first header of that name, in any case; empty when there is none.
  std::string_view header(std::string_view name) const;
  /// The first value of that name in the query, decoded; empty when there is none.
  std::string parameter(std::string_view name) const;
};

struct ServerOptions {
  std::string address = "127.0.0.1";  ///< An address of the loopback; others are refused.
  std::uint16_t port = 0;             ///< 0: any that is free.
  /// Instead of a port: a Unix socket, which only this user can open. All routes are open to whoever can.
  std::filesystem::path socket = {};
  std::string token;                  ///< What requests must bring as "Authorization: Bearer …".
  std::size_t header_limit = 16u << 10, body_limit = 1u << 20;  ///< Bytes.
  std::size_t most_connections = 64;  ///< Beyond it the one that has waited longest with its request goes.
  std::chrono::milliseconds read{30'000};   ///< For a whole request; also how long an idle connection is kept.
  std::chrono::milliseconds answer{60'000}, write{30'000};
};

/// HTTP/1.1 for programs and browsers on this machine: metrics, a dashboard, webhooks from a forwarder.
///
/// Every process of every user can reach the loopback, and so can every web page that a browser here shows. Hence: a
/// token; a Host that is the loopback's (else a name somebody rebinds to 127.0.0.1 would do); an Origin, if any, that is
/// our own; no sharing across origins, and a content policy that lets a page load nothing.
/// A request that is malformed, too large or too slow costs its own connection only. What a handler throws becomes an
/// answer: Error{not_found} 404, {invalid_input} 400, {precondition} 409, the rest 500.
/// Lives on the I/O thread. Not thread-safe. Lifetime: outlives its run().
class Server {
 public:
  using Handler = std::function<async::awaitable<Response>(Incoming)>;

  /// An answer that goes on for as long as its handler does, such as server-sent events.
  class Stream {
   public:
    virtual ~Stream() = default;
    /// Sends what is said before the first piece; its body is not sent. Call it once, first.
    virtual async::awaitable<void> begin(Response head) = 0;
    /// Returns when the system has taken the piece, which is when the reader keeps up. Throws system_error when that
    /// takes too long, or the reader has gone.
    virtual async::awaitable<void> write(std::string piece) = 0;
  };
  /// Is cancelled when the reader goes away. What it throws before begin() is an answer, as with a Handler.
  using Streamer = std::function<async::awaitable<void>(Incoming, Stream&)>;

  /// Who may come in by a route.
  enum class Door {
    token,   ///< Who has the token and passes all checks above.
    page,    ///< Whose Host and Origin pass; the handler looks for a token in the query, since pages set no header.
    own,     ///< Anyone: the handler checks, such as the signature of a webhook. Host and Origin do not count.
  };

  /// Listens from now on; answers when run() does. Throws Error{invalid_input or system}.
  Server(const async::Executor& executor, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Before run(). `path` is matched whole, or, where it ends in "/", as a beginning; the longest wins.
  void route(std::string method, std::string path, Door door, Handler handler);
  /// The same for GET and an answer that goes on; its connection ends with it.
  void stream(std::string path, Door door, Streamer streamer);

  /// Such as "127.0.0.1:9464"; the path of a Unix socket.
  std::string address() const;

  /// Serves until cancelled; then ends all connections.
  async::awaitable<void> run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// "127.0.0.1:9464", "[::1]:9464" or ":9464" taken apart. Throws Error{invalid_input}: no such form, no port, or not the
/// loopback.
ServerOptions listening_on(std::string_view address);

/// An answer in text.
Response text_response(unsigned status, std::string text, std::string type = "text/plain; charset=utf-8");

}  // namespace fanout::http
