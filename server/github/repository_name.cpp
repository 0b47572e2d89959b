#include "server/github/repository_name.hpp"

#include <algorithm>

namespace fanout::github {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

bool is_name(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
  });
}

/// Of "host" and "/owner/name.git".
std::optional<Repository> made_of(std::string_view host, std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with(".git")) path.remove_suffix(4);
  const auto slash = path.find('/');
  if (slash == path.npos) return std::nullopt;
  const auto owner = path.substr(0, slash), name = path.substr(slash + 1);
  if (!is_name(host) || !is_name(owner) || !is_name(name)) return std::nullopt;
  auto known = lower(host);
  if (known == "ssh.github.com" || known == "www.github.com") known = "github.com";
  return Repository{std::move(known), std::string(owner), std::string(name)};
}

std::string_view without_login(std::string_view authority) {
  const auto at = authority.rfind('@');
  return at == authority.npos ? authority : authority.substr(at + 1);
}

std::optional<Repository> of_url(std::string_view url, std::size_t colon) {
  const auto scheme = lower(url.substr(0, colon));
  if (scheme != "https" && scheme != "http" && scheme != "ssh" && scheme != "git" && scheme != "git+ssh") {
    return std::nullopt;
  }
  url.remove_prefix(colon + 3);
  url = url.substr(0, url.find_first_of("?#"));
  const auto slash = url.find('/');
  if (slash == url.npos) return std::nullopt;
  const auto host = without_login(url.substr(0, slash));
  return made_of(host.substr(0, host.find(':')), url.substr(slash));
}

}  // namespace

std::optional<Repository> parse_remote(std::string_view url) {
  if (const auto colon = url.find("://"); colon != url.npos) return of_url(url, colon);
  // The form of scp: a colon before any slash.
  const auto colon = url.find(':');
  if (colon == url.npos || url.find('/') < colon) return std::nullopt;
  return made_of(without_login(url.substr(0, colon)), url.substr(colon + 1));
}

bool is_github_cloud(std::string_view host) { return host == "github.com" || host.ends_with(".ghe.com"); }

Endpoints endpoints_of(std::string_view host) {
  const std::string name(host);
  if (is_github_cloud(host)) return {"https://api." + name, "https://api." + name + "/graphql"};
  return {"https://" + name + "/api/v3", "https://" + name + "/api/graphql"};
}

}  // namespace fanout::github
