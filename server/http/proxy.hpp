#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/http/message.hpp"

namespace fanout::http {

/// What the environment says of proxies. Pure.
struct Proxies {
  std::optional<Url> for_http, for_https;
  std::vector<std::string> except;  ///< Hosts, ".domain", addresses, "host:port"; "*" is all.

  /// The proxy to reach `url` by, or none.
  std::optional<Url> of(const Url& url) const;
};

/// From https_proxy, HTTPS_PROXY, http_proxy (lower case only, as everywhere: a web server would set the
/// other from a request), all_proxy, ALL_PROXY, no_proxy, NO_PROXY. An address without a scheme is http.
/// Throws Error{invalid_input}, naming the variable: not a web address, or a kind of proxy that is not known.
Proxies proxies_from(const std::map<std::string, std::string>& environment);

/// "Basic …" of a "user:password".
std::string basic_credentials(const std::string& login);

}  // namespace fanout::http
