#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/http_server/certificates.hpp"

namespace fanout::test {

/// What becomes of an answer on its way.
enum class Mishap {
  none,
  reset,     ///< The connection is reset instead.
  close,     ///< It is closed in order instead.
  truncate,  ///< Half of the body comes, then the end.
  drip,      ///< One byte every few milliseconds.
  silence,   ///< Nothing comes, ever.
};

struct HttpRequest {
  std::string method, target;
  std::map<std::string, std::string> headers;  ///< Names in lower case.
  std::string body;

  std::string header(const std::string& name) const;
};

struct HttpAnswer {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Mishap mishap = Mishap::none;
  bool keep_alive = true;
};

/// A web server on a free port of 127.0.0.1, with a thread of its own, that answers what `handler` says.
/// The handler runs on that thread, one call at a time.
class HttpServer {
 public:
  using Handler = std::function<HttpAnswer(const HttpRequest&)>;

  explicit HttpServer(Handler handler, std::optional<Certificate> certificate = std::nullopt);
  ~HttpServer();

  unsigned short port() const;
  /// "http://127.0.0.1:PORT" or "https://localhost:PORT".
  std::string url() const;
  /// Accepted so far.
  unsigned connections() const;
  /// Closes all connections that are open now; new ones are welcome.
  void drop_connections();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A proxy that knows nothing but CONNECT, in the same way.
class ConnectProxy {
 public:
  /// `credentials`: the value of Proxy-Authorization that it wants; empty: none.
  explicit ConnectProxy(std::string credentials);
  ~ConnectProxy();

  std::string address() const;  ///< "127.0.0.1:PORT"
  std::vector<std::string> targets() const;  ///< That it let through.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout::test
