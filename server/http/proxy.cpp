#include "server/http/proxy.hpp"

#include <openssl/evp.h>

#include "common/text.hpp"

namespace fanout::http {

namespace {

using Environment = std::map<std::string, std::string>;

/// The first of these variables that is set and not empty.
std::optional<std::pair<std::string, std::string>> first_of(const Environment& environment,
                                                            std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = environment.find(name);
    if (found != environment.end() && !trimmed(found->second).empty()) return *found;
  }
  return std::nullopt;
}

std::optional<Url> proxy_in(const Environment& environment, std::initializer_list<const char*> names) {
  const auto variable = first_of(environment, names);
  if (!variable) return std::nullopt;
  std::string text(trimmed(variable->second));
  if (text.find("://") == text.npos) text.insert(0, "http://");
  if (!text.starts_with("http://") && !text.starts_with("HTTP://")) {
    throw Error(ErrorKind::invalid_input,
                variable->first + " names a proxy of a kind that is not supported: use http://host:port");
  }
  try {
    return parse_url(text);
  } catch (const Error& error) {
    throw Error(ErrorKind::invalid_input, variable->first + " is " + error.what());
  }
}

std::vector<std::string> exceptions_in(const Environment& environment) {
  std::vector<std::string> all;
  const auto variable = first_of(environment, {"no_proxy", "NO_PROXY"});
  std::string word;
  for (char c : variable ? variable->second + "," : std::string()) {
    if (c == ',' || c == ' ') {
      if (!word.empty()) all.push_back(std::move(word));
      word.clear();
    } else {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return all;
}

bool is_covered(const Url& url, std::string_view rule) {
  if (rule == "*") return true;
  if (rule.starts_with("*.")) rule.remove_prefix(1);
  if (rule == url.host + ":" + url.port) return true;
  if (rule.starts_with('.')) rule.remove_prefix(1);
  return url.host == rule || url.host.ends_with("." + std::string(rule));
}

}  // namespace

std::optional<Url> Proxies::of(const Url& url) const {
  for (const auto& rule : except) {
    if (is_covered(url, rule)) return std::nullopt;
  }
  return url.scheme == "https" ? for_https : for_http;
}

Proxies proxies_from(const Environment& environment) {
  Proxies proxies;
  proxies.for_https = proxy_in(environment, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  proxies.for_http = proxy_in(environment, {"http_proxy", "all_proxy", "ALL_PROXY"});
  proxies.except = exceptions_in(environment);
  return proxies;
}

std::string basic_credentials(const std::string& login) {
  std::string text(4 * ((login.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock ends it with a zero.
  auto* out = reinterpret_cast<unsigned char*>(text.data());
  const auto* in = reinterpret_cast<const unsigned char*>(login.data());
  text.resize(static_cast<std::size_t>(::EVP_EncodeBlock(out, in, static_cast<int>(login.size()))));
  return "Basic " + text;
}

}  // namespace fanout::http
