#include "common/host_rules.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "common/text.hpp"

namespace fanout {

namespace {

constexpr unsigned kMappedBits = 96;  // an IPv4 address stands behind them
constexpr std::size_t kLongestName = 253, kLongestLabel = 63;

struct Network {
  const char* address;
  unsigned bits;
};

/// RFC 6890 and what has come since; but for those that carry an IPv4 address.
constexpr Network kNotPublic[] = {
    {"0.0.0.0", 8},       {"10.0.0.0", 8},     {"100.64.0.0", 10},  {"127.0.0.0", 8},  {"169.254.0.0", 16}, {"172.16.0.0", 12},
    {"192.0.0.0", 24},    {"192.0.2.0", 24},   {"192.88.99.0", 24}, {"192.168.0.0", 16}, {"198.18.0.0", 15}, {"198.51.100.0", 24},
    {"203.0.113.0", 24},  {"224.0.0.0", 4},    {"240.0.0.0", 4},    {"::", 96},        {"64:ff9b:1::", 48}, {"100::", 64},
    {"2001::", 23},       {"2001:db8::", 32},  {"3fff::", 20},      {"5f00::", 16},    {"fc00::", 7},       {"fe80::", 10},
    {"fec0::", 10},       {"ff00::", 8}};

bool is_within(const Address& address, const Address& network, unsigned bits) {
  const auto whole = bits / 8, rest = bits % 8;
  if (!std::equal(network.begin(), network.begin() + whole, address.begin())) return false;
  return rest == 0 || ((address[whole] ^ network[whole]) >> (8 - rest)) == 0;
}

Address mapped(const std::uint8_t* four) {
  Address address{};
  address[10] = address[11] = 0xff;
  std::copy(four, four + 4, address.begin() + 12);
  return address;
}

bool is_mapped(const Address& address) { return is_within(address, *parse_address("0.0.0.0"), kMappedBits); }

/// The IPv4 address that a translator or a tunnel makes of it.
std::optional<Address> carried_by(const Address& address) {
  if (is_within(address, *parse_address("64:ff9b::"), 96)) return mapped(address.data() + 12);
  if (is_within(address, *parse_address("2002::"), 16)) return mapped(address.data() + 2);
  return std::nullopt;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 ? std::optional(port) : std::nullopt;
}

bool is_label(std::string_view label) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  return !label.empty() && label.size() <= kLongestLabel && label.front() != '-' && std::all_of(label.begin(), label.end(), fits);
}

/// The last label has a letter: else the system would take it for an address.
bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName) return false;
  std::string_view label;
  for (auto rest = name;;) {
    const auto dot = rest.find('.');
    label = rest.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == rest.npos) break;
    rest.remove_prefix(dot + 1);
  }
  const bool hexadecimal = label.starts_with("0x");
  return !hexadecimal && std::any_of(label.begin(), label.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

bool fits_port(const HostRule& rule, std::uint16_t port) { return rule.port ? *rule.port == port : port == 80 || port == 443; }

/// "ADDRESS/BITS".
std::optional<HostRule> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  const auto bits_text = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(bits_text.data(), bits_text.data() + bits_text.size(), bits);
  if (!address || error != std::errc() || end != bits_text.data() + bits_text.size()) return std::nullopt;
  const unsigned before = is_mapped(*address) ? kMappedBits : 0;
  if (bits == 0 || bits + before > 128) return std::nullopt;
  return HostRule{HostRule::Kind::network, "", *address, bits + before, std::nullopt};
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != terminated.npos) return std::nullopt;
  Address address{};
  if (::inet_pton(AF_INET6, terminated.c_str(), address.data()) == 1) return address;
  std::uint8_t four[4];
  if (::inet_pton(AF_INET, terminated.c_str(), four) == 1) return mapped(four);
  return std::nullopt;
}

bool is_public(const Address& address) {
  if (const auto carried = carried_by(address)) return is_public(*carried);
  return std::none_of(std::begin(kNotPublic), std::end(kNotPublic), [&](const Network& network) {
    const auto first = *parse_address(network.address);
    return is_within(address, first, network.bits + (is_mapped(first) ? kMappedBits : 0));
  });
}

std::optional<HostAndPort> parse_host(std::string_view text) {
  HostAndPort found;
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return std::nullopt;
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return std::nullopt;
  } else if (const auto colon = text.find(':'); colon != text.npos && text.find(':', colon + 1) == text.npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (!port.empty() && !(found.port = parse_port(port.substr(1)))) return std::nullopt;
  found.host = lower_case(host);
  if (parse_address(found.host)) return found;
  if (text.starts_with('[')) return std::nullopt;
  if (found.host.ends_with('.')) found.host.pop_back();
  return is_name(found.host) ? std::optional(found) : std::nullopt;
}

std::optional<HostRule> parse_host_rule(std::string_view text) {
  if (text == "*") return HostRule{HostRule::Kind::any, "", {}, 0, std::nullopt};
  if (text.find('/') != text.npos) return parse_network(text);
  const bool below = text.starts_with("*.");
  const auto host = parse_host(below ? text.substr(2) : text);
  if (!host) return std::nullopt;
  const auto address = parse_address(host->host);
  if (address && below) return std::nullopt;
  if (address) return HostRule{HostRule::Kind::network, "", *address, 128, host->port};
  return HostRule{below ? HostRule::Kind::below : HostRule::Kind::name, host->host, {}, 0, host->port};
}

HostRules::HostRules(const std::vector<std::string>& rules) {
  for (const auto& text : rules) {
    if (auto rule = parse_host_rule(text)) rules_.push_back(std::move(*rule));
  }
}

bool HostRules::lists(const Address& address, std::uint16_t port) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const HostRule& rule) {
    // A network is for names that lead into it, by whatever port the name has.
    const bool whole = rule.bits < 128 && !rule.port;
    return rule.kind == HostRule::Kind::network && is_within(address, rule.address, rule.bits) && (whole || fits_port(rule, port));
  });
}

bool HostRules::allows(const HostAndPort& host) const {
  if (!host.port) return false;
  if (const auto address = parse_address(host.host)) return lists(*address, *host.port);
  return std::any_of(rules_.begin(), rules_.end(), [&](const HostRule& rule) {
    if (!fits_port(rule, *host.port)) return false;
    switch (rule.kind) {
      case HostRule::Kind::any: return true;
      case HostRule::Kind::name: return host.host == rule.name;
      case HostRule::Kind::below: return host.host.ends_with("." + rule.name);
      case HostRule::Kind::network: return false;
    }
    return false;
  });
}

bool HostRules::allows_address(const Address& address, std::uint16_t port) const {
  return is_public(address) || lists(address, port);
}

}  // namespace fanout
