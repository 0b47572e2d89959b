#include <gtest/gtest.h>

#include "server/http/gzip.hpp"
#include "server/http/message.hpp"

namespace fanout::http {
namespace {

TEST(Url, HasItsParts) {
  const auto url = parse_url("HTTPS://User:p%40w@Example.COM:8443/a/b?c=d#e");
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.host, "example.com");
  EXPECT_EQ(url.port, "8443");
  EXPECT_EQ(url.target, "/a/b?c=d");
  EXPECT_EQ(url.login, "User:p@w");
  EXPECT_EQ(url.authority(), "example.com:8443");
}

TEST(Url, FillsInWhatIsLeftOut) {
  const auto url = parse_url("http://example.com");
  EXPECT_EQ(url.port, "80");
  EXPECT_EQ(url.target, "/");
  EXPECT_EQ(url.authority(), "example.com");
  EXPECT_EQ(parse_url("https://example.com?q=1").target, "/?q=1");
}

TEST(Url, AnIpv6AddressStandsInBrackets) {
  const auto url = parse_url("http://[::1]:81/");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, "81");
  EXPECT_EQ(url.authority(), "[::1]:81");
}

TEST(Url, NonsenseIsRefused) {
  for (const char* text : {"", "example.com", "ftp://a/", "https://", "https://a:0/", "https://a:99999/", "https://a:x/",
                           "https://a/b c", "https://a/\r\nX: y", "http://[::1/", "http://[::1]x/"}) {
    EXPECT_THROW(parse_url(text), Error) << text;
  }
}

TEST(Url, ALocationMayBeRelative) {
  const auto base = parse_url("https://h:8443/repos/a/b/issues?page=1");
  EXPECT_EQ(resolve(base, "/repositories/1/issues").target, "/repositories/1/issues");
  EXPECT_EQ(resolve(base, "/x").authority(), "h:8443");
  EXPECT_EQ(resolve(base, "https://other/y").host, "other");
  EXPECT_EQ(resolve(base, "//other/y").origin(), "https://other");
  EXPECT_EQ(resolve(base, "pulls").target, "/repos/a/b/pulls");
}

TEST(Gzip, WhatIsDamagedOrCutOffIsAnError) {
  EXPECT_THROW(gunzip("no gzip at all", 1000), Error);
  EXPECT_THROW(gunzip(std::string("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b", 11), 1000), Error);
  EXPECT_THROW(gunzip("", 1000), Error);
}

}  // namespace
}  // namespace fanout::http
