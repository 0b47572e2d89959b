#include "common/host_rules.hpp"

#include <gtest/gtest.h>

namespace fanout {
namespace {

bool allows(const std::vector<std::string>& rules, const std::string& host) {
  const auto parsed = parse_host(host);
  return parsed && HostRules(rules).allows(*parsed);
}

bool leads_out(const std::string& address) { return is_public(parse_address(address).value()); }

TEST(HostRules, ANameIsAllowedExactlyOrByItsEndAndByThePortsOfTheWeb) {
  EXPECT_TRUE(allows({"api.example.com"}, "api.example.com:443"));
  EXPECT_TRUE(allows({"api.example.com"}, "API.Example.COM.:80"));
  EXPECT_FALSE(allows({"api.example.com"}, "api.example.com:22"));
  EXPECT_FALSE(allows({"api.example.com"}, "api.example.com"));
  EXPECT_FALSE(allows({"api.example.com"}, "xapi.example.com:443"));
  EXPECT_FALSE(allows({"api.example.com"}, "api.example.com.evil.org:443"));
  EXPECT_FALSE(allows({"example.com"}, "api.example.com:443"));
  EXPECT_TRUE(allows({"*.example.com"}, "a.b.example.com:443"));
  EXPECT_FALSE(allows({"*.example.com"}, "example.com:443"));
  EXPECT_FALSE(allows({"*.example.com"}, "evilexample.com:443"));
  EXPECT_TRUE(allows({"*.example.com:8443"}, "a.example.com:8443"));
  EXPECT_FALSE(allows({"*.example.com:8443"}, "a.example.com:443"));
  EXPECT_TRUE(allows({"*"}, "anything.org:443"));
  EXPECT_FALSE(allows({"*"}, "anything.org:25"));
  EXPECT_FALSE(allows({}, "example.com:443"));
}

TEST(HostRules, AnAddressIsAllowedOnlyWhereItIsListed) {
  EXPECT_FALSE(allows({"*"}, "93.184.216.34:443"));
  EXPECT_TRUE(allows({"93.184.216.34"}, "93.184.216.34:443"));
  EXPECT_TRUE(allows({"10.0.0.0/8"}, "10.9.8.7:5432"));
  EXPECT_FALSE(allows({"10.0.0.0/8"}, "11.9.8.7:5432"));
  EXPECT_TRUE(allows({"[::1]:8080"}, "[::1]:8080"));
  EXPECT_TRUE(allows({"127.0.0.1:8080"}, "[::ffff:127.0.0.1]:8080")) << "the same by another name";
}

TEST(HostRules, WhatTheSystemWouldReadAsAnAddressIsNoName) {
  for (const auto* host : {"127.1:80", "2130706433:80", "0x7f.0.0.1:80", "0x7f000001:80", "0177.0.0.1:80", "1.2.3.0x4:80", "::1", "[localhost]:80", "a b:80",
                           "a%00b:80", "user@host:80", "-a.com:80", "a..com:80", ".com:80", "host:0", "host:65536", "host:", "host:80:80", "", "*:80", "h\xc3\xb6st:80"}) {
    EXPECT_FALSE(allows({"*", "0.0.0.0/1", "128.0.0.0/1"}, host)) << host;
  }
  EXPECT_FALSE(parse_host(std::string("1.2.3.4\0.evil.org:80", 20)));
}

TEST(HostRules, PrivateAddressesAreReachedByANameOnlyWhereTheyAreListed) {
  const HostRules list({"*.corp", "10.1.0.0/16", "127.0.0.1:11434"});
  EXPECT_TRUE(list.allows_address(*parse_address("10.1.2.3"), 443));
  EXPECT_FALSE(list.allows_address(*parse_address("10.2.2.3"), 443));
  EXPECT_FALSE(list.allows_address(*parse_address("169.254.169.254"), 80)) << "where clouds keep their machines' keys";
  EXPECT_TRUE(list.allows_address(*parse_address("127.0.0.1"), 11434));
  EXPECT_FALSE(list.allows_address(*parse_address("127.0.0.1"), 443));
  EXPECT_TRUE(list.allows_address(*parse_address("93.184.216.34"), 443));
}

TEST(HostRules, AnAddressInsideAnotherCounts) {
  for (const auto* address : {"0.0.0.0", "127.8.8.8", "10.0.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255",
                              "198.18.0.1", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:7f00:0001::", "2001:0:53aa::1", "fd00::1", "fe80::1",
                              "fec0::1", "ff02::1", "2001:db8::1"}) {
    EXPECT_FALSE(leads_out(address)) << address;
  }
  for (const auto* address : {"1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::1.1.1.1", "::ffff:8.8.8.8", "2002:0808:0808::"}) {
    EXPECT_TRUE(leads_out(address)) << address;
  }
}

TEST(HostRules, WhatIsNoRuleIsToldFromWhatIs) {
  for (const auto* rule : {"example.com", "*.example.com", "localhost", "a_b.example.com:1", "1.2.3.4", "::1", "[::1]:80", "10.0.0.0/8", "fd00::/8", "*"})
    EXPECT_TRUE(parse_host_rule(rule)) << rule;
  for (const auto* rule : {"", "*.", "**.com", "a*.com", "http://example.com", "example.com/path", "10.0.0.0/33", "10.0.0.0/0", "10.0.0.0/x", "*.1.2.3.4", "a b", "on:off"})
    EXPECT_FALSE(parse_host_rule(rule)) << rule;
}

}  // namespace
}  // namespace fanout
