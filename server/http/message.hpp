#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/error.hpp"

namespace fanout::http {

/// Where a request goes. `target` is path and query, "/" at least.
struct Url {
  std::string scheme;  ///< "http" or "https".
  std::string host;    ///< Lower case; an IPv6 address without its brackets.
  std::string port;    ///< As given, else 80 or 443.
  std::string target;
  std::string login;  ///< "user:password" before the host, decoded; empty when there is none.

  /// Value of the Host header: the port only where it is not the usual one.
  std::string authority() const;
  /// Scheme and authority: what connections may be shared within.
  std::string origin() const;
};

/// Throws Error{invalid_input}: neither http nor https, no host, a bad port, or a control character.
/// The message holds no login.
Url parse_url(std::string_view text);

/// Where `location`, absolute or relative, leads from `base`. Throws as parse_url().
Url resolve(const Url& base, std::string_view location);

using Header = std::pair<std::string, std::string>;

struct Request {
  std::string method = "GET";
  std::string url;
  std::vector<Header> headers;
  std::string body;
  /// Doing it twice is the same as once: it may be sent again where the outcome of the first is unknown.
  bool repeatable = false;
};

struct Response {
  unsigned status = 0;
  std::vector<Header> headers;
  std::string body;  ///< Decoded, should it have been gzipped.

  /// The first header of that name, in any case; empty when there is none.
  std::string_view header(std::string_view name) const;
};

/// How far a request got before it failed.
enum class Stage { resolve, connect, proxy, handshake, write, read };

/// A request without a whole answer. Kind: timed_out, unavailable, or system (what no new attempt helps,
/// such as a certificate that is not trusted).
class TransportError : public Error {
 public:
  TransportError(ErrorKind kind, const std::string& message, Stage stage, bool sent)
      : Error(kind, message), stage_(stage), sent_(sent) {}
  Stage stage() const { return stage_; }
  /// False: no byte of the request has left, nothing can have happened. True: the outcome is unknown.
  bool may_have_been_received() const { return sent_; }

 private:
  Stage stage_;
  bool sent_;
};

}  // namespace fanout::http
