#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which hosts may be reached: an allow-list of names, addresses and networks. Pure: nothing here looks up a name.
namespace fanout {

/// IPv6; an IPv4 address is the mapped one (::ffff:a.b.c.d).
using Address = std::array<std::uint8_t, 16>;

/// "10.1.2.3", "fe80::1"; nothing where it is none in its usual form, such as 0x7f.1.
std::optional<Address> parse_address(std::string_view text);

/// Whether an address is out in the internet: not of the loopback, a link, a private network, several receivers, and not
/// kept for something else. One that carries an IPv4 address in it counts as that.
bool is_public(const Address& address);

/// What "HOST:PORT" or "HOST" names; an IPv6 address with a port stands in brackets.
struct HostAndPort {
  std::string host;  ///< Lower case, without brackets and the dot of the root.
  std::optional<std::uint16_t> port;
};
/// Nothing where it is no host's name and no address.
std::optional<HostAndPort> parse_host(std::string_view text);

/// An entry of the list.
struct HostRule {
  enum class Kind {
    any,      ///< "*": every name.
    name,     ///< "host".
    below,    ///< "*.host": names that end so, and not the host itself.
    network,  ///< An address, or a network such as 10.0.0.0/8.
  };
  Kind kind = Kind::name;
  std::string name;
  Address address{};
  unsigned bits = 128;
  std::optional<std::uint16_t> port;  ///< None: 80 and 443.
};
std::optional<HostRule> parse_host_rule(std::string_view text);

/// The list. An empty one allows nothing.
class HostRules {
 public:
  HostRules() = default;
  /// What is no rule allows nothing.
  explicit HostRules(const std::vector<std::string>& rules);

  /// Whether somebody may ask for it by this name, or by this address.
  bool allows(const HostAndPort& host) const;
  /// Whether an address that an allowed name leads to may be reached: a public one, or one that is listed.
  bool allows_address(const Address& address, std::uint16_t port) const;

 private:
  bool lists(const Address& address, std::uint16_t port) const;

  std::vector<HostRule> rules_;
};

}  // namespace fanout
