#include <algorithm>
#include <cctype>
#include <charconv>

#include "common/text.hpp"
#include "server/http/message.hpp"

namespace fanout::http {

namespace {

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorKind::invalid_input, "not a web address: " + why); }

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0 && value < 65536;
}

void read_authority(std::string_view text, Url& url) {
  if (const auto at = text.rfind('@'); at != text.npos) {
    url.login = percent_decoded(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  auto colon = text.rfind(':');
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == text.npos) refuse("an IPv6 address without its ]");
    url.host = lower_case(text.substr(1, close - 1));
    colon = close + 1 < text.size() ? close + 1 : text.npos;
    if (colon != text.npos && text[colon] != ':') refuse("something follows the IPv6 address");
  } else {
    url.host = lower_case(text.substr(0, colon));
  }
  if (url.host.empty()) refuse("there is no host in it");
  if (colon == text.npos) return;
  url.port = text.substr(colon + 1);
  if (!is_port(url.port)) refuse("\"" + url.port + "\" is no port");
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.find(':') == host.npos ? host : "[" + host + "]";
  const bool usual = port == (scheme == "https" ? "443" : "80");
  return usual ? name : name + ":" + port;
}

std::string Url::origin() const { return scheme + "://" + authority(); }

Url parse_url(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= 0x20 || c == 0x7f; })) {
    refuse("it holds a space or a control character");
  }
  Url url;
  const auto colon = text.find("://");
  if (colon != text.npos) url.scheme = lower_case(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") refuse("it begins with neither https:// nor http://");
  text.remove_prefix(colon + 3);
  text = text.substr(0, text.find('#'));
  const auto end = std::min(text.find_first_of("/?"), text.size());
  url.target = text.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  url.port = url.scheme == "https" ? "443" : "80";
  read_authority(text.substr(0, end), url);
  return url;
}

Url resolve(const Url& base, std::string_view location) {
  if (location.starts_with("//")) return parse_url(base.scheme + ":" + std::string(location));
  if (location.starts_with("/")) return parse_url(base.origin() + std::string(location));
  if (location.find("://") != location.npos) return parse_url(location);
  const auto path = base.target.substr(0, base.target.find('?'));
  return parse_url(base.origin() + path.substr(0, path.rfind('/') + 1) + std::string(location));
}

std::string_view Response::header(std::string_view name) const {
  const auto same = [&](const Header& header) {
    return std::equal(header.first.begin(), header.first.end(), name.begin(), name.end(), [](unsigned char a, unsigned char b) {
      return std::tolower(a) == std::tolower(b);
    });
  };
  const auto found = std::find_if(headers.begin(), headers.end(), same);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace fanout::http
